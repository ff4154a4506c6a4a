"""What makes the swapped face. Every folder here is an engine; see ``videoswap/plugins.py``."""
