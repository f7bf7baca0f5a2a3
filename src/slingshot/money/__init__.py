"""Costs of training and prediction, per text and per month, and the number of texts at which two contestants cost the
same.

Imports settings, files and machine. Reads data/usage and the prices in params.yaml; returns what metrics/cost stores.
"""
