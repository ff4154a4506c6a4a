"""The engine of this project's own small model."""
