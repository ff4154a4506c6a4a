"""Animated GIF, WebP and PNG."""
