"""The training of GHOST (ai-forever/ghost)."""
