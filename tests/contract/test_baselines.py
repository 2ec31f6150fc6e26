"""What every method must do: keep shape and range, be deterministic, and mind only its own item of a batch."""

import ast

import numpy as np
import pytest
import torch

from ldpbench.core.resources import shipped_root
from ldpbench.methods.loading import load_method
from ldpbench.methods.runtime import pad_to, restore_pair
from ldpbench.records.baseline import RECORD_FILE

FOLDERS = sorted(path.parent for path in (shipped_root() / "baselines").glob(f"*/{RECORD_FILE}"))
IDS = [folder.name for folder in FOLDERS]


def views(n: int, channels: int, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    base = torch.nn.functional.interpolate(
        torch.rand(n, channels, height // 4 + 1, width // 4 + 1, generator=generator),
        size=(height, width),
        mode="bilinear",
    )
    left = (base + 0.02 * torch.rand(base.shape, generator=generator)).clamp(0, 1)
    return left, left.roll(1, dims=-1)


def call(method, left, right):
    names = method.inputs
    given = {"left": left, "right": right, "center": (left + right) / 2, "blur_map": None}
    with torch.inference_mode():
        return method.restore(
            **{name: pad_to(view, method.size) if name in names else None for name, view in given.items()}
        )


@pytest.fixture(params=FOLDERS, ids=IDS)
def method(request):
    return load_method(request.param).deblurrer


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width"), [(48, 64), (61, 47)])
def test_shape_and_range(method, channels, height, width):
    left, right = (view[0].permute(1, 2, 0).numpy() for view in views(1, channels, height, width))
    result = restore_pair(method, np.ascontiguousarray(left), np.ascontiguousarray(right))
    assert result.shape == (height, width, channels)
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    assert result.min() >= 0
    assert result.max() <= 1


def test_the_same_twice(method):
    left, right = views(1, 3, 64, 64)
    assert torch.equal(call(method, left, right), call(method, left, right))


def test_neighbours_in_a_batch_do_not_matter(method):
    left, right = views(2, 3, 64, 64)
    together = call(method, left, right)
    for index in range(2):
        alone = call(method, left[index : index + 1], right[index : index + 1])
        torch.testing.assert_close(together[index : index + 1], alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("folder", FOLDERS, ids=IDS)
def test_a_plugin_imports_nothing_of_ours_but_the_api(folder):
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            for name in names:
                assert name == "ldpbench.api" or not name.startswith("ldpbench"), f"{path} imports {name}"
