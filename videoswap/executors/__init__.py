"""Who does the pieces of a run: processes of this machine, or a cluster."""
