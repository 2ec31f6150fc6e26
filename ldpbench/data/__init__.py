"""Getting data onto disk, verified, and reading it back exactly."""
