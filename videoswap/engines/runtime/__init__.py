"""How neural engines run: what start-up measures, batches."""
