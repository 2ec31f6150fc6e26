"""Blur maps: how blurred every pixel is, from CLIP, from the disparity of the views, or from a set's own truth."""
