"""Ways of seeing a whole picture: chosen explicitly, recorded, and never ranked together."""

from pathlib import Path

import numpy as np
import pytest

from ldpbench.core.errors import UsageError
from ldpbench.core.home import Home
from ldpbench.evaluation.plan import make_plan
from ldpbench.evaluation.request import Request
from ldpbench.methods.checkpoint import load_network_method
from ldpbench.methods.inference import WHOLE, Inference
from ldpbench.methods.runtime import restore_pair
from ldpbench.methods.tiling import Tiling
from tests.tiny_checkpoint import write_tiny_checkpoint


def test_local_averages_keep_the_weights_and_change_large_pictures_only(tmp_path: Path) -> None:
    folder = write_tiny_checkpoint(tmp_path / "net")
    rng = np.random.default_rng(0)
    for height, width, alike in ((48, 48, True), (192, 160, False)):
        views = [rng.random((height, width, 3), dtype=np.float32) for _ in range(2)]
        whole, local = (
            restore_pair(load_network_method(folder, inference=way), *views) for way in (WHOLE, Inference(tlc_px=32))
        )
        assert np.allclose(whole, local, atol=1e-6) is alike


def test_each_way_has_a_name_a_protocol_and_a_cell_of_its_own(home_with_sample: Home, tmp_path: Path) -> None:
    folder = write_tiny_checkpoint(tmp_path / "net")
    ways = [WHOLE, Inference(Tiling(128)), Inference(tlc_px=64), Inference(tlc_px=96)]
    cells = [
        make_plan(home_with_sample, Request(methods=[str(folder)], datasets=["sample"], inference=way)).cells[0]
        for way in ways
    ]
    assert [cell.protocols[0].inference for cell in cells] == ["whole", "tiled", "tlc", "tlc"]
    assert len({cell.key for cell in cells}) == 4
    assert cells[2].config["inference"] == "local averages for training patches of 64 px"


def test_what_does_not_fit_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="remedies for one ill"):
        Inference(Tiling(128), 64)
    folder = write_tiny_checkpoint(tmp_path / "net")
    with pytest.raises(UsageError, match="TLC with patches of 1 px"):
        load_network_method(folder, inference=Inference(tlc_px=1))
