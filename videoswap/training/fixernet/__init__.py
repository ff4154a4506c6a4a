"""Recipe of FixerNet, ReliableSwap's encoder of the mouth."""
