"""Weights files of any origin, read without running anything that came with them."""
