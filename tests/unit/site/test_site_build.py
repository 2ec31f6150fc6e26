from pathlib import Path

import pytest
from html_checks import broken_links, parse_site

from ldpbench.core.errors import MissingPrerequisiteError, UsageError
from ldpbench.core.home import Home
from ldpbench.data.prepared import open_prepared
from ldpbench.results.connection import open_for_reading
from ldpbench.results.ingest import ingest
from ldpbench.site.build import build_site
from tests.factories import make_dataset, make_method, make_protocol, write_run

EVIL = "<script>alert(1)</script>"


def measure(home: Home) -> None:
    """Three methods on a made-up set, one of which failed on an image, in the database of ``home``."""
    protocols = [make_protocol(regions=("all", "near"))]
    write_run(home.runs, "run-a", psnr=[30.0, 31.0], protocols=protocols, previews=True)
    write_run(home.runs, "run-b", psnr=[29.0, float("inf")], method=make_method(EVIL, title=EVIL), protocols=protocols)
    write_run(home.runs, "run-c", psnr=[35.0, None], method=make_method("broken"), protocols=protocols)
    ingest(home.runs, home.database)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_site_from_a_database(home: Home, tmp_path: Path) -> None:
    measure(home)
    report = build_site(home, tmp_path / "site")
    pages = parse_site(tmp_path / "site")
    assert report.index == tmp_path / "site" / "index.html"
    assert report.n_pages == len(pages)
    assert report.n_images == len(list((tmp_path / "site").rglob("*.png"))) == 2
    assert broken_links(pages) == []
    assert {"board/toy--native.html", "scene/toy--test--scene-02.html", "run/run-a.html", "method/fake.html"} <= set(
        pages
    )
    text = pages["index.html"].text
    assert "∞ 1 of 2 identical, others 29.00" in text
    assert EVIL in text
    assert "1 of 2 images failed" in text
    assert "PSNR ∞ (identical)" not in pages["scene/toy--test--scene-01.html"].text
    assert "∞ (identical)" in pages["scene/toy--test--scene-02.html"].text
    assert "not prepared here any more" in pages["scene/toy--test--scene-01.html"].text
    assert "no picture kept" in pages["scene/toy--test--scene-01.html"].text
    assert "Table 1" in text


def test_building_twice_gives_the_same_bytes_and_changes_nothing_else(home: Home, tmp_path: Path) -> None:
    measure(home)
    before = files_of(home.root)
    build_site(home, tmp_path / "one")
    build_site(home, tmp_path / "two")
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    assert files_of(home.root) == before


def test_a_failure_leaves_a_site_that_opens(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measure(home)
    build_site(home, tmp_path / "site")
    before = files_of(tmp_path / "site")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("ldpbench.site.build.write_pages", full)
        with pytest.raises(OSError, match="No space left"):
            build_site(home, tmp_path / "site")
    after = files_of(tmp_path / "site")
    assert {name: after[name] for name in before} == before
    build_site(home, tmp_path / "site")
    assert files_of(tmp_path / "site") == before


def test_a_folder_of_somebody_else_is_not_replaced(home: Home, tmp_path: Path) -> None:
    measure(home)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "index.html").write_text("mine")
    with pytest.raises(UsageError, match="not a site"):
        build_site(home, tmp_path / "thesis")
    assert (tmp_path / "thesis" / "index.html").read_text() == "mine"
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="not a site"):
        build_site(home, tmp_path / "file")
    (tmp_path / "empty").mkdir()
    assert build_site(home, tmp_path / "empty").n_pages > 1


def test_a_site_without_results_can_be_built_again(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.runs.mkdir(parents=True)
    ingest(home.runs, home.database)
    monkeypatch.setattr("ldpbench.site.build.baseline_records", dict)
    monkeypatch.setattr("ldpbench.site.build.map_method_records", dict)
    monkeypatch.setattr("ldpbench.site.build.published_tables", tuple)
    for _ in range(2):
        report = build_site(home, tmp_path / "site")
        assert (report.n_pages, report.n_images) == (1, 0)


def test_without_a_database_nothing_is_written(home: Home, tmp_path: Path) -> None:
    with pytest.raises(MissingPrerequisiteError, match="no results database"):
        build_site(home, tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_the_database_is_opened_for_reading_only(home: Home, tmp_path: Path) -> None:
    measure(home)
    with open_for_reading(home.database):
        assert build_site(home, tmp_path / "site").n_pages > 1


def test_only_the_run_behind_a_row_has_its_picture_shown(home: Home, tmp_path: Path) -> None:
    write_run(home.runs, "run-old", psnr=[20.0, 21.0], previews=True, started_at="2024-01-02T03:04:05+00:00")
    write_run(home.runs, "run-new", psnr=[30.0, 31.0], previews=True)
    ingest(home.runs, home.database)
    build_site(home, tmp_path / "site")
    assert sorted(path.name for path in (tmp_path / "site").rglob("*.png")) == ["output--run-new.png"] * 2
    assert (tmp_path / "site" / "run" / "run-old.html").is_file()


def test_a_site_of_the_sample_set_shows_its_scenes(home_with_sample: Home, tmp_path: Path) -> None:
    home = home_with_sample
    info = open_prepared(home, "sample").info
    protocol = make_protocol(
        id="sample/srgb", dataset_id="sample", dataset_fingerprint=info.splits["test"].fingerprint, bits=8
    )
    dataset = make_dataset(2, id="sample", fingerprint=info.splits["test"].fingerprint)
    write_run(home.runs, "run-a", psnr=[30.0, 31.0], protocols=[protocol], dataset=dataset)
    ids = open_prepared(home, "sample").split("test").ids
    scores = home.runs / "run-a" / "scores.jsonl"
    text = scores.read_text(encoding="utf-8").replace("scene-01", ids[0]).replace("scene-02", ids[1])
    scores.write_text(text, encoding="utf-8")
    ingest(home.runs, home.database)
    report = build_site(home, tmp_path / "site")
    pages = parse_site(tmp_path / "site")
    assert broken_links(pages) == []
    assert report.n_images == 2 * 6
    scene = pages[f"scene/sample--test--{ids[0]}.html"]
    shown = [image.attributes["alt"] for image in scene.all("img") if "data-picture" in image.attributes]
    assert shown == ["Blurry", "Sharp target", "Left view", "Right view", "Blur map"]
    assert "another copy" not in scene.text
