"""What methods cost: one timing protocol, in a process of its own for every method and size."""
