"""ReliableSwap: a FaceShifter generator with FixerNet."""
