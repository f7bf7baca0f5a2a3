"""What is said of predictions: point figures, intervals, pairs and the rule, calibration, learning curves.

Imports settings, files and machine. Reads data/predictions and data/prepared; gives back what stages write to
metrics/scores, metrics/intervals, metrics/pairs, data/plots and data/errors.
"""
