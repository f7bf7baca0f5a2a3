"""Small models: the families, their training and prediction, and the folder of a trained model.

The room imports pretrained, metrics (to choose by), machine, files and settings. It reads data/subsampled and
data/prepared, and returns the contents of data/predictions, data/usage, data/models and data/curves. It keeps finished
and unfinished seeds in the state folder.
"""
