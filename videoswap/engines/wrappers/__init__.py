"""Engines around an engine: pixel boost and face restorers."""
