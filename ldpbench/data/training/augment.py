"""Augmentation that does not lie about depth.

A point behind the focus lies farther right in the right view than in the left one: d = xR - xL > 0. Its signed blur has
the sign of d. What each change does to d, and so to a signed blur map:

- Mirrored, views exchanged. x becomes -x, and what was left is right: the new d is (-xL) - (-xR) = xR - xL. The pair is
  what a camera sees of the mirrored scene. The blur map is mirrored and keeps its sign.
- Mirrored alone. The new d is (-xR) - (-xL) = -d: near looks far and far looks near. The blur map is mirrored and keeps
  its sign, which is then the wrong one. Only the field's policy does this.
- Upside down. x stays, and so does d. The blur map is turned and keeps its sign.
- A quarter turn. The disparity becomes vertical; no camera sees that, and the sign means nothing. A half turn is a
  mirror and an upside-down: -d. Only the field's policy does these.
- Channels in another order. x stays. The blur map stays.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ldpbench.core.names import unknown_name

Plane = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Patch:
    """A window of a scene, float32 (C, H, W) with C = 1 or 3; the blur map is (1, H, W), NaN where unknown."""

    left: Plane
    right: Plane
    center: Plane | None = None
    target: Plane | None = None
    blur_map: Plane | None = None

    def map(self, change: Callable[[Plane], Plane]) -> "Patch":
        """The same change of the last two axes of everything that is there."""
        present = {spec.name: getattr(self, spec.name) for spec in fields(self)}
        return replace(self, **{name: change(value) for name, value in present.items() if value is not None})


def mirrored(patch: Patch) -> Patch:
    """Left and right exchanged in the scene: pictures mirrored, views exchanged, blur keeps its sign."""
    bare = mirrored_bare(patch)
    return replace(bare, left=bare.right, right=bare.left)


def mirrored_bare(patch: Patch) -> Patch:
    """Pictures mirrored and views not exchanged, as the field does it: near looks far, and the blur map is wrong."""
    return patch.map(lambda plane: plane[..., ::-1])


def upside_down(patch: Patch) -> Patch:
    """The scene upside down."""
    return patch.map(lambda plane: plane[..., ::-1, :])


def quarter_turn(patch: Patch, times: int) -> Patch:
    """Turned by 90 degrees a few times, as the field does it: the disparity of the views becomes vertical."""
    return patch.map(lambda plane: np.rot90(plane, times, axes=(-2, -1)))


def _dual_pixel(patch: Patch, rng: np.random.Generator) -> Patch:
    if rng.integers(2):
        patch = mirrored(patch)
    return upside_down(patch) if rng.integers(2) else patch


def _field(patch: Patch, rng: np.random.Generator) -> Patch:
    """One of the eight flips and turns, alike for all pictures, views never exchanged."""
    mode = int(rng.integers(8))
    patch = quarter_turn(patch, mode % 4)
    return mirrored_bare(patch) if mode >= 4 else patch


def _none(patch: Patch, rng: np.random.Generator) -> Patch:
    del rng
    return patch


Policy = Callable[[Patch, np.random.Generator], Patch]
POLICIES: Mapping[str, Policy] = MappingProxyType({"dual-pixel": _dual_pixel, "field": _field, "none": _none})
"""``dual-pixel``: mirrored with exchanged views, and upside down. ``field``: all eight flips and turns, views never
exchanged, for parity with published training. ``none``."""


def policy(name: str) -> Policy:
    """The policy of that name.

    Raises:
        UsageError: If there is none.
    """
    if name not in POLICIES:
        raise unknown_name("augmentation", name, POLICIES)
    return POLICIES[name]


def shuffled_channels(patch: Patch, rng: np.random.Generator) -> Patch:
    """The colour channels in another order, alike for all pictures; nothing for grey."""
    order = rng.permutation(patch.left.shape[0])
    pictures: dict[str, Any] = {
        name: value[order]
        for name in ("left", "right", "center", "target")
        if (value := getattr(patch, name)) is not None
    }
    return replace(patch, **pictures)
