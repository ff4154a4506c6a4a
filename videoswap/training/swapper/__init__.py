"""What every training of a face swapper shares; the recipes of papers derive from it."""
