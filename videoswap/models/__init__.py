"""Weights on disk: the manifest, download and verification."""
