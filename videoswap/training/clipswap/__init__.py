"""The training of ClipSwap, by what its README says: its code and numbers are not published."""
