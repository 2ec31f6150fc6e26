"""Records refuse what they do not know, and hashes change with what can change a number."""

import pytest
import yaml
from pydantic import ValidationError

from ldpbench.core.errors import MissingPrerequisiteError, UsageError
from ldpbench.core.resources import shipped_root
from ldpbench.records import DatasetCard, MapTruth, load_yaml_record
from ldpbench.records.dataset_card import load_manifest
from ldpbench.records.run import cell_key
from tests.factories import make_dataset, make_method, make_protocol

CHANGES = {
    "dataset_fingerprint": "f" * 64, "split": "val", "bits": 8, "resolution": "half", "views": ("center",),
    "border_px": 1, "rounding": "u8", "domain": "white", "registration": "centre-similarity-1", "inference": "tiled",
    "metrics": ("psnr/2",), "multiple_px": 8, "task": "blurmap", "truth": MapTruth(reference="blur_map"), "limit": 3,
    "ensemble": "x4", "dtype": "bfloat16",
}  # fmt: skip


@pytest.mark.parametrize("field", CHANGES)
def test_everything_that_can_change_a_number_changes_the_protocols_hash(field):
    assert make_protocol(**{field: CHANGES[field]}).hash != make_protocol().hash


def test_fields_that_came_later_left_the_hashes_of_earlier_rows_alone():
    assert make_protocol().hash == "465a419c0e305a26afa2ef704eceff2d2314c73b9ce244e8e159362555383aff"


@pytest.mark.parametrize("change", [{"id": "toy/other"}, {"title": "Other words"}, {"regions": ("all", "near")}])
def test_names_and_regions_do_not(change):
    assert make_protocol(**change).hash == make_protocol().hash


def test_a_cell_is_its_method_its_content_its_protocols_and_its_configuration():
    method, dataset, protocol = make_method(), make_dataset(3), make_protocol()
    key = cell_key(method, dataset, (protocol,), {"dtype": "float32"})
    assert key == cell_key(method.model_copy(update={"title": "x"}), dataset, (protocol,), {"dtype": "float32"})
    others = {
        cell_key(method.model_copy(update={"code_sha256": "0" * 64}), dataset, (protocol,), {"dtype": "float32"}),
        cell_key(method, dataset.model_copy(update={"fingerprint": "1" * 64}), (protocol,), {"dtype": "float32"}),
        cell_key(method, dataset, (make_protocol(border_px=1),), {"dtype": "float32"}),
        cell_key(method, dataset, (protocol,), {"dtype": "bfloat16"}),
    }
    assert key not in others
    assert len(others) == 4


def card_document(**changes):
    document = yaml.safe_load((shipped_root() / "datasets_cards" / "pixeldp" / "card.yaml").read_text())
    return document | changes


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"colour": "blue"}, "colour: Extra inputs are not permitted"),
        ({"access": "manual"}, "manual_steps must say what to do"),
        ({"sources": []}, "sources must name at least one place"),
        ({"id": "Not An Id"}, "id: String should match pattern"),
        ({"fingerprint": "abc"}, "fingerprint: String should match pattern"),
        ({"bits": 12}, "bits: Input should be 8 or 16"),
        ({"schema": 2}, "schema: Input should be 1"),
    ],
)
def test_a_card_with_a_fault_is_refused_with_file_and_key(tmp_path, changes, sentence):
    path = tmp_path / "card.yaml"
    path.write_text(yaml.safe_dump(card_document(**changes)))
    with pytest.raises(UsageError) as caught:
        load_yaml_record(path, DatasetCard)
    assert str(path) in caught.value.message
    assert sentence in caught.value.message


def test_two_protocols_of_one_name_are_refused():
    document = card_document()
    document["protocols"] = [document["protocols"][0]] * 2
    with pytest.raises(ValidationError, match="share an id"):
        DatasetCard.model_validate(document)


def test_yaml_that_is_none_and_files_that_are_not_there(tmp_path):
    path = tmp_path / "card.yaml"
    path.write_text("a: [unclosed")
    with pytest.raises(UsageError, match="is not valid YAML"):
        load_yaml_record(path, DatasetCard)
    path.write_text("!!python/object/apply:os.system ['echo no']")
    with pytest.raises(UsageError, match="is not valid YAML"):
        load_yaml_record(path, DatasetCard)
    with pytest.raises(MissingPrerequisiteError, match="cannot read"):
        load_yaml_record(tmp_path / "nowhere.yaml", DatasetCard)


def test_a_manifest_names_the_faulty_line(tmp_path):
    path = tmp_path / "manifest.csv"
    path.write_text("path,bytes,sha256,split,sample_id,role,bits,width_px,height_px\na.png,3,xyz,test,a,left,16,1,1\n")
    with pytest.raises(UsageError, match="line 2: sha256"):
        load_manifest(path)
