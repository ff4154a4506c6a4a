"""The engines that make swapped crops, one file each behind one protocol."""
