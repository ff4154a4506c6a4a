"""Swapped crops back into frames: masks, colour, paste."""
