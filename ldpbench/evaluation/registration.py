"""Registering a target onto the centre view, without ever looking at a prediction.

PixelDP's ground truth lies up to 2.5 px beside its views and is scaled by up to 0.6 %. Patches of the blurry centre
view are matched with the target blurred by discs of several sizes; a shift and a scale are fitted to the matches. The
result depends on the scene alone, so every method is scored against the same registered target.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import IntegrityError

PATCH_PX = 96
SEARCH_PX = 6
"""Farthest shift that is looked for, in each direction."""
DISC_RADII_PX = (0.0, 1.5, 3.0, 4.5, 6.0, 7.5, 9.0, 11.0, 13.0, 15.0, 17.0)
MIN_CORRELATION = 0.9
"""Matches below this are not trusted."""
MIN_MATCHES = 12
HUBER_PX = 0.35
"""Residuals beyond this count linearly: some patches hold an occlusion edge or a repetitive texture."""
FIT_ROUNDS = 20

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Similarity:
    """Where the target's content lies: at p + (dx, dy) + scale * (p - centre) for a point p of the centre view."""

    dx_px: float
    dy_px: float
    scale: float
    """Relative growth: -0.002 for content that lies 0.2 % nearer the centre."""
    n_matches: int


@dataclass(frozen=True)
class Matches:
    """Patch centres relative to the image centre and their displacements, each (M, 2) as (x, y) in px."""

    places: NDArray[np.float64]
    shifts: NDArray[np.float64]


def estimate_similarity(view: Plane, target: Plane) -> Similarity:
    """Shift and scale from the centre view to the target.

    Args:
        view: float32 (H, W), the blurry centre view, in the domain that is scored.
        target: float32 (H, W), the sharp target in the same domain.

    Raises:
        IntegrityError: If fewer than ``MIN_MATCHES`` patches can be matched.
    """
    matches = match_patches(view, target)
    if len(matches.places) < MIN_MATCHES:
        raise IntegrityError(
            f"only {len(matches.places)} patches of the centre view match the target, expected at least {MIN_MATCHES}",
            hint="this scene cannot be scored under a registered protocol",
        )
    dx, dy, scale = _fit(matches)
    return Similarity(dx, dy, scale, len(matches.places))


def disc_kernel(radius_px: float) -> Plane:
    """A disc with an anti-aliased rim, summing to 1."""
    reach = int(np.ceil(radius_px)) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = np.clip(radius_px + 0.5 - np.hypot(x, y), 0.0, 1.0)
    return np.asarray(disc / disc.sum(), dtype=np.float32)


def match_patches(view: Plane, target: Plane) -> Matches:
    """Match a grid of patches of ``view`` with the target, each under the disc blur that fits it best."""
    height, width = view.shape
    corners = [
        (top, left)
        for top in range(SEARCH_PX, height - PATCH_PX - SEARCH_PX + 1, PATCH_PX)
        for left in range(SEARCH_PX, width - PATCH_PX - SEARCH_PX + 1, PATCH_PX)
    ]
    best = np.full(len(corners), MIN_CORRELATION)
    shifts = np.full((len(corners), 2), np.nan)
    for radius in DISC_RADII_PX:
        blurred = target if radius == 0.0 else cv2.filter2D(target, -1, disc_kernel(radius))
        for index, (top, left) in enumerate(corners):
            patch = view[top : top + PATCH_PX, left : left + PATCH_PX]
            reach = PATCH_PX + SEARCH_PX
            area = blurred[top - SEARCH_PX : top + reach, left - SEARCH_PX : left + reach]
            score, shift = _best_shift(np.asarray(cv2.matchTemplate(area, patch, cv2.TM_CCOEFF_NORMED)))
            if shift is not None and score > best[index]:
                best[index], shifts[index] = score, shift
    found = np.isfinite(shifts[:, 0])
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    half = (PATCH_PX - 1) / 2
    places = np.array([(left + half, top + half) for top, left in corners], dtype=np.float64).reshape(-1, 2) - middle
    return Matches(places[found], shifts[found])


def _best_shift(correlation: NDArray[np.floating]) -> tuple[float, tuple[float, float] | None]:
    """The peak of a correlation surface to a fraction of a pixel; no shift if it lies on the rim or is flat."""
    row, column = np.unravel_index(int(np.argmax(correlation)), correlation.shape)
    peak = float(correlation[row, column])
    inside = 0 < row < correlation.shape[0] - 1 and 0 < column < correlation.shape[1] - 1
    if not inside or not np.isfinite(peak):
        return peak, None
    dx = _vertex(*(float(value) for value in correlation[row, column - 1 : column + 2]))
    dy = _vertex(*(float(value) for value in correlation[row - 1 : row + 2, column]))
    return peak, (column + dx - SEARCH_PX, row + dy - SEARCH_PX)


def _vertex(before: float, peak: float, after: float) -> float:
    """Where a parabola through three neighbours has its maximum, relative to the middle one."""
    curvature = before - 2 * peak + after
    return 0.0 if curvature >= 0 else 0.5 * (before - after) / curvature


def _fit(matches: Matches) -> tuple[float, float, float]:
    """Robust least squares for dx + s x and dy + s y, started from the median shift."""
    n_matches = len(matches.places)
    design = np.zeros((2 * n_matches, 3))
    design[:n_matches, 0] = 1.0
    design[n_matches:, 1] = 1.0
    design[:, 2] = matches.places.T.reshape(-1)
    wanted = matches.shifts.T.reshape(-1)
    solution = np.array([*np.median(matches.shifts, axis=0), 0.0])
    for _ in range(FIT_ROUNDS):
        residual = (wanted - design @ solution).reshape(2, n_matches)
        weight = np.minimum(1.0, HUBER_PX / np.maximum(np.hypot(*residual), 1e-9))
        root = np.sqrt(np.concatenate([weight, weight]))
        solution = np.linalg.lstsq(design * root[:, None], wanted * root, rcond=None)[0]
    return float(solution[0]), float(solution[1]), float(solution[2])


def register_target(target: Plane, similarity: Similarity) -> Plane:
    """The target as it looks from the centre view's grid, float32 (H, W), by Lanczos resampling.

    Pixels whose source lies outside repeat the border; a protocol's border has to be wide enough to leave them out.
    """
    height, width = target.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    map_x = x + np.float32(similarity.dx_px) + np.float32(similarity.scale) * (x - np.float32((width - 1) / 2))
    map_y = y + np.float32(similarity.dy_px) + np.float32(similarity.scale) * (y - np.float32((height - 1) / 2))
    moved = cv2.remap(target, map_x, map_y, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    return np.clip(np.asarray(moved, dtype=np.float32), target.min(), target.max())
