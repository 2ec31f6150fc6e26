"""A board room far larger than today's: 100 methods on 5 datasets of 500 scenes, made up."""

from dataclasses import replace
from typing import Any

import numpy as np

from ldpbench.results.statistics.bootstrap import Interval
from ldpbench.results.views import Board, BoardRow, SampleScores, StoredRun
from ldpbench.site.facts import Facts, ScenePictures
from ldpbench.site.names import scene_folder
from ldpbench.site.pages import Picture
from tests.factories import make_method, make_protocol, make_record

METHODS, DATASETS, SCENES = 100, 5, 500


def many_methods(fakes: Any, n_methods: int = METHODS, n_datasets: int = DATASETS, n_scenes: int = SCENES) -> Facts:
    """Facts with intervals and ties. ``fakes`` is the module ``site_fakes``."""
    boards, scores, runs, cards = [], {}, [], {}
    names = [f"method-{number:03d}" for number in range(n_methods)]
    for number in range(n_datasets):
        dataset_id = f"set-{number}"
        protocol = make_protocol(
            id=f"{dataset_id}/native", dataset_id=dataset_id, dataset_fingerprint=f"{number:064x}", metrics=METRIC_REFS
        )
        board, rows = _board(fakes, protocol, names, n_scenes, seed=number)
        boards.append(board)
        scores[board.view] = rows
        runs += [_run(row, protocol, n_scenes) for row in board.rows]
        cards[dataset_id] = fakes.make_card(dataset_id, title=f"Set {number}", splits={"test": n_scenes})
    return Facts(
        boards=tuple(boards),
        scores=scores,
        runs=tuple(runs),
        cards=cards,
        methods={name: fakes.make_baseline(name) for name in names},
        metrics={spec.id: spec for spec in fakes.METRICS},
    )


METRIC_REFS = ("psnr/1", "ssim/1", "mae/1")


def _board(fakes: Any, protocol: Any, names: list[str], n_scenes: int, seed: int) -> tuple[Board, tuple[Any, ...]]:
    rng = np.random.default_rng(seed)
    psnr = (
        27 + rng.normal(0, 3, n_scenes) + rng.normal(0, 0.5, (len(names), n_scenes)) + rng.normal(0, 1, (len(names), 1))
    )
    order = np.argsort(-psnr.mean(axis=1))
    ssim, mae = 1 - 0.8 * 10 ** (-psnr / 20), 0.6 * 10 ** (-psnr / 20)
    rows, scores = [], []
    for rank, place in enumerate(order, start=1):
        name = names[place]
        planes = {"psnr": psnr[place], "ssim": ssim[place], "mae": mae[place]}
        values = {
            metric: replace(
                fakes.aggregate(plane.tolist()), interval=Interval(float(plane.mean()) - 0.2, float(plane.mean()) + 0.2)
            )
            for metric, plane in planes.items()
        }
        rows.append(
            BoardRow(
                rank=rank,
                unranked_reason=None,
                run_id=f"{name}-{protocol.dataset_id}",
                method_id=name,
                method_title=f"Method {name[-3:]}, a network",
                method_kind="network",
                inputs=("left", "right") if place % 2 else ("center",),
                parameters=int(rng.integers(10**5, 10**8)),
                values=values,
                seconds_median=float(rng.gamma(9, 0.05)),
                tied_with=tuple(names[other] for other in order[max(0, rank - 10) : rank + 8] if other != place),
            )
        )
        scores += [
            SampleScores(
                f"{name}-{protocol.dataset_id}",
                name,
                f"scene-{scene:03d}",
                {metric: float(plane[scene]) for metric, plane in planes.items()},
                None,
                0.4,
                None,
            )
            for scene in range(n_scenes)
        ]
    board = Board(
        protocol=protocol,
        protocol_hash=protocol.hash,
        region="all",
        complete=True,
        n_images=n_scenes,
        n_images_whole=n_scenes,
        metrics=fakes.METRICS,
        rows=tuple(rows),
        best={spec.id: rows[0].run_id for spec in fakes.METRICS},
        second={spec.id: rows[1].run_id for spec in fakes.METRICS},
    )
    return board, tuple(scores)


def _run(row: BoardRow, protocol: Any, n_scenes: int) -> StoredRun:
    record = make_record(
        row.run_id,
        method=make_method(row.method_id, title=row.method_title),
        n_images=n_scenes,
        protocols=(protocol,),
    )
    return StoredRun(record=record, folder=f"/nowhere/{row.run_id}")


def thumbnails(facts: Facts) -> dict[tuple[str, str, str], ScenePictures]:
    """A small picture of every scene that nobody wrote."""
    found = {}
    for (dataset_id, split), sample_ids in facts.scenes().items():
        for sample_id in sample_ids:
            href = f"{scene_folder(dataset_id, split, sample_id)}/thumbnail.png"
            small = Picture(kind="blurry", label="Blurry", href=href, width_px=320, height_px=213)
            found[dataset_id, split, sample_id] = ScenePictures(pictures=(small,), thumbnail=small)
    return found
