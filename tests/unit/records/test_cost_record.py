import pytest
from pydantic import ValidationError

from ldpbench.records.cost import NAMED_SIZES, CostRecord, Hardware
from tests.factories import make_method
from tests.made_up_costs import HARDWARE, make_cost


def test_a_record_survives_its_file():
    record = make_cost()
    assert CostRecord.model_validate_json(record.model_dump_json(by_alias=True)) == record


def test_sizes_are_those_of_the_sets():
    assert NAMED_SIZES == {"256": (256, 256), "512": (512, 512), "pixeldp": (1008, 1344), "dpd-blur": (1120, 1680)}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"repeats": 4}, "repeats says 4, seconds holds 3"),
        ({"median_s": 0.25}, "median_s is 0.25"),
        ({"seconds": (0.1, 0.0, 0.2)}, "greater than 0"),
        ({"macs": None}, "either macs, or macs_missing"),
        ({"macs_missing": "no network"}, "either macs, or macs_missing"),
        ({"memory_kind": None}, "come together"),
        ({"peak_memory_bytes": None}, "come together"),
        ({"timing": "timing/2"}, "timing"),
        ({"warmups": 0}, "warmups"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(changes, said):
    fields = make_cost().model_dump(by_alias=True) | changes
    with pytest.raises(ValidationError, match=said):
        CostRecord.model_validate(fields)


@pytest.mark.parametrize(
    "changes",
    [
        {"size": "512"},
        {"width_px": 255},
        {"dtype": "bfloat16"},
        {"ensemble": "x4"},
        {"inference": "tiles of 64 px, overlap 8 px"},
        {"device": "cuda"},
        {"hardware": HARDWARE.model_copy(update={"torch_threads": 1})},
        {"hardware": HARDWARE.model_copy(update={"torch": "2.9.1"})},
        {"method": make_method("other")},
        {"method": make_method("fake", version="2")},
        {"method": make_method("fake", code_sha256="e" * 64)},
        {"method": make_method("fake", weights_sha256="e" * 64)},
        {"method": make_method("fake", untrained=True)},
    ],
)
def test_another_cell_has_another_key(changes):
    assert make_cost(**changes).key != make_cost().key


@pytest.mark.parametrize(
    "changes",
    [
        {"seconds": (1.0,), "repeats": 1, "median_s": 1.0},
        {"measured_at": "2025-02-02T03:04:05+00:00"},
        {"load_average": 3.0},
        {"method": make_method("fake", title="Another title")},
    ],
)
def test_another_measurement_of_a_cell_has_the_same_key(changes):
    assert make_cost().key == CostRecord.model_validate(make_cost().model_dump(by_alias=True) | changes).key


def test_the_file_is_named_after_method_size_and_key():
    record = make_cost("nafnet", size="dpd-blur", height_px=1120, width_px=1680)
    assert record.stem == f"nafnet-dpd-blur-{record.key[:12]}"


@pytest.mark.parametrize(
    ("changes", "readable"),
    [
        ({}, "epyc-7763-2-threads-"),
        ({"torch_threads": 1}, "epyc-7763-1-thread-"),
        ({"cpu": "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz"}, "xeon-platinum-8481c-2-threads-"),
        ({"cpu": "Apple M2"}, "apple-m2-2-threads-"),
        ({"cpu": "???"}, "2-threads-"),
        ({"gpu": "NVIDIA H100 80GB HBM3", "gpu_driver": "580.1", "cuda": "13.2"}, "h100-80gb-hbm3-"),
    ],
)
def test_hardware_has_a_readable_id(changes, readable):
    found = Hardware(**(HARDWARE.model_dump() | changes)).id
    assert found.startswith(readable)
    assert len(found) == len(readable) + 8


@pytest.mark.parametrize(
    "changes", [{"cpu_count": 8}, {"gpu_driver": "1"}, {"cuda": "13"}, {"torch": "2.8.0"}, {"cpu": "AMD EPYC 7763"}]
)
def test_everything_of_the_hardware_is_in_its_id(changes):
    assert HARDWARE.model_copy(update=changes).id != HARDWARE.id
