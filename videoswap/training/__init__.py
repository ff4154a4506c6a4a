"""How networks learn: data, losses, recipes, and the one loop that runs them.

Importing this package does not import torch.
"""
