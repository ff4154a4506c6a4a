"""Swap chosen faces in videos and pictures, and change nothing else."""
