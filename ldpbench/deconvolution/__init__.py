"""Classical deblurring without training: the blur of one picture from its edges, and deconvolution by a map of blur."""

from ldpbench.deconvolution.by_map import hyper_laplacian_deblur
from ldpbench.deconvolution.edge_blur import edge_blur_map
from ldpbench.deconvolution.solver import fast_deconv

__all__ = ["edge_blur_map", "fast_deconv", "hyper_laplacian_deblur"]
