"""Plugin folders made up for tests."""

from pathlib import Path

import yaml


def write_method(root: Path, method_id: str, body: str, *, attributes: str = "", **record: object) -> Path:
    """Write ``root/baselines/<id>`` whose ``restore`` has the given body; returns the folder.

    The body sees left, right, center, blur_map, torch, os and self; ``attributes`` go into the class.
    """
    folder = root / "baselines" / method_id
    folder.mkdir(parents=True)
    fields = {
        "schema": 1,
        "id": method_id,
        "version": "1",
        "title": method_id,
        "summary": "Made up for a test.",
        "kind": "reference",
        "inputs": ["left", "right"],
        "licence_code": "Apache-2.0",
    } | record
    (folder / "baseline.yaml").write_text(yaml.safe_dump(fields))
    extra = "".join(f"    {line}\n" for line in attributes.splitlines())
    lines = "".join(f"        {line}\n" for line in body.splitlines())
    (folder / "__init__.py").write_text(
        "import os\nimport torch\nfrom ldpbench.api import Deblurrer, SizeRule\n\n\n"
        f"class Method(Deblurrer):\n    inputs = {tuple(fields['inputs'])!r}\n{extra}\n"
        f"    def restore(self, *, left, right, center, blur_map):\n{lines}\n\n"
        "def build():\n    return Method()\n"
    )
    return folder
