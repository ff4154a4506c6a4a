"""The training of the face parser."""
