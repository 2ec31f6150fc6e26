"""The prompts: those of the paper (Yang et al., CVPR 2024, Table 4) and those of its release."""

from collections.abc import Mapping

from ldpbench.core.names import unknown_name

BLUR_PROMPTS = ("A blurry image.", "An obscured image.", "An out of focus image.", "An image lacking sharpness.")
"""High similarity means blurred."""
DP_PROMPTS = (
    "A symmetrical image.",
    "A horizontally symmetrical image.",
    "A left-right symmetrical image.",
    "A symmetrical image at the pixel level.",
)
"""Asked of [left | mirrored right]: high similarity means symmetric, so sharp."""
RELEASED_DP_PROMPT = "A symmetric image at pixel level"
RELEASED_SINGLE_PROMPT = "A blurry image"

_GROUPS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ens2": (BLUR_PROMPTS, DP_PROMPTS),
    "blur": (BLUR_PROMPTS, ()),
    "dp": ((), DP_PROMPTS),
    **{f"blur-{number}": ((prompt,), ()) for number, prompt in enumerate(BLUR_PROMPTS, start=1)},
    **{f"dp-{number}": ((), (prompt,)) for number, prompt in enumerate(DP_PROMPTS, start=1)},
}


def prompt_group(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Blur-aware and DP-aware prompts of a row of Table 5.

    Args:
        name: ``ens2`` (all eight), ``blur`` or ``dp`` (Ens.1 of one kind), ``blur-1`` to ``blur-4``, ``dp-1`` to
            ``dp-4``.

    Raises:
        UsageError: If there is no such group.
    """
    if name not in _GROUPS:
        raise unknown_name("group of prompts", name, _GROUPS)
    return _GROUPS[name]
