"""What files say besides figures: each note is a code with its values, and its words stand here and nowhere else."""
