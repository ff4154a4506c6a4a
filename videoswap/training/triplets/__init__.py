"""Triplets for swappers: faces swapped by the mesh engine, whose true answer is a photo."""
