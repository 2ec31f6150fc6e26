"""Code around a published network that fails when it is asked about weights is named, and no bug of ours."""

import pytest
import torch
from safetensors.torch import save_file

from ldpbench.core.errors import IntegrityError, MethodError, UsageError
from ldpbench.methods.loading import load_method
from ldpbench.methods.new import new_method


@pytest.fixture
def folder(tmp_path):
    """A method as the skeleton has it, beside weights that fit it."""
    made = tmp_path / "my-net"
    new_method("my-net", made)
    shapes = {
        "intro.weight": (16, 6, 3, 3),
        "intro.bias": (16,),
        "ending.weight": (3, 16, 3, 3),
        "ending.bias": (3,),
    }
    save_file({key: torch.zeros(shape) for key, shape in shapes.items()}, tmp_path / "my-net.safetensors")
    return made


def load(folder):
    return load_method(folder, weights=folder.parent / "my-net.safetensors")


def add(folder, code):
    init = folder / "__init__.py"
    init.write_text(f"{init.read_text()}\n\n{code}")


def test_the_skeleton_takes_its_weights(folder):
    assert not load(folder).network.get_parameter("intro.weight").any()


@pytest.mark.parametrize(
    "code",
    ["def infer_options(shapes):\n    return shapes['no\\nsuch key']\n", "def merge(states):\n    return states[7]\n"],
)
def test_code_that_fails_is_named_in_one_line(folder, code):
    add(folder, code)
    with pytest.raises(
        MethodError, match=r"my-net: asked for the options of .*safetensors, it failed: \w+: "
    ) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_what_code_refuses_on_purpose_stays_what_it_says(folder):
    add(
        folder,
        "from ldpbench.api import UsageError\n\n\ndef merge(states):\n    raise UsageError('two parts wanted')\n",
    )
    with pytest.raises(UsageError, match="^two parts wanted$"):
        load(folder)


def test_weights_of_another_network_are_refused(folder):
    save_file({"other": torch.zeros(3)}, folder.parent / "my-net.safetensors")
    with pytest.raises(IntegrityError, match="of another network than My net"):
        load(folder)
