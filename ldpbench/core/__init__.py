"""Standard-library foundations: errors, hashing, atomic files, seeds, names, shipped resources."""
