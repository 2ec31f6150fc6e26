"""The cache gives exactly what the estimator gives, and never anything else."""

from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.blurmap.cache import CachedEstimator, cache_size, clear
from ldpbench.blurmap.disparity.estimator import DisparityEstimator
from ldpbench.blurmap.estimator import BlurMap, BlurMapEstimator
from ldpbench.blurmap.truth import TruthEstimator
from ldpbench.core.errors import StorageError, UsageError
from ldpbench.core.progress import Silent
from ldpbench.data.prepared import open_prepared


class Counting(BlurMapEstimator):
    """Cheap, and counts how often it is asked."""

    id = "counting"

    def __init__(self, factor=1.0):
        self.factor = factor
        self.calls = 0

    @property
    def options(self):
        return {"factor": self.factor}

    def estimate(self, left, right):
        self.calls += 1
        if left.shape != right.shape:
            raise UsageError("the views differ")
        logits = ((right - left).mean(axis=2) * np.float32(self.factor)).astype(np.float32)
        return BlurMap(probability=1 / (1 + np.exp(-logits)), logits=logits, normalisation="sigmoid")


class Listening(Silent):
    def __init__(self):
        self.warnings = []

    def warn(self, message):
        self.warnings.append(message)


def views(seed=0, shape=(20, 30, 3)):
    rng = np.random.default_rng(seed)
    return rng.random(shape, dtype=np.float32), rng.random(shape, dtype=np.float32)


def same(one, other):
    return (
        one.logits.tobytes() == other.logits.tobytes()
        and one.probability.tobytes() == other.probability.tobytes()
        and one.logits.dtype == other.logits.dtype == np.float32
        and one.normalisation == other.normalisation
    )


def test_the_second_time_it_comes_from_disk_and_is_the_same_to_the_last_bit(tmp_path):
    inner = DisparityEstimator()
    expected = inner.estimate(*views())
    first, second = CachedEstimator(inner, tmp_path / "maps"), CachedEstimator(Counting(), tmp_path / "maps")
    assert same(first.estimate(*views()), expected)
    assert same(first.estimate(*views()), expected)
    assert (first.hits, first.misses) == (1, 1)
    second.estimate(*views())
    second.estimate(*views())
    assert (second.hits, second.misses, second.inner.calls) == (1, 1, 1)
    assert cache_size(tmp_path / "maps").maps == 2


def test_everything_that_decides_a_map_is_in_the_key(tmp_path):
    left, right = views()
    base = CachedEstimator(Counting(), tmp_path)

    class Next(Counting):
        version = 2

    class Weighted(Counting):
        weights_sha256 = "ab" * 32

    altered = left.copy()
    altered[3, 4, 1] = np.nextafter(altered[3, 4, 1], np.float32(2))
    paths = [
        base.path_of(left, right),
        base.path_of(right, left),
        base.path_of(altered, right),
        base.path_of(left.reshape(30, 20, 3), right.reshape(30, 20, 3)),
        base.path_of(left.reshape(20, 90, 1), right.reshape(20, 90, 1)),
        base.path_of(left.view(np.int32), right.view(np.int32)),
        *(CachedEstimator(inner, tmp_path).path_of(left, right) for inner in (Counting(2.0), Next(), Weighted())),
    ]
    assert len(set(paths)) == len(paths)
    assert base.path_of(np.asfortranarray(left), right) == paths[0], "how memory is laid out decides nothing"
    assert base.identity == base.inner.identity
    assert base.options == {"factor": 1.0}


def test_bytes_cannot_move_from_one_view_to_the_other(tmp_path):
    """Concatenated without lengths, these two pairs would be the same bytes."""
    left, right = views(shape=(4, 4, 1))
    stacked = np.concatenate([left, right])
    base = CachedEstimator(Counting(), tmp_path)
    assert base.path_of(stacked[:2], stacked[2:]) != base.path_of(left, right)


@pytest.fixture
def kept(tmp_path):
    estimator = CachedEstimator(Counting(), tmp_path / "maps", Listening())
    estimator.estimate(*views())
    return estimator


@settings(max_examples=40, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_damage_is_noticed_told_and_mended(tmp_path_factory, data):
    said = Listening()
    estimator = CachedEstimator(Counting(), tmp_path_factory.mktemp("maps"), said)
    expected = estimator.estimate(*views())
    path = estimator.path_of(*views())
    sound = path.read_bytes()
    position = data.draw(st.integers(0, len(sound) - 1))
    bit = data.draw(st.integers(0, 7))
    damaged = sound[:position] + bytes([sound[position] ^ (1 << bit)]) + sound[position + 1 :]
    path.write_bytes(damaged)
    again = estimator.estimate(*views())
    assert same(again, expected)
    assert path.read_bytes() in (sound, damaged)  # damaged only where a key of the header that nobody reads was hit
    if path.read_bytes() == sound:
        assert len(said.warnings) == 1
        assert str(path) in said.warnings[0]
        assert "damaged" in said.warnings[0]


@pytest.mark.parametrize("content", [b"", b"\0" * 8, b"x" * 100, b"\xff" * 4000])
def test_a_file_that_is_no_map_is_replaced(kept, content):
    path = kept.path_of(*views())
    sound = path.read_bytes()
    path.write_bytes(content)
    kept.estimate(*views())
    assert path.read_bytes() == sound
    assert len(kept._progress.warnings) == 1
    assert "\n" not in kept._progress.warnings[0]


def test_a_cut_file_and_a_map_of_another_size_are_replaced(kept):
    path = kept.path_of(*views())
    sound = path.read_bytes()
    other = views(shape=(10, 10, 3))
    kept.estimate(*other)
    for content in (sound[:-5], kept.path_of(*other).read_bytes()):
        path.write_bytes(content)
        kept.estimate(*views())
        assert path.read_bytes() == sound
    assert len(kept._progress.warnings) == 2


def test_an_error_of_the_estimator_leaves_nothing_behind(tmp_path):
    estimator = CachedEstimator(Counting(), tmp_path / "maps")
    with pytest.raises(UsageError):
        estimator.estimate(views()[0], views()[1][:10])
    assert not (tmp_path / "maps").exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "maps").write_text("a file, not a folder")
    with pytest.raises(StorageError, match="maps"):
        CachedEstimator(Counting(), tmp_path / "maps").estimate(*views())


def _fill(folder):
    estimator = CachedEstimator(Counting(), folder)
    return [estimator.estimate(*views(seed)).logits.tobytes() for seed in range(12)]


def test_several_processes_and_threads_share_a_folder(tmp_path):
    expected = _fill(tmp_path / "alone")
    with get_context("spawn").Pool(2) as pool:
        results = pool.map(_fill, [tmp_path / "shared"] * 3)
    with ThreadPoolExecutor(4) as threads:
        results += threads.map(_fill, [tmp_path / "shared"] * 4)
    assert all(result == expected for result in results)
    assert cache_size(tmp_path / "shared").maps == 12
    assert not list((tmp_path / "shared").rglob("*.part"))


def test_clear_removes_maps_and_nothing_else(kept):
    (kept.folder / "notes.txt").write_text("mine")
    removed = clear(kept.folder)
    assert removed.maps == 1
    assert removed.bytes > 0
    assert cache_size(kept.folder) == (0, 0)
    assert (kept.folder / "notes.txt").exists()
    (kept.folder / "notes.txt").unlink()
    assert clear(kept.folder) == (0, 0)
    assert not kept.folder.exists()
    assert clear(kept.folder) == (0, 0)
    kept.estimate(*views())
    assert kept.misses == 2


def test_scenes_are_kept_as_methods_see_them_and_the_truth_is_never_kept(tmp_path, sample_home):
    scene = open_prepared(sample_home, "sample").split("test")[0]
    counted = CachedEstimator(Counting(), tmp_path)
    assert same(counted.estimate_sample(scene), Counting().estimate(scene.left, scene.right))
    counted.estimate_sample(scene)
    assert counted.hits == 1
    true = CachedEstimator(TruthEstimator(), tmp_path)
    assert same(true.estimate_sample(scene), TruthEstimator().estimate_sample(scene))
    assert (true.hits, true.misses) == (0, 0)
    assert cache_size(tmp_path).maps == 1
