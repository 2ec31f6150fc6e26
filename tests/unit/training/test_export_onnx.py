"""ONNX files: any size, the same numbers, an honest label, and nothing written where something is wrong."""

import importlib.util
import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from ldpbench.core.errors import MethodError, MissingPrerequisiteError
from ldpbench.core.hashing import sha256_file
from ldpbench.networks.checkpoint import load_checkpoint
from ldpbench.training.export import onnx as export
from ldpbench.training.export.sizes import export_sizes
from tests.tiny_checkpoint import tiny_config, write_tiny_checkpoint


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A checkpoint and its ONNX file."""
    folder = tmp_path_factory.mktemp("onnx")
    checkpoint = write_tiny_checkpoint(folder / "final")
    return checkpoint, export.export_onnx(checkpoint, folder / "ldp.onnx")


def exactly(checkpoint, pictures):
    """What torch gives in float64: in float32 its own rounding grows with the picture."""
    with torch.inference_mode():
        return load_checkpoint(checkpoint).network.double()(*(picture.double() for picture in pictures)).numpy()


def session_of(path):
    return onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])


def test_the_file_takes_any_size_and_gives_what_torch_gives(exported):
    checkpoint, done = exported
    generator = torch.Generator().manual_seed(7)
    session = session_of(done.path)
    for batch, height, width in ((1, 48, 112), (2, 96, 20), (1, 4, 8), (1, 256, 192)):
        views = [torch.rand(batch, 3, height, width, generator=generator) for _ in range(2)]
        logits = 3 * torch.randn(batch, 1, height, width, generator=generator)
        expected = exactly(checkpoint, (*views, logits))
        inputs = dict(zip(("left", "right", "blur_logits"), (x.numpy() for x in (*views, logits)), strict=True))
        (found,) = session.run(["restored"], inputs)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
        other = session.run(["restored"], inputs | {"blur_logits": inputs["blur_logits"][..., ::-1].copy()})[0]
        assert np.abs(other - found).max() > 1e-3, "the blur map must matter"


def test_names_axes_and_opset(exported):
    _, done = exported
    model = onnx.load(done.path)
    onnx.checker.check_model(model, full_check=True)
    shapes = {
        value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    assert shapes == {
        "left": ["batch", 3, "height", "width"],
        "right": ["batch", 3, "height", "width"],
        "blur_logits": ["batch", 1, "height", "width"],
        "restored": ["batch", 3, "height", "width"],
    }
    assert [found.version for found in model.opset_import if found.domain == ""] == [export.OPSET] == [done.opset]
    assert done.inputs == ("left", "right", "blur_logits")
    assert done.largest_difference <= export.TOLERANCE
    assert done.sha256 == sha256_file(done.path)


def test_the_metadata_name_the_checkpoint(exported):
    checkpoint, done = exported
    found = {entry.key: entry.value for entry in onnx.load(done.path).metadata_props}
    assert found["ldpbench.weights_sha256"] == sha256_file(checkpoint / "model.safetensors")
    assert found["ldpbench.checkpoint_sha256"] == sha256_file(checkpoint / "checkpoint.json")
    assert json.loads(found["ldpbench.training"])["steps"] == 1200
    assert json.loads(found["ldpbench.blur_map"])["method"] == "disparity"
    assert json.loads(found["ldpbench.network"])["name"] == "ldp-test"
    assert session_of(done.path).get_modelmeta().custom_metadata_map.keys() >= found.keys()


def test_a_file_that_computes_something_else_is_not_written(exported, tmp_path, monkeypatch):
    checkpoint, done = exported
    genuine = onnx.load(done.path)
    del genuine.metadata_props[:]
    weight = max(genuine.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    values = np.frombuffer(weight.raw_data, np.float32) * np.float32(1.5)
    weight.raw_data = values.tobytes()
    monkeypatch.setattr(export, "_translate", lambda *_: genuine)
    with pytest.raises(MethodError, match="differs from torch by"):
        export.export_onnx(checkpoint, tmp_path / "bad.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_decides_by_values_is_a_sentence():
    class Moody(torch.nn.Module):
        def forward(self, left, right):
            return left if left.mean() > right.mean() else right

    pictures = {name: torch.rand(2, 3, 8, 12) for name in ("left", "right")}
    with pytest.raises(MethodError, match="cannot be translated to ONNX: .*data-dependent") as caught:
        export._translate(Moody().eval(), pictures)
    assert "\x1b" not in caught.value.message
    assert "\n" not in caught.value.message


def test_what_the_checker_refuses_is_not_written(exported, tmp_path, monkeypatch):
    checkpoint, done = exported
    broken = onnx.load(done.path)
    del broken.metadata_props[:]
    broken.graph.node[0].input[0] = "nowhere"
    monkeypatch.setattr(export, "_translate", lambda *_: broken)
    with pytest.raises(MethodError, match="checker refuses"):
        export.export_onnx(checkpoint, tmp_path / "bad.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "smallest"),
    [
        ({}, 4),
        ({"span": "window", "window": 3}, 4),
        ({"span": "window", "window": 16, "attention": ("encoder-1", "middle")}, 4),
        ({"pooling": "local", "pooling_px": 32}, 52),
    ],
)
def test_traced_sizes_take_the_general_branches_and_compared_sizes_both(options, smallest):
    config = tiny_config(**options)
    sizes = export_sizes(config)
    assert sizes.smallest_px == smallest
    _, height, width = sizes.traced
    fits = {level: height // config.shrinkage(level) % config.window == 0 for level in config.attention}
    assert not any(fits.values()) or config.span == "global"
    for batch, rows, columns in sizes.compared:
        assert rows % config.multiple_of == columns % config.multiple_of == 0
        assert min(rows, columns) >= max(smallest, 32)
        assert (batch, rows, columns) != sizes.traced
        assert rows != height
        assert columns != width
    _, rows, columns = sizes.compared[0]
    for level in config.attention if config.span == "window" else ():
        assert (
            rows // config.shrinkage(level) % config.window == columns // config.shrinkage(level) % config.window == 0
        )
    if config.pooling_px is not None:
        assert min(height, width) > 1.5 * config.pooling_px


def test_windows_and_local_pooling_survive_sizes_that_fit_and_sizes_that_do_not(tmp_path):
    config = tiny_config(span="window", window=3, pooling="local", pooling_px=16, encoder=(1,), decoder=(0,))
    checkpoint = write_tiny_checkpoint(tmp_path / "final", config)
    done = export.export_onnx(checkpoint, tmp_path / "ldp.onnx")
    session = session_of(done.path)
    generator = torch.Generator().manual_seed(8)
    for height, width in ((done.smallest_px, done.smallest_px), (36, 48), (50, 36), (38, 70)):
        views = [torch.rand(1, 3, height, width, generator=generator) for _ in range(2)]
        logits = torch.randn(1, 1, height, width, generator=generator)
        expected = exactly(checkpoint, (*views, logits))
        inputs = dict(zip(done.inputs, (x.numpy() for x in (*views, logits)), strict=True))
        np.testing.assert_allclose(session.run(["restored"], inputs)[0], expected, rtol=0, atol=1e-4)


def test_a_network_without_a_blur_map_has_two_inputs():
    assert export.input_names(tiny_config(prior="none")) == ("left", "right")


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime", "onnxscript"])
def test_a_missing_extra_is_named_with_the_command(tmp_path, monkeypatch, missing):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == missing else find(name, *rest))
    with pytest.raises(MissingPrerequisiteError, match=missing) as caught:
        export.export_onnx(tmp_path, tmp_path / "x.onnx")
    assert caught.value.hint == "pip install 'ldpbench[onnx]'"


def test_the_command_refuses_to_overwrite_unasked(exported, ldpbench, tmp_path):
    checkpoint, _ = exported
    out = tmp_path / "there.onnx"
    out.write_text("mine")
    done = ldpbench("export", str(checkpoint), "-o", str(out))
    assert done.returncode == 2
    assert "is there already" in done.stderr
    assert out.read_text() == "mine"
