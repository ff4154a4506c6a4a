"""Metrics: a file for each subject; ``families`` lists them all."""
