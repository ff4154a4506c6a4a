"""Faces through a video: shots, tracks, gaps, landmarks over time, and the store of it all."""
