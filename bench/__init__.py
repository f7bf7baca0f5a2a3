"""Measurements of speed, memory and error rates, run by hand and recorded in bench/README.md."""
