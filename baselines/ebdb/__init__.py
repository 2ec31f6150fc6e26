"""EBDB: blur estimated at edges and spread over the picture, then deconvolution by that map. No training."""

from .method import Ebdb

__all__ = ["build"]


def build() -> Ebdb:
    """The method."""
    return Ebdb()
