"""The training of ReliableSwap (ygtxr1997/ReliableSwap)."""
