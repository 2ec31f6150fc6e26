from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np
import pytest

from ldpbench.core.errors import ImageError, StorageError
from ldpbench.core.home import Home
from ldpbench.core.progress import SILENT
from ldpbench.data import png16
from ldpbench.data.sample import Sample
from ldpbench.methods.map_methods import ESTIMATOR
from ldpbench.results.views import StoredRun
from ldpbench.site.facts import ScenePictures
from ldpbench.site.pictures import publish_pictures
from ldpbench.site.writer import SiteWriter
from tests.factories import FINGERPRINT, grey_png, make_dataset, make_method, make_record

T = TypeVar("T")
SCENES = {("toy", "test"): ("scene-01", "scene-02")}


def published(home: Home, scenes: Any, runs: Any, out: Path, progress: Any) -> dict[Any, ScenePictures]:
    """The pictures of one build."""
    with SiteWriter(out) as writer:
        return publish_pictures(home, scenes, runs, writer, progress)


class Listener:
    """A Progress that keeps what it was told."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def track(self, items: Iterable[T], *, label: str, total: int | None = None) -> Iterable[T]:
        return items

    def note(self, message: str) -> None:
        pass

    def warn(self, message: str) -> None:
        self.warnings.append(message)


class FakeSamples(list[Sample]):
    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(sample.id for sample in self)


def make_sample(sample_id: str, width: int = 16, channels: int = 3, **changes: Any) -> Sample:
    random = np.random.default_rng(len(sample_id) + width)
    views = random.integers(0, 256, (3, 12, width, channels)).astype(np.float32) / np.float32(255)
    fields: dict[str, Any] = {
        "id": sample_id,
        "dataset": "toy",
        "split": "test",
        "left": views[0],
        "right": views[1],
        "target": views[2],
        "bits": 8,
        "encoding": "srgb",
        "regions": {},
    }
    return Sample(**{**fields, **changes})


def info_of(fingerprint: str) -> SimpleNamespace:
    """What a prepared set says of itself, whatever the split is called."""
    return SimpleNamespace(splits=defaultdict(lambda: SimpleNamespace(fingerprint=fingerprint)))


def prepare(monkeypatch: pytest.MonkeyPatch, samples: list[Sample], fingerprint: str = FINGERPRINT) -> None:
    prepared = SimpleNamespace(info=info_of(fingerprint), split=lambda name: FakeSamples(samples))
    monkeypatch.setattr("ldpbench.site.pictures.open_prepared", lambda home, dataset_id: prepared)


def stored(folder: Path | str, run_id: str = "run-a", **changes: Any) -> StoredRun:
    dataset = make_dataset(2, **changes)
    return StoredRun(record=make_record(run_id, method=make_method("fake"), dataset=dataset), folder=str(folder))


def keep(folder: Path, sample_id: str = "scene-01", data: bytes | None = None) -> bytes:
    data = grey_png(16, 12) if data is None else data
    (folder / "previews").mkdir(parents=True, exist_ok=True)
    (folder / "previews" / f"{sample_id}.png").write_bytes(data)
    return data


def publish(home: Home, out: Path, *runs: StoredRun, progress: Any = SILENT) -> ScenePictures:
    return published(home, SCENES, runs, out, progress)["toy", "test", "scene-01"]


def test_a_datasets_pictures_are_written_without_loss(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = make_sample("scene-01", blur_map=np.zeros((12, 16), np.float32))
    prepare(monkeypatch, [sample, make_sample("scene-02")])
    found = publish(home, tmp_path)
    assert [picture.kind for picture in found.pictures] == ["blurry", "target", "left", "right", "blur_map"]
    left = next(picture for picture in found.pictures if picture.kind == "left")
    assert left.href == "images/toy/test/scene-01/left.png"
    assert (left.width_px, left.height_px) == (16, 12)
    np.testing.assert_array_equal(png16.read(tmp_path / left.href), np.round(sample.left * 255).astype(np.uint8))
    assert found.notes == ()


def test_grey_pictures_stay_grey_and_absent_ones_are_left_out(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(monkeypatch, [make_sample("scene-01", channels=1, target=None), make_sample("scene-02")])
    found = publish(home, tmp_path)
    assert [picture.kind for picture in found.pictures] == ["blurry", "left", "right"]
    assert png16.read(tmp_path / found.pictures[0].href).shape == (12, 16)


def test_thumbnails_are_small(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(monkeypatch, [make_sample("scene-01", width=960), make_sample("scene-02")])
    found = published(home, SCENES, (), tmp_path, SILENT)
    sizes = []
    for scene in found.values():
        assert scene.thumbnail is not None
        assert png16.read(tmp_path / scene.thumbnail.href).shape[:2] == (
            scene.thumbnail.height_px,
            scene.thumbnail.width_px,
        )
        sizes.append((scene.thumbnail.width_px, scene.thumbnail.height_px))
    assert sizes == [(320, 4), (16, 12)]


def test_outputs_are_copied_byte_by_byte_between_blurry_and_target(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(monkeypatch, [make_sample("scene-01"), make_sample("scene-02")])
    data = keep(tmp_path / "run-a")
    found = publish(home, tmp_path / "out", stored(tmp_path / "run-a"))
    assert [picture.kind for picture in found.pictures] == ["blurry", "output", "target", "left", "right"]
    output = found.pictures[1]
    assert (output.run_id, output.label) == ("run-a", "FAKE (made up)")
    assert output.href == "images/toy/test/scene-01/output--run-a.png"
    assert (tmp_path / "out" / output.href).read_bytes() == data


def test_a_run_folder_that_moved_with_its_home_is_found(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(monkeypatch, [make_sample("scene-01"), make_sample("scene-02")])
    keep(home.runs / "run-a")
    found = publish(home, tmp_path / "out", stored("/somewhere/else/run-a"))
    assert [picture.kind for picture in found.pictures][1] == "output"


def test_a_run_folder_that_is_gone_leaves_a_note(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(monkeypatch, [make_sample("scene-01"), make_sample("scene-02")])
    found = publish(home, tmp_path, stored("/nowhere/run-a"))
    assert found.notes == ("FAKE (made up) (run run-a): no picture kept.",)


@pytest.mark.parametrize("data", [b"", b"not a picture", grey_png(16, 12)[:-20], b"<!doctype html>"])
def test_a_damaged_output_leaves_a_note(
    data: bytes, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(monkeypatch, [make_sample("scene-01"), make_sample("scene-02")])
    keep(tmp_path / "run-a", data=data)
    found = publish(home, tmp_path / "out", stored(tmp_path / "run-a"))
    assert found.notes == ("FAKE (made up) (run run-a): the picture that was kept is damaged.",)
    assert not list((tmp_path / "out").rglob("output*"))


def test_a_scene_named_like_a_path_reads_nothing_outside_its_folder(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(monkeypatch, [])
    (tmp_path / "secret.png").write_bytes(grey_png(16, 12))
    (tmp_path / "run-a" / "previews").mkdir(parents=True)
    scenes = {("toy", "test"): ("../../secret",)}
    found = published(home, scenes, (stored(tmp_path / "run-a"),), tmp_path / "out", SILENT)
    assert found["toy", "test", "../../secret"].pictures == ()


def test_a_removed_dataset_leaves_a_note_and_the_outputs(home: Home, tmp_path: Path) -> None:
    keep(tmp_path / "run-a")
    listener = Listener()
    scenes = {("sample", "test"): ("scene-01",)}
    run = stored(tmp_path / "run-a", id="sample")
    found = published(home, scenes, (run,), tmp_path / "out", listener)["sample", "test", "scene-01"]
    assert [picture.kind for picture in found.pictures] == ["output"]
    assert found.thumbnail is None
    assert found.notes == ("The dataset is not prepared here any more, so its own pictures are not shown.",)
    assert len(listener.warnings) == 1


def test_a_damaged_dataset_leaves_a_note(home: Home, tmp_path: Path) -> None:
    (home.datasets / "sample").mkdir(parents=True)
    (home.datasets / "sample" / "prepared.json").write_text("{}")
    scenes = {("sample", "test"): ("scene-01",)}
    found = published(home, scenes, (), tmp_path / "out", SILENT)["sample", "test", "scene-01"]
    assert found.notes == ("The dataset is damaged, so its own pictures are not shown.",)


def test_a_scene_that_cannot_be_decoded_leaves_a_note_and_the_others(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(FakeSamples):
        def __getitem__(self, place: Any) -> Any:
            if place == 0:
                raise ImageError("scene-01 left: the file is empty")
            return super().__getitem__(place)

    samples = Broken([make_sample("scene-01"), make_sample("scene-02")])
    prepared = SimpleNamespace(info=info_of(FINGERPRINT), split=lambda name: samples)
    monkeypatch.setattr("ldpbench.site.pictures.open_prepared", lambda home, dataset_id: prepared)
    listener = Listener()
    found = published(home, SCENES, (), tmp_path, listener)
    assert found["toy", "test", "scene-01"].notes == ("This scene's own pictures are damaged and not shown.",)
    assert len(found["toy", "test", "scene-02"].pictures) == 4
    assert listener.warnings == ["scene-01 left: the file is empty"]


def test_a_scene_the_prepared_set_does_not_hold_leaves_a_note(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(monkeypatch, [make_sample("scene-02")])
    assert publish(home, tmp_path).notes == (
        "The prepared dataset does not hold this scene, so its own pictures are not shown.",
    )


def test_another_copy_of_the_dataset_is_said(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(monkeypatch, [make_sample("scene-01"), make_sample("scene-02")], fingerprint="e" * 64)
    keep(tmp_path / "run-a")
    (note,) = publish(home, tmp_path / "out", stored(tmp_path / "run-a")).notes
    assert "another copy of this dataset" in note


def test_an_output_that_may_not_be_read_is_an_error_with_a_remedy(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(monkeypatch, [make_sample("scene-01"), make_sample("scene-02")])
    keep(tmp_path / "run-a")

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(StorageError, match=r"scene-01\.png: Permission denied") as caught:
        publish(home, tmp_path / "out", stored(tmp_path / "run-a"))
    assert caught.value.hint


def test_a_map_by_a_method_is_no_output_to_compare_with_the_target(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(monkeypatch, [make_sample("scene-01"), make_sample("scene-02")])
    keep(tmp_path / "run-a")
    run = stored(tmp_path / "run-a")
    estimator = replace(run, record=run.record.model_copy(update={"method": make_method("fake", kind=ESTIMATOR)}))
    found = publish(home, tmp_path / "out", estimator).pictures[1]
    assert (found.kind, found.run_id, found.label) == ("blur_map", "run-a", "FAKE (made up): blur map")


def test_large_pictures_have_small_copies_and_small_ones_are_their_own(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(monkeypatch, [make_sample("scene-01", width=640), make_sample("scene-02")])
    keep(tmp_path / "run-a", data=grey_png(640, 12))
    found = published(home, SCENES, (stored(tmp_path / "run-a"),), tmp_path / "out", SILENT)
    for picture in found["toy", "test", "scene-01"].pictures:
        assert picture.small is not None
        small = png16.read(tmp_path / "out" / picture.small)
        assert small.shape[:2] == (6, 320)
        assert abs(float(small.mean()) - float(png16.read(tmp_path / "out" / picture.href).mean())) < 1
    assert [picture.small for picture in found["toy", "test", "scene-02"].pictures] == [None] * 4


def test_encoding_and_crops_are_of_the_scene(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(monkeypatch, [make_sample("scene-01", width=64, encoding="linear"), make_sample("scene-02", target=None)])
    first, second = published(home, SCENES, (), tmp_path, SILENT).values()
    assert (first.is_linear, second.is_linear) == (True, False)
    assert [crop.name for crop in first.crops][:1] == ["A"]
    assert second.crops == ()
