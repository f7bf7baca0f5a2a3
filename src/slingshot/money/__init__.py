"""Prices into money: what training and predicting cost, by the text and by the month, and where two cost the same.

Imports settings, files and machine. Works on data/usage and the prices in params.yaml; gives back metrics/cost.
"""
