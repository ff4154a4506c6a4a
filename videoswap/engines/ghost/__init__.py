"""GHOST: AEI-Net on ArcFace's raw embedding."""
