"""Recipe of the small identity encoder: its data, its losses, its settings."""
