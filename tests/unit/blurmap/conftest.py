import json
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture(scope="session")
def golden_map() -> dict[str, Any]:
    """What the released blur-map scripts compute; made by running them with a stand-in for CLIP."""
    document: dict[str, Any] = json.loads((GOLDEN / "ldp_blur_map.json").read_text())
    return document
