"""``blurmap`` from a user's chair."""

import json
import sys

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from ldpbench.data import png16

TRUE_SHIFT_PX = 4


@pytest.fixture
def pair(tmp_path):
    """Two 16-bit views of a texture, 4 px apart."""
    noise = gaussian_filter(np.random.default_rng(0).random((64, 96, 3)), (1.5, 1.5, 0), mode="wrap")
    codes = np.round(60000 * (noise - noise.min()) / (noise.max() - noise.min())).astype(np.uint16)
    paths = [tmp_path / "left.png", tmp_path / "right.png"]
    for path, shift in zip(paths, (-TRUE_SHIFT_PX // 2, TRUE_SHIFT_PX // 2), strict=True):
        png16.write(path, np.roll(codes, shift, axis=1))
    return [str(path) for path in paths]


def test_one_pair_in_every_form(ldpbench, pair, tmp_path):
    out, eye, raw = (tmp_path / name for name in ("map.png", "eye.png", "map.npy"))
    ended = ldpbench("blurmap", *pair, "-o", str(out), "--bits", "16", "--colour", str(eye), "--npy", str(raw))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == [str(out), str(eye), str(raw)]
    assert "sigmoid(|d| - 1 px)" in ended.stderr
    logits, probability = np.load(raw), png16.read(out)
    assert (logits.dtype, logits.shape) == (np.float32, (64, 96))
    assert np.median(logits) == pytest.approx(TRUE_SHIFT_PX, abs=0.02)
    assert (probability.dtype, probability.shape) == (np.uint16, (64, 96))
    np.testing.assert_allclose(probability / 65535, 1 / (1 + np.exp(1 - logits)), atol=1 / 65535)
    assert png16.read(eye).shape == (64, 96, 3)


def test_one_pair_as_json(ldpbench, pair, tmp_path):
    out = tmp_path / "deep" / "map.png"
    ended = ldpbench("blurmap", *pair, "--out", str(out), "--method", "disparity:sharp_px=2,max_px=8", "--json")
    document = json.loads(ended.stdout)
    assert (ended.returncode, document["ok"], document["schema"]) == (0, True, "ldpbench.blurmap/1")
    data = document["data"]
    assert data["method"] == {"method": "disparity", "version": 1, "weights": None, "sharp_px": 2.0, "max_px": 8.0}
    assert data["blurred_share"] > 0.95
    assert data["written"] == {"out": str(out)}
    assert png16.read(out).dtype == np.uint8


def test_grey_views_and_zeros(ldpbench, tmp_path):
    for name in ("l.png", "r.png"):
        png16.write(tmp_path / name, np.full((20, 24), 90, np.uint8))
    for method in ("disparity", "zeros"):
        ended = ldpbench(
            "blurmap", str(tmp_path / "l.png"), str(tmp_path / "r.png"), "-m", method, "--npy", str(tmp_path / "m.npy")
        )
        assert ended.returncode == 0, ended.stderr
        assert not np.load(tmp_path / "m.npy").any()


def test_a_dataset_is_made_once_kept_and_scored(ldpbench, home_with_sample):
    first = ldpbench("blurmap", "--dataset", "sample", "--split", "val")
    assert first.returncode == 0, first.stderr
    assert "2 maps of sample: 2 made" in first.stdout
    assert "Blur accuracy" in first.stdout
    assert "disparity on sample: 2 to do" in first.stderr
    assert "`ldpbench evaluate --task blurmap --method disparity --dataset sample`" in first.stderr
    assert not home_with_sample.runs.exists()
    assert len(list(home_with_sample.blur_maps.glob("disparity/*.safetensors"))) == 2
    second = ldpbench("blurmap", "--dataset", "sample", "--split", "val", "--json")
    data = json.loads(second.stdout)["data"]
    assert (data["images"], data["made"], data["cached"]) == (2, 0, 2)
    of_classes = [row for row in data["scores"] if row["protocol"] == "blur-classes"]
    assert [row["id"] for row in of_classes] == ["scene-7", "scene-8"]
    protocol, amount = data["protocols"]
    assert (protocol["protocol"], amount["protocol"]) == ("blur-classes", "blur-amount")
    assert amount["metrics"]["ai1"]["mean"] < 0.05
    mean = protocol["metrics"]["blur-accuracy"]
    assert mean["images"] == 2
    assert mean["mean"] == pytest.approx(np.mean([row["scores"]["blur-accuracy"] for row in of_classes]))
    assert mean["mean"] > protocol["metrics"]["blur-majority"]["mean"] + 0.1


def test_the_truth_scores_in_full_and_zeros_like_a_constant(ldpbench, home_with_sample):
    def metrics(method):
        ended = ldpbench("blurmap", "--dataset", "sample", "--method", method, "--json")
        data = json.loads(ended.stdout)["data"]
        return data["images"], {name: value["mean"] for name, value in data["protocols"][0]["metrics"].items()}

    images, truth = metrics("truth")
    assert images == 8
    assert truth["blur-accuracy"] == truth["blur-iou"] == 1
    _, zeros = metrics("zeros")
    assert zeros["blur-iou"] == 0
    assert zeros["blur-accuracy"] == pytest.approx(1 - zeros["blur-majority"])  # in every scene most is blurred


def test_a_plugins_maps_are_made_anew_when_its_code_changes(ldpbench, home_with_sample, tmp_path):
    folder = tmp_path / "flat"
    folder.mkdir()
    (folder / "baseline.yaml").write_text(
        "schema: 1\nid: flat\nversion: '1'\ntitle: Flat\nsummary: x\nkind: estimator\ninputs: [left, right]\n"
        "licence_code: MIT\n"
    )
    code = (
        "import numpy as np\nfrom ldpbench.api import BlurMap, BlurMapEstimator\n\n\nclass Flat(BlurMapEstimator):\n"
        "    id = 'flat'\n\n    def estimate(self, left, right):\n        plane = np.full(left.shape[:2], LEVEL)\n"
        "        return BlurMap(probability=plane, logits=plane, normalisation='none')\n\n\nbuild = Flat\n"
    )

    def accuracy(level):
        (folder / "__init__.py").write_text(code.replace("LEVEL", f"np.float32({level})"))
        for name in [name for name in sys.modules if name.startswith("ldpbench_plugin_flat")]:
            del sys.modules[name]  # as a new process would
        ended = ldpbench("blurmap", "--dataset", "sample", "--split", "val", "--method", str(folder), "--json")
        return json.loads(ended.stdout)["data"]["protocols"][0]["metrics"]["blur-accuracy"]["mean"]

    assert accuracy(0.2) == pytest.approx(1 - accuracy(0.8))


def test_damage_is_told_and_clearing_is_counted(ldpbench, home_with_sample):
    assert ldpbench("blurmap", "--dataset", "sample", "--split", "val").returncode == 0
    path = next(home_with_sample.blur_maps.glob("disparity/*"))
    path.write_bytes(path.read_bytes()[:1000])
    mended = ldpbench("blurmap", "--dataset", "sample", "--split", "val")
    assert mended.returncode == 0
    assert "1 made, 1 there already" in mended.stdout
    assert f"warning: the cached blur map {path} is damaged" in mended.stderr
    assert "2 maps" in ldpbench("blurmap", "--clear-cache").stdout
    cleared = json.loads(ldpbench("blurmap", "--clear-cache", "--json").stdout)["data"]
    assert (cleared["removed"], cleared["bytes"]) == (0, 0)


def test_real_maps_are_scored_by_their_own_protocol(ldpbench, home, real_pixeldp_home):
    home.datasets.mkdir(parents=True)
    (home.datasets / "pixeldp").symlink_to(real_pixeldp_home.datasets / "pixeldp")
    ended = ldpbench("blurmap", "--dataset", "pixeldp", "--json")
    (protocol,) = json.loads(ended.stdout)["data"]["protocols"]
    assert protocol["metrics"]["ai1"]["mean"] < 0.09


LEFT, RIGHT = "LEFT", "RIGHT"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "expected two views, or --dataset, or --clear-cache, found nothing"),
        ([LEFT], 2, "found only"),
        ([LEFT, RIGHT], 2, "nothing to write"),
        ([LEFT, RIGHT, "-o", "m.png", "--dataset", "sample"], 2, "found views and --dataset"),
        (["--dataset", "sample", "--clear-cache"], 2, "found --dataset and --clear-cache"),
        (["--dataset", "sample", "-o", "m.png"], 2, "--out belongs to two views"),
        ([LEFT, RIGHT, "-o", "m.png", "--split", "test"], 2, "--split belongs to --dataset"),
        ([LEFT, RIGHT, "-o", "m.png", "--bits", "12"], 2, "--bits: expected 8 or 16, found 12"),
        ([LEFT, RIGHT, "-o", "m.png", "--method", "disprity"], 2, "did you mean 'disparity'"),
        ([LEFT, RIGHT, "-o", "m.png", "--method", "disparity:max_px=0"], 2, "max_px: expected 1 to 64"),
        ([LEFT, RIGHT, "-o", "m.png", "--method", "truth"], 2, "not to any two views"),
        ([LEFT, RIGHT, "-o", "m.png", "--device", "tpu"], 2, "expected cpu or cuda"),
        ([LEFT, "nothing.png", "-o", "m.png"], 3, "nothing.png"),
        ([LEFT, "text.png", "-o", "m.png"], 4, "text.png"),
        ([LEFT, "small.png", "-o", "m.png"], 2, "the views differ"),
        (["small.png", "small.png", "-o", "m.png"], 2, "at least 16"),
        (["--dataset", "smple"], 2, "did you mean 'sample'"),
        (["--dataset", "dpd-disp"], 3, "ldpbench prepare dpd-disp"),
        (["--dataset", "sample", "--split", "tset"], 2, "did you mean 'test'"),
    ],
)
def test_every_error_is_one_line_with_its_code(
    ldpbench, home_with_sample, pair, tmp_path, monkeypatch, arguments, code, says
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.png").write_text("not a picture")
    png16.write(tmp_path / "small.png", np.zeros((10, 10, 3), np.uint16))
    named = dict(zip((LEFT, RIGHT), pair, strict=True))
    ended = ldpbench("blurmap", *(named.get(word, word) for word in arguments))
    assert ended.returncode == code, ended.stderr
    assert says in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "m.png").exists()
