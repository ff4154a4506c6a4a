"""The generator of the lite engine: it corrects swaps of the mesh engine."""
