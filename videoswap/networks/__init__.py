"""Torch modules with the keys of the official checkpoints, and nothing else."""
