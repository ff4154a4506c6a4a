"""Coordinates and small pictures: affine matrices, squares, face masks, least-cost pairs."""
