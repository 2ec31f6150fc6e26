"""Ranks, and who is best."""

from collections.abc import Mapping


def competition_ranks(values: Mapping[str, float], *, higher_is_better: bool) -> dict[str, int]:
    """Rank by value, 1 for the best; equal values share a rank and the next one is left out ("1224").

    Args:
        values: Name to value; infinity is a value like any other, NaN is not allowed.
        higher_is_better: Which end is best.
    """
    ordered = sorted(values.values(), reverse=higher_is_better)
    return {name: ordered.index(value) + 1 for name, value in values.items()}


def best_two(values: Mapping[str, float], *, higher_is_better: bool) -> tuple[str | None, str | None]:
    """The names with the best and the second best value; of equal ones the earlier name in the mapping comes first."""
    ordered = sorted(values, key=values.__getitem__, reverse=higher_is_better)
    first, second, *_ = [*ordered, None, None]
    return first, second
