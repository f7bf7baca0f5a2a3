"""Small models: the families, their training and prediction, and the folder that a trained model is kept in.

Imports pretrained, metrics (what chooses), machine, files, settings. Reads data/subsampled and data/prepared; gives
back data/predictions, data/usage, data/models and data/curves; keeps unfinished and finished seeds in the state folder.
"""
