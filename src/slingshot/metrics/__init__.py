"""Metrics, intervals and paired comparisons: figures from predictions, whoever made them."""
