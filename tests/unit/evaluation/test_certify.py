"""What tiles and short floats cost is measured on the first scenes of a run and stored with their rows."""

import pytest

from ldpbench.data.prepared import open_prepared
from ldpbench.evaluation import doing
from ldpbench.evaluation.certify import Ways, certify
from ldpbench.evaluation.evaluate import Manner, evaluate
from ldpbench.evaluation.plan import make_plan
from ldpbench.evaluation.request import Request
from ldpbench.evaluation.scoring import bind_protocols, prepare_targets
from ldpbench.methods.auto_tiles import AutoTiling
from ldpbench.methods.inference import Inference
from ldpbench.methods.protocol import Deblurrer, SizeRule
from ldpbench.methods.runtime import restore_sample
from ldpbench.methods.tiling import Tiling
from ldpbench.results.run_folder import read_run
from ldpbench.results.run_store import RunStore
from tests.tiny_checkpoint import write_tiny_checkpoint


def rows(home, folder, *, certify=1, **request):
    plan = make_plan(home, Request(methods=[str(folder)], datasets=["sample"], **request))
    (outcome,) = evaluate(plan, RunStore(home.runs), Manner(certify=certify))
    return read_run(outcome.folder).rows


def test_a_tiled_run_says_what_its_tiles_cost(home_with_sample, tmp_path):
    folder = write_tiny_checkpoint(tmp_path / "net")
    found = rows(home_with_sample, folder, inference=Inference(tiles=Tiling(128)), limit=3, certify=2)
    assert [len(row.certificates) for row in found] == [1, 1, 0]
    certificate = found[0].certificates[0]
    assert (certificate.of, certificate.way) == ("tiling", "tiles of 128 px, overlap 32 px")
    assert (certificate.height_px, certificate.width_px) == (256, 256)
    assert certificate.against.startswith("whole picture")
    assert {"psnr", "ssim"} <= set(certificate.changes)
    whole = rows(home_with_sample, folder, inference=Inference(), limit=3)

    def psnr(row):
        return next(score.value for score in row.scores if (score.metric, score.region) == ("psnr", "all"))

    assert certificate.changes["psnr"] == pytest.approx(psnr(found[0]) - psnr(whole[0]), abs=1e-9)


def test_short_floats_say_what_they_cost(home_with_sample, tmp_path):
    folder = write_tiny_checkpoint(tmp_path / "net")
    found = rows(home_with_sample, folder, dtype="bfloat16", limit=1)
    (certificate,) = found[0].certificates
    assert (certificate.of, certificate.way) == ("dtype", "bfloat16")
    assert certificate.agreement_db > 40
    assert rows(home_with_sample, folder, dtype="bfloat16", limit=2, certify=0)[0].certificates == ()


def test_both_at_once_have_a_certificate_each(home_with_sample, tmp_path):
    folder = write_tiny_checkpoint(tmp_path / "net")
    found = rows(home_with_sample, folder, dtype="bfloat16", inference=Inference(tiles=AutoTiling()), limit=1)
    assert [certificate.of for certificate in found[0].certificates] == ["tiling", "dtype"]
    assert found[0].certificates[0].way == "the whole picture, which fits"
    assert found[0].certificates[0].agreement_db is None, "equal to the last bit"


class Identity(Deblurrer):
    """Gives the left view back; says that memory ran out above a size."""

    size = SizeRule(8, 8)

    def __init__(self, most_px):
        self.most_px = most_px

    def restore(self, *, left, right, center, blur_map):
        from ldpbench.core.errors import MethodError

        if left.shape[-1] > self.most_px:
            raise MethodError("memory ran out for a whole picture")
        return left


def test_where_the_whole_does_not_fit_the_largest_crop_that_does_is_compared(home_with_sample):
    prepared = open_prepared(home_with_sample, "sample")
    sample = prepared.split("test")[0]
    protocols = bind_protocols(prepared.card, "f" * 64, "test")
    cheap = Identity(10_000)
    image = restore_sample(cheap, sample).image
    ways = Ways("tiling", lambda: Identity(130), cheap, "tiles", "seen whole")
    found = certify(ways, sample, image, prepare_targets(sample, protocols), protocols[0])
    assert (found.height_px, found.width_px) == (128, 128)
    assert found.against == "crop of 128x128 px at 64,64, seen whole"
    assert found.agreement_db is None
    assert found.changes["psnr"] == 0.0


def test_plain_runs_are_not_certified(home_with_sample, tmp_path, monkeypatch):
    monkeypatch.setattr(doing, "certify", lambda *_: pytest.fail("there is nothing cheaper to compare"))
    folder = write_tiny_checkpoint(tmp_path / "net")
    assert rows(home_with_sample, folder, limit=1)[0].certificates == ()
