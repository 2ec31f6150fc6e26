"""Signed disparity of the two views without training, and the blur map it gives."""
