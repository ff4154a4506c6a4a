"""Numbered pictures as a video, in and out."""
