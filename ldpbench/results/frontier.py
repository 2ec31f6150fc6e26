"""The Pareto front of quality against cost: the methods that none is both cheaper and better than."""

import math
from collections.abc import Iterable
from typing import NamedTuple


class Offer(NamedTuple):
    """What one method gives for what it takes; None where it was not measured."""

    name: str
    cost: float | None
    """Less is better."""
    value: float | None


def pareto_front(offers: Iterable[Offer], *, higher_is_better: bool) -> tuple[str, ...]:
    """The offers that no other one dominates, the cheapest first.

    One offer dominates another if it is at least as good in cost and in value, and better in one of them. So offers
    that are equal in both are all on the front, or none of them is. An offer that lacks a finite cost or a finite value
    can be compared with nothing: it is not on the front and takes nobody off it.

    Args:
        offers: Names need not be sorted; equal offers keep their order.
        higher_is_better: Which way ``value`` is good.

    Returns:
        Their names.
    """
    sign = 1.0 if higher_is_better else -1.0
    known = [
        (offer.cost, sign * offer.value, offer.name)
        for offer in offers
        if offer.cost is not None
        and offer.value is not None
        and math.isfinite(offer.cost)
        and math.isfinite(offer.value)
    ]
    known.sort(key=lambda one: (one[0], -one[1]))
    front: list[str] = []
    last: tuple[float, float] | None = None
    for cost, good, name in known:
        if last is None or good > last[1] or (cost, good) == last:
            front.append(name)
            last = cost, good
    return tuple(front)
