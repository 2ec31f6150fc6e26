"""Non-blind deconvolution under a hyper-Laplacian prior (Krishnan and Fergus, NIPS 2009).

Minimises ``weight / 2 |k * x - y|^2 + sum |D x|^alpha``: the gradients ``w`` are split off, and the two halves are
solved in turn while a growing ``beta`` binds ``w`` to the gradients of ``x``.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ldpbench.deconvolution.kernels import transfer_function
from ldpbench.deconvolution.shrinkage import shrinkage_table, shrunk_divergence
from ldpbench.metrics.jit import compiled

Plane = NDArray[np.float64]
Spectrum = NDArray[np.complex128]

BETAS = tuple(float(8 ** (step / 2)) for step in range(6))
"""The weights that bind the split gradients, one step each: 1, 2.83, 8, ..., 181."""


def fast_deconv(picture: Plane, kernel: Plane, *, weight: float, alpha: float) -> Plane:
    """Deconvolve one periodic plane.

    Args:
        picture: (H, W), nominally in [0, 1].
        kernel: (n, m) of sum 1, no larger than the picture.
        weight: Of fidelity against the prior, above 0; the papers' lambda. Smaller is smoother.
        alpha: Exponent of the prior, above 0; natural pictures have 0.5 to 0.8.

    Returns:
        The sharper plane, float64 (H, W), not clipped.
    """
    shape = (picture.shape[0], picture.shape[1])
    transfer = transfer_function(kernel, shape)
    matched = np.conj(transfer) * fft.rfft2(picture)
    power = transfer.real**2 + transfer.imag**2
    vertical, horizontal = _difference_power(fft.fftfreq(shape[0])), _difference_power(fft.rfftfreq(shape[1]))
    sharp = np.array(picture, dtype=np.float64)
    for beta in BETAS:
        spectrum = fft.rfft2(shrunk_divergence(sharp, shrinkage_table(alpha, beta)))
        _least_squares(spectrum, matched, power, vertical, horizontal, beta / weight)
        sharp = np.asarray(fft.irfft2(spectrum, s=shape, overwrite_x=True), dtype=np.float64)
    return sharp


def _difference_power(frequencies: Plane) -> Plane:
    """Power of a forward difference, at frequencies in cycles per pixel."""
    return np.asarray(4 * np.sin(np.pi * frequencies) ** 2, dtype=np.float64)


@compiled
def _least_squares(
    spectrum: Spectrum, matched: Spectrum, power: Plane, vertical: Plane, horizontal: Plane, ratio: float
) -> None:
    """Turn the spectrum of ``D^T w`` into that of the best ``x``, in place."""
    for row in range(spectrum.shape[0]):
        for column in range(spectrum.shape[1]):
            total = matched[row, column] + ratio * spectrum[row, column]
            spectrum[row, column] = total / (power[row, column] + ratio * (vertical[row] + horizontal[column]))
