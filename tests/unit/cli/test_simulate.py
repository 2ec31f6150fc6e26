"""``simulate`` from a user's chair."""

import json

import numpy as np
import pytest

from ldpbench.core.errors import ImageError
from ldpbench.data import png16
from ldpbench.data.depth_files import read_depth
from ldpbench.data.pfm import write_pfm


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, shape in (("one", (48, 64, 3)), ("two", (64, 60, 3)), ("grey", (50, 50))):
        png16.write(folder / f"{name}.png", rng.integers(0, 256, shape, dtype=np.uint8))
    (folder / "notes.txt").write_text("not a picture")
    return folder


@pytest.mark.parametrize("model", ["rdpd", "ddd", "realistic"])
def test_every_model_makes_the_whole_folder(ldpbench, images, tmp_path, model):
    out = tmp_path / "out"
    ended = ldpbench("simulate", "--model", model, "--images", str(images), "--out", str(out), "--json")
    assert ended.returncode == 0, ended.stderr
    answer = json.loads(ended.stdout)["data"]
    assert [row["name"] for row in answer["pictures"]] == ["grey", "one", "two"]
    for stem, shape in (("one", (48, 64)), ("grey", (50, 50))):
        codes = [png16.read(out / view / f"{stem}.png") for view in ("left", "right", "center", "target")]
        assert {picture.shape[:2] for picture in codes} == {shape}
        assert {picture.ndim for picture in codes} == ({2} if stem == "grey" else {3})
        blur = np.load(out / "blur_map" / f"{stem}.npy")
        assert (blur.dtype, blur.shape) == (np.float32, shape)
        assert png16.read(out / "depth" / f"{stem}.png").dtype == np.uint16
    assert png16.read(out / "preview.png").ndim == 3
    record = json.loads((out / "simulation.json").read_text())
    assert record["options"]["kind"] == {"rdpd": "RdpdModel", "ddd": "DddModel", "realistic": "RealisticModel"}[model]


def test_it_is_the_same_again_and_a_seed_changes_it(ldpbench, images, tmp_path):
    def left(name: str, *options: str) -> bytes:
        out = tmp_path / name
        assert ldpbench("simulate", "--images", str(images), "--out", str(out), *options).returncode == 0
        return (out / "left" / "one.png").read_bytes()

    assert left("a") == left("b") == left("a")
    assert left("c", "--seed", "1") != left("a")


def test_own_depth_in_every_format(ldpbench, images, tmp_path):
    depth = tmp_path / "depth"
    depth.mkdir()
    metres = {
        name: np.linspace(1, 5, h * w).reshape(h, w)
        for name, h, w in (("one", 48, 64), ("two", 64, 60), ("grey", 50, 50))
    }
    png16.write(depth / "one.png", np.round(metres["one"] * 1000).astype(np.uint16))
    np.save(depth / "two.npy", metres["two"].astype(np.float32))
    (depth / "grey.pfm").write_bytes(write_pfm(metres["grey"].astype(np.float32)))
    for name, suffix in (("one", "png"), ("two", "npy"), ("grey", "pfm")):
        found, holes = read_depth(depth / f"{name}.{suffix}")
        np.testing.assert_allclose(found, metres[name], atol=6e-4)
        assert holes == 0
    ended = ldpbench(
        "simulate",
        "--images",
        str(images),
        "--depth",
        str(depth),
        "--out",
        str(tmp_path / "o"),
        "--no-occlusion",
        "--noise",
        "none",
        "--max-blur",
        "4",
        "--bits",
        "16",
        "--focus",
        "2",
    )
    assert ended.returncode == 0, ended.stderr
    assert "procedural" not in ended.stderr
    assert png16.read(tmp_path / "o" / "left" / "one.png").dtype == np.uint16


def test_holes_are_filled_from_the_nearest_known_depth_and_mostly_unknown_maps_are_refused(tmp_path):
    codes = np.full((10, 10), 2000, np.uint16)
    codes[:, 5:] = 4000
    codes[3, 1] = codes[3, 8] = 0
    png16.write(tmp_path / "d.png", codes)
    metres, holes = read_depth(tmp_path / "d.png")
    assert (metres[3, 1], metres[3, 8], holes) == (2.0, 4.0, pytest.approx(0.02))
    np.save(tmp_path / "d.npy", np.full((4, 4), np.nan))
    with pytest.raises(ImageError, match="100% of the pixels unknown"):
        read_depth(tmp_path / "d.npy")
    np.save(tmp_path / "i.npy", np.ones((4, 4), np.int32))
    with pytest.raises(ImageError, match="expected floats"):
        read_depth(tmp_path / "i.npy")
    np.save(tmp_path / "o.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(ImageError, match="not a plain .npy"):
        read_depth(tmp_path / "o.npy")
    png16.write(tmp_path / "8.png", np.ones((4, 4), np.uint8))
    with pytest.raises(ImageError, match="16-bit grey picture in millimetres"):
        read_depth(tmp_path / "8.png")


def faults_of(ended) -> str:
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_what_is_wrong_is_told_before_anything_is_rendered(ldpbench, images, tmp_path):
    depth, out = tmp_path / "depth", tmp_path / "out"
    depth.mkdir()
    run = ("simulate", "--images", str(images), "--out", str(out))
    np.save(depth / "one.npy", np.ones((48, 64)))
    text = faults_of(ldpbench(*run, "--depth", str(depth)))
    assert "2 of 3 pictures have no depth file" in text
    assert "two.png: no depth file" in text
    np.save(depth / "two.npy", np.ones((4, 4)))
    np.save(depth / "grey.npy", np.zeros((50, 50)))
    text = faults_of(ldpbench(*run, "--depth", str(depth)))
    assert "expected 60x64 px as two.png has, found 4x4 px" in text
    assert "unknown" in text
    (images / "two.png").write_bytes(b"<html>")
    assert "web page" in faults_of(ldpbench(*run))
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--model", "ddd", "--max-blur", "3"), "--max-blur: not an option of the model ddd"),
        (("--model", "rdpd", "--camera", "ddd/test"), "is not of the model rdpd"),
        (("--model", "rdpd", "--camera", "rdpd/set7"), "no simulation model is called"),
        (("--model", "rdpd", "--bits", "16"), "--bits"),
        (("--noise", "loud"), "no noise preset"),
        (("--psf", "x"), "PSF preset"),
        (("--device", "tpu"), "expected cpu or cuda"),
        (("--model", "other"), "other"),
    ],
)
def test_wrong_options_are_usage_errors(ldpbench, images, tmp_path, options, sentence):
    ended = ldpbench("simulate", "--images", str(images), "--out", str(tmp_path / "out"), *options)
    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_only_a_former_result_is_replaced(ldpbench, images, tmp_path):
    before = (images / "one.png").read_bytes()
    ended = ldpbench("simulate", "--images", str(images), "--out", str(images))
    assert ended.returncode == 2
    assert "no former result" in ended.stderr
    assert (images / "one.png").read_bytes() == before
    assert ldpbench("simulate", "--images", str(tmp_path / "none"), "--out", str(tmp_path / "o")).returncode == 3
    (tmp_path / "empty").mkdir()
    assert (
        "holds no file"
        in ldpbench("simulate", "--images", str(tmp_path / "empty"), "--out", str(tmp_path / "o")).stderr
    )
