"""Faces for training: found, checked, aligned and packed; and how a recipe reads them."""
