"""How the work runs: stages in threads, segments, devices, progress."""
