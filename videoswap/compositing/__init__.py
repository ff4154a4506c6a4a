"""Swapped crops back into frames: masks, color, paste."""
