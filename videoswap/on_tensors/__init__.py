"""Steps of the second pass on batches of torch tensors, for a GPU; the same on CPU tensors."""
