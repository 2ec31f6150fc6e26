"""From a cell to the function that does one of its scenes."""

from collections.abc import Callable
from typing import Any

from ldpbench.core.progress import Progress
from ldpbench.data.sample import Sample
from ldpbench.evaluation.cell import Cell
from ldpbench.evaluation.certify import Ways, certify
from ldpbench.evaluation.deblurring import Keeping, Made, deblur_image
from ldpbench.evaluation.map_cells import restore_map_row
from ldpbench.evaluation.outputs_only import OutputFolder, score_output
from ldpbench.evaluation.predictions import Image
from ldpbench.evaluation.scoring import Targets
from ldpbench.methods.auto_tiles import AutoTiling
from ldpbench.methods.find import FoundMethod
from ldpbench.methods.inference import Inference
from ldpbench.methods.loading import load_method
from ldpbench.methods.map_methods import MapMethod
from ldpbench.methods.protocol import Deblurrer
from ldpbench.records import Certificate

Doing = Callable[[Sample, bool], Made]
"""Does one scene; the second argument says whether it is one that tells what tiles or short floats cost."""


def load_doing(cell: Cell, keeping: Keeping, progress: Progress) -> Doing:
    """Load the method of a cell.

    Raises:
        LdpbenchError: If it cannot be loaded.
    """
    if isinstance(cell.source, MapMethod):
        return _maps(cell, cell.source, keeping)
    if isinstance(cell.source, OutputFolder):
        return _outputs(cell, cell.source, keeping)
    loaded = load_method(
        cell.source,
        device=cell.device,
        inference=cell.inference,
        ensemble=cell.ensemble,
        dtype=cell.dtype,
        weights=cell.weights,
        untrained=cell.method.untrained,
    )
    for note in loaded.notes:
        progress.note(f"{cell.name}: {note}")

    ways = _ways(cell, loaded.deblurrer)

    def compared(read: Sample, image: Image, targets: Targets) -> tuple[Certificate, ...]:
        return tuple(certify(way, read, image, targets, cell.protocols[0]) for way in ways)

    def deblur(sample: Sample, certified: bool) -> Made:
        reading = (cell.bits, cell.resolution)
        return deblur_image(
            loaded.deblurrer, sample, cell.protocols, reading, keeping, compared if certified and ways else None
        )

    return deblur


def _ways(cell: Cell, deblurrer: Deblurrer) -> list[Ways]:
    """Each way in which a cell is cheaper than the plain one, against the same cell without it."""
    tiled, short = cell.inference.kind == "tiled", cell.dtype != "float32"

    def plain(**changes: Any) -> Callable[[], Deblurrer]:
        assert isinstance(cell.source, FoundMethod), "of a method that deblurs"
        source = cell.source

        def load() -> Deblurrer:
            manner = {"inference": cell.inference, "ensemble": cell.ensemble, "dtype": cell.dtype} | changes
            return load_method(
                source, device=cell.device, weights=cell.weights, untrained=cell.method.untrained, **manner
            ).deblurrer

        return load

    ways = []
    if tiled:
        guarded = Inference(tiles=AutoTiling(memory_bytes=_budget(cell), whole_only=True))
        ways.append(Ways("tiling", plain(inference=guarded), deblurrer, cell.inference.description, "seen whole"))
    if short:
        ways.append(Ways("dtype", plain(dtype="float32"), deblurrer, cell.dtype, "float32"))
    return ways


def _budget(cell: Cell) -> int | None:
    tiles = cell.inference.tiles
    return tiles.memory_bytes if isinstance(tiles, AutoTiling) else None


def _outputs(cell: Cell, outputs: OutputFolder, keeping: Keeping) -> Doing:
    def score(sample: Sample, certified: bool) -> Made:
        del certified
        return score_output(outputs, sample, cell.protocols, (cell.bits, cell.resolution), keeping)

    return score


def _maps(cell: Cell, method: MapMethod, keeping: Keeping) -> Doing:
    estimator = method.load(cell.device)

    def estimate(sample: Sample, certified: bool) -> Made:
        del certified
        made = restore_map_row(estimator, sample, cell.protocols)
        keeps = keeping.previews and cell.protocols
        return Made(made.row, {f"previews/{sample.id}.png": made.preview} if keeps else {})

    return estimate
