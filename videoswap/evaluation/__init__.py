"""Evaluation: how good a result is, in numbers."""
