"""Coordinates and small pictures: affine matrices, crops, face masks, least-cost pairs."""
