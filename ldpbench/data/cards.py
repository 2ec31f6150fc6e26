"""The dataset cards of all roots."""

from pathlib import Path

from ldpbench.core.errors import UsageError
from ldpbench.core.names import unknown_name
from ldpbench.core.resources import record_folders
from ldpbench.records import DatasetCard, ManifestRow, load_yaml_record
from ldpbench.records.dataset_card import load_manifest

CARD_FILE = "card.yaml"
MANIFEST_FILE = "manifest.csv"


def card_folder(dataset_id: str) -> Path:
    """The folder of one card.

    Raises:
        UsageError: If no dataset is called that.
    """
    folders = record_folders("datasets_cards", CARD_FILE)
    if dataset_id not in folders:
        raise unknown_name("dataset", dataset_id, folders)
    return folders[dataset_id]


def load_card(dataset_id: str) -> DatasetCard:
    """One dataset's card.

    Raises:
        UsageError: If no dataset is called that or its card is not valid.
    """
    path = card_folder(dataset_id) / CARD_FILE
    card = load_yaml_record(path, DatasetCard)
    if card.id != dataset_id:
        raise UsageError(f"{path} says id {card.id!r}, its folder says {dataset_id!r}", hint="make them equal")
    return card


def all_cards() -> dict[str, DatasetCard]:
    """Every card by id, in name order."""
    return {name: load_card(name) for name in sorted(record_folders("datasets_cards", CARD_FILE))}


def dataset_manifest(dataset_id: str) -> tuple[ManifestRow, ...]:
    """The publisher's files of one dataset; empty for a generated set.

    Raises:
        UsageError: If the manifest is not valid.
    """
    path = card_folder(dataset_id) / MANIFEST_FILE
    return load_manifest(path) if path.exists() else ()
