"""The plan for pictures that any other program made: one cell."""

from ldpbench.core.errors import UsageError
from ldpbench.core.home import Home
from ldpbench.core.progress import Progress
from ldpbench.evaluation.cell import Cell, dataset_ref, not_prepared
from ldpbench.evaluation.outputs_only import Outputs, open_outputs
from ldpbench.evaluation.plan import Plan, chosen_datasets, readings
from ldpbench.evaluation.request import Request
from ldpbench.evaluation.scoring import bind_protocols
from ldpbench.methods.inference import WHOLE


def plan_outputs(home: Home, request: Request, asked: Outputs, progress: Progress) -> Plan:
    """Check a folder of pictures against a split, before anything is scored.

    Args:
        home: Where the prepared dataset is.
        request: The dataset, the split and the protocols.
        asked: The folder and its maker's name.
        progress: Where to report.

    Raises:
        UsageError: If not exactly one dataset is named, or the protocols read pictures in different ways.
        MissingPrerequisiteError: If the split is not prepared, or pictures are missing.
        IntegrityError: If pictures do not fit; every one is named.
    """
    if len(request.datasets) != 1:
        raise UsageError(f"--predictions: expected one --dataset, found {len(request.datasets)}")
    (prepared,) = chosen_datasets(home, request, frozenset({"deblur"}))
    card, split = prepared.card, request.split
    if split not in prepared.info.splits:
        raise UsageError(f"{card.id}: {not_prepared(card, split)}")
    wanted = readings(card, request.protocols)
    if len(wanted) != 1:
        raise UsageError(
            f"--protocol {', '.join(request.protocols)}: pictures are made from one reading, these are {len(wanted)}",
            hint="name protocols of one bit depth and resolution",
        )
    (((bits, resolution), names),) = wanted.items()
    shrink = 2 if resolution == "half" else 1
    dataset = dataset_ref(prepared, split, request.limit)
    limit = None if dataset.n_images == prepared.info.splits[split].count else dataset.n_images
    ids = prepared.split(split).ids[: dataset.n_images]
    sizes = card.height_px // shrink, card.width_px // shrink
    outputs = open_outputs(asked, ids, sizes, card.channels, progress)
    bound = bind_protocols(card, dataset.fingerprint, split, inference=WHOLE, limit=limit)
    cell = Cell(
        source=outputs,
        method=outputs.ref,
        prepared=prepared,
        dataset=dataset,
        protocols=tuple(protocol for protocol in bound if protocol.id in names),
        bits=bits,
        resolution=resolution,
        config={"pictures": "made elsewhere", **({} if limit is None else {"limit": limit})},
        device="cpu",
        inference=WHOLE,
        limit=limit,
    )
    return Plan((cell,), ())
