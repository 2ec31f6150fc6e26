"""From a cell to the function that does one of its scenes."""

from collections.abc import Callable

from ldpbench.core.progress import Progress
from ldpbench.data.sample import Sample
from ldpbench.evaluation.cell import Cell
from ldpbench.evaluation.deblurring import Keeping, Made, deblur_image
from ldpbench.evaluation.map_cells import restore_map_row
from ldpbench.evaluation.outputs_only import OutputFolder, score_output
from ldpbench.methods.loading import load_method
from ldpbench.methods.map_methods import MapMethod

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

    def deblur(sample: Sample, certified: bool) -> Made:
        del certified
        reading = (cell.bits, cell.resolution)
        return deblur_image(loaded.deblurrer, sample, cell.protocols, reading, keeping)

    return deblur


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
