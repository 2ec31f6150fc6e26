"""The scenes of the embedded training set: the recipes of the sample set with seeds of their own.

No scene is one of the sample set, which stays unseen. The box model of DDD-syn is left out: its views hang down.
"""

from ldpbench.core.seeding import derive_seed
from ldpbench.simulation.procedural.recipes import RECIPES
from ldpbench.simulation.sample_set import ScenePlan

BASE_SEED = 7301
COUNTS = {"train": 240, "val": 16}
OPTICS = (
    "realistic",
    "rdpd/0",
    "realistic",
    "rdpd/1",
    "realistic",
    "rdpd/2",
    "realistic",
    "rdpd/3",
    "realistic",
    "rdpd/4",
)
"""Half of the scenes have the PSF that was fitted to a phone; the other half shares the five of RDPD."""
SMALLEST_REACH_PX, LARGEST_REACH_PX = 3, 8


def _plan(split: str, number: int) -> ScenePlan:
    recipes = sorted(RECIPES)
    spread = LARGEST_REACH_PX - SMALLEST_REACH_PX + 1
    return ScenePlan(
        id=f"{split}-{number:03d}",
        split=split,
        recipe=recipes[number % len(recipes)],
        seed=derive_seed(BASE_SEED, "scene", split, number),
        optics=OPTICS[derive_seed(BASE_SEED, "optics", split, number) % len(OPTICS)],
        reach_px=SMALLEST_REACH_PX + derive_seed(BASE_SEED, "reach", split, number) % spread,
        base_seed=BASE_SEED,
    )


PLANS = tuple(_plan(split, number) for split, count in COUNTS.items() for number in range(count))
