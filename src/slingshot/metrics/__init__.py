"""Figures of predictions: scores, intervals, comparisons of pairs and their rule, calibration, learning curves.

Imports settings, files and machine. Reads data/predictions and data/prepared; returns the content that stages write
to metrics/scores, metrics/intervals, metrics/pairs, data/plots and data/errors.
"""
