import math
import shutil

import pytest

from ldpbench.core.errors import MissingPrerequisiteError, UsageError
from ldpbench.core.resources import shipped_root
from ldpbench.results.published import published_tables

N_INDOOR, N_OUTDOOR = 37, 39
SLACK = {"psnr": 0.0135, "ssim": 0.001, "mae": 0.001}
"""How far the printed average may be from the one of the printed groups: two roundings, for PSNR a little more."""


@pytest.fixture(scope="module")
def tables():
    return {table.id: table for table in published_tables()}


@pytest.fixture(scope="module")
def all_rows(tables):
    return [row for table in tables.values() for row in table.rows]


def group_values(table, metric):
    """Printed values by method, then by corrected group."""
    found = {}
    for row in table.rows:
        found.setdefault(row.method_id, {})[row.group] = row.values[metric]
    return found


def could_be_printed_as(exact_low, exact_high, printed):
    """Whether some number of the interval, rounded or cut to three decimals, prints like this."""
    return exact_high >= printed - 0.0005 - 1e-9 and exact_low < printed + 0.001 - 1e-9


def expected_mse_rel(psnr):
    return 10 ** (-(psnr + 0.005) / 20), 10 ** (-(psnr - 0.005) / 20)


def test_all_tables_are_there_with_their_provenance(tables):
    sizes = {table.id.rsplit("-", 1)[1]: (table.kind, table.dataset, len(table.rows)) for table in tables.values()}
    assert sizes == {
        "1": ("comparison", "dpd-blur", 33),
        "2": ("comparison", "ddd-syn", 11),
        "3": ("comparison", "rdpd", 11),
        "5": ("ablation", "dpd-blur", 12),
        "6": ("ablation", "dpd-blur", 5),
        "7": ("ablation", "dpd-blur", 6),
    }
    for table in tables.values():
        assert "LDP: Language-driven Dual-Pixel Image Defocus Deblurring Network" in table.paper
        assert "Hao Yang, Liyuan Pan, Yan Yang, Miaomiao Liu" in table.paper
        assert "early arXiv version" in table.source
        assert table.url == "https://arxiv.org/abs/2307.09815"
        assert any("27.24 dB" in note for note in table.notes)


def test_figures_that_the_papers_text_repeats(tables):
    """27.05/26.66, 38.13/36.44 and 33.25/32.27 dB in the text of its section 4.1; 26.91/0.831 in section 4.2."""
    for table, ours, theirs in (("1", 27.05, 26.66), ("2", 38.13, 36.44), ("3", 33.25, 32.27)):
        found = group_values(tables[f"ldp-cvpr2024-table-{table}"], "psnr")
        assert (found["ldp-large"]["all"], found["restormer"]["all"]) == (ours, theirs)
    for table in "567":
        full = [row for row in tables[f"ldp-cvpr2024-table-{table}"].rows if row.method_id == "ldp-small"]
        assert full
        assert all((row.values["psnr"], row.values["ssim"]) == (26.91, 0.831) for row in full)


def test_groups_are_put_right_and_the_printed_heading_is_kept(tables):
    pairs = {(row.group_as_printed, row.group) for row in tables["ldp-cvpr2024-table-1"].rows}
    assert pairs == {("Outdoor Scenes", "indoor"), ("Indoor Scenes", "outdoor"), ("Average", "all")}
    assert any("swapped in print" in note for note in tables["ldp-cvpr2024-table-1"].notes)


def test_the_averages_follow_from_the_corrected_groups_and_not_from_the_printed_ones(tables):
    table = tables["ldp-cvpr2024-table-1"]
    for metric, slack in SLACK.items():
        for method, of_group in group_values(table, metric).items():
            as_corrected = (N_INDOOR * of_group["indoor"] + N_OUTDOOR * of_group["outdoor"]) / 76
            as_printed = (N_OUTDOOR * of_group["indoor"] + N_INDOOR * of_group["outdoor"]) / 76
            miss = abs(of_group["all"] - as_corrected)
            faulty = any(metric in row.faults for row in table.rows if row.method_id == method)
            assert (miss <= slack) != faulty, (metric, method)
            if metric == "psnr":
                assert abs(of_group["all"] - as_printed) > 0.10


def test_mse_rel_is_the_rmse_of_the_mean_psnr_in_all_cells_but_the_marked_ones(all_rows):
    marked = [row for row in all_rows if "mse-rel" in row.faults]
    for row in all_rows:
        fits = could_be_printed_as(*expected_mse_rel(row.values["psnr"]), row.values["mse-rel"])
        assert fits == (row not in marked), (row.table, row.method_id, row.group)
    assert [(row.table, row.method_id, row.group) for row in marked] == [
        ("1", "ldp-small", "outdoor"),
        ("3", "ebdb", "all"),
        ("3", "dmenet", "all"),
        ("3", "dpdnet", "all"),
        ("3", "deeprft", "all"),
    ]
    assert sum(row.table in "123" for row in all_rows) == 55


def test_mae_never_exceeds_the_rmse_that_the_psnr_gives(all_rows):
    for row in all_rows:
        if row.group == "all" and row.table != "1":
            assert row.values["mae"] - 0.0005 <= 10 ** (-row.values["psnr"] / 20), (row.table, row.method_id)


def test_the_third_tables_column_slipped_by_one_row(tables):
    rows = {row.method_id: row.values for row in tables["ldp-cvpr2024-table-3"].rows}
    for upper, lower in (("ebdb", "dmenet"), ("dmenet", "dpdnet")):
        assert rows[lower]["mse-rel"] == round(10 ** (-rows[upper]["psnr"] / 20), 3)


def test_values_are_plausible(all_rows):
    for row in all_rows:
        assert row.values.keys() == {"psnr", "ssim", "mae", "mse-rel"}
        assert 20 < row.values["psnr"] < 40
        assert 0.5 < row.values["ssim"] < 1
        assert 0 < row.values["mae"] < 0.1
        assert all(math.isfinite(value) for value in row.values.values())
        assert all(row.faults.values())


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(shipped_root() / "leaderboard" / "published", tmp_path / "published")


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_folder_of_ones_own(folder, tables):
    assert published_tables(folder) == tuple(tables.values())
    for path in folder.iterdir():
        path.unlink()
    assert published_tables(folder) == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("schema: 1", "schema: 1\nsurprise: 2", "surprise"),
        ("method: deeprft", "method: deepfried", "deepfried"),
        ('table: "2"', 'table: "4"', "0 rows of table 4"),
        ("metric: mae", "metric: lpips", "lpips"),
    ],
)
def test_a_wrong_record_is_refused(folder, old, new, said):
    edit(folder / "ldp-cvpr2024.yaml", old, new)
    with pytest.raises(UsageError, match=said):
        published_tables(folder)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("group_as_printed,group", "group,group_as_printed", "expected the columns"),
        ("25.77", "25,77", "line 2: expected 9 cells, found 10"),
        ("25.77", "n/a", r"line 2: expected a number for psnr, found 'n/a'"),
        ("25.77", "nan", "line 2: expected a number"),
        ("0.040,0.051", "0.040", "line 2: expected 9 cells, found 8"),
    ],
)
def test_a_wrong_file_is_refused(folder, old, new, said):
    edit(folder / "ldp-cvpr2024.csv", old, new)
    with pytest.raises(UsageError, match=said):
        published_tables(folder)


def test_a_missing_file_is_named(folder):
    (folder / "ldp-cvpr2024-ablations.csv").unlink()
    with pytest.raises(MissingPrerequisiteError, match="ldp-cvpr2024-ablations.csv"):
        published_tables(folder)
