"""Blur maps from CLIP: dense tokens as in the paper, patches as in its release, and where the weights come from."""
