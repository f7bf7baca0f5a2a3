"""Notes, i.e. what files say besides figures. A note is a code with its values. Its words are here and nowhere else."""
