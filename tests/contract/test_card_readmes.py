"""The README beside every shipped card: rendered from the card, and valid for the Hugging Face Hub."""

import pytest
import yaml
from huggingface_hub import DatasetCard as HubCard

from ldpbench.core.resources import shipped_root
from ldpbench.data.cards import load_card
from ldpbench.data.dataset_readme import front_matter, render_readme

FOLDER = shipped_root() / "datasets_cards"
IDS = sorted(path.parent.name for path in FOLDER.glob("*/card.yaml"))
HUB_TASKS = {"image-to-image", "depth-estimation"}
HUB_LICENCES = {"cc0-1.0", "mit", "apache-2.0", "other"}
HUB_SIZES = {"n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M"}


@pytest.mark.parametrize("dataset_id", IDS)
def test_the_readme_is_that_of_the_card(dataset_id):
    path = FOLDER / dataset_id / "README.md"
    expected = render_readme(load_card(dataset_id))
    assert path.is_file(), f"{path} is missing: run `python tests/render_card_readmes.py`"
    assert path.read_text(encoding="utf-8") == expected, f"{path} is stale: run `python tests/render_card_readmes.py`"


@pytest.mark.parametrize("dataset_id", IDS)
def test_the_front_matter_is_valid_for_the_hub(dataset_id):
    card = HubCard((FOLDER / dataset_id / "README.md").read_text(encoding="utf-8"))
    facts = card.data.to_dict()
    assert facts["license"] in HUB_LICENCES
    assert ("license_name" in facts) == (facts["license"] == "other")
    assert set(facts["task_categories"]) <= HUB_TASKS
    assert set(facts.get("size_categories", ())) <= HUB_SIZES
    assert "configs" not in facts, "a card has no files beside it"
    assert facts["pretty_name"] == load_card(dataset_id).title


def test_the_front_matter_names_the_files_of_every_split_and_alias():
    text = front_matter(load_card("rdpd"), {"train": "data/train-*.parquet", "val": "data/test-*.parquet"})
    facts = yaml.safe_load(text.strip("-\n"))
    assert facts["configs"] == [
        {
            "config_name": "default",
            "data_files": [
                {"split": "train", "path": "data/train-*.parquet"},
                {"split": "val", "path": "data/test-*.parquet"},
            ],
        }
    ]


def test_what_is_not_stated_is_said_plainly():
    text = render_readme(load_card("dpd-disp"))
    assert "Licence: none stated" in text
    assert "no checksum published" in text
