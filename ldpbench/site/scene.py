"""The page of a scene: every picture of it, and everybody's numbers."""

from collections.abc import Sequence
from dataclasses import replace

from ldpbench.records import Protocol
from ldpbench.site.facts import SceneKey, ScenePictures
from ldpbench.site.lookup import Lookup
from ldpbench.site.names import scene_page
from ldpbench.site.numbers import labelled_score
from ldpbench.site.pages import Link, Picture, ScenePage, Table
from ldpbench.site.tables import scene_table, short_run
from ldpbench.site.words import protocol_title, region_title


def scene_page_of(key: SceneKey, lookup: Lookup) -> ScenePage:
    """The page of one scene."""
    dataset_id, split, sample_id = key
    ids = lookup.scene_ids[(dataset_id, split)]
    place = ids.index(sample_id)
    pictures = lookup.pictures.get(key, ScenePictures())
    tables = []
    for protocol in lookup.protocols_of(dataset_id):
        if protocol.split == split and (table := _scores_of_scene(protocol, sample_id, lookup)) is not None:
            tables.append((Link(text=protocol_title(protocol), href=lookup.pages[protocol.hash]), table))

    def neighbour(step: int) -> Link | None:
        other = place + step
        if not 0 <= other < len(ids):
            return None
        return Link(text=ids[other], href=scene_page(dataset_id, split, ids[other]))

    return ScenePage(
        path=scene_page(*key),
        title=f"{lookup.dataset_title(dataset_id)} {split}: {sample_id}",
        dataset=lookup.dataset_link(dataset_id),
        split=split,
        pictures=tuple(_captioned(picture, lookup, key) for picture in _best_first(pictures.pictures, lookup, key)),
        crops=pictures.crops,
        is_linear=pictures.is_linear,
        is_registered=any(protocol.registration != "none" for protocol in lookup.protocols_of(dataset_id)),
        notes=pictures.notes,
        tables=tuple(tables),
        previous=neighbour(-1),
        following=neighbour(+1),
    )


def _scores_of_scene(protocol: Protocol, sample_id: str, lookup: Lookup) -> Table | None:
    boards = lookup.regions[protocol.hash]
    regions = []
    for board in boards.values():
        if rows := lookup.scene_scores(board, sample_id):
            regions.append((region_title(board.region), rows))
    if not regions:
        return None
    metrics = lookup.main_board(protocol.hash).metrics
    return scene_table(regions, metrics, lookup.method_titles, f"Scene {sample_id}, {protocol_title(protocol)}")


def _best_first(pictures: Sequence[Picture], lookup: Lookup, key: SceneKey) -> list[Picture]:
    """The pictures with the outputs in the order of the first board; the others stay where they are."""
    boards = [lookup.main_board(protocol.hash) for protocol in lookup.protocols_of(key[0]) if protocol.split == key[1]]
    place = {row.run_id: number for number, row in enumerate(boards[0].rows)}
    outputs = [picture for picture in pictures if picture.run_id is not None]
    outputs.sort(key=lambda picture: place.get(picture.run_id or "", len(place)))
    ordered = iter(outputs)
    return [picture if picture.run_id is None else next(ordered) for picture in pictures]


def _captioned(picture: Picture, lookup: Lookup, key: SceneKey) -> Picture:
    """An output under its value by the first protocol; runs of one method are told apart by their ids."""
    if picture.run_id is None:
        return picture
    twins = [other for other in lookup.pictures[key].pictures if other.label == picture.label]
    label = f"{picture.label} ({short_run(picture.run_id)})" if len(twins) > 1 else picture.label
    return replace(picture, label=label, caption=_first_score(picture.run_id, lookup, key))


def _first_score(run_id: str, lookup: Lookup, key: SceneKey) -> str:
    """The ranking value of a run on a scene under the first protocol that has one, such as ``PSNR 31.24 dB``."""
    for protocol in lookup.protocols_of(key[0]):
        board = lookup.main_board(protocol.hash)
        for score in lookup.scene_scores(board, key[2]):
            if score.run_id == run_id and board.metrics and score.values.get(board.metrics[0].id) is not None:
                return labelled_score(score.values[board.metrics[0].id], board.metrics[0])
    return ""
