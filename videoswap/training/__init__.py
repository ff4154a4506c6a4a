"""What networks learn by: losses, margins, learning rates.

Torch only. There are no data and no loops here yet; the numbers are those of the published code.
"""
