"""The page of a method: its worst scenes, the paper's ablations beside our own, and printed rows below boards."""

import json

from site_fakes import make_board, make_facts, make_pictures, make_protocol, make_runs

from ldpbench.core.home import Home
from ldpbench.results.published import published_tables
from ldpbench.site.ablations import ablation_tables, read_ablations
from ldpbench.site.compose import compose
from ldpbench.site.method_scenes import scenes_of, scenes_table, worst_tables


class Listener:
    def __init__(self):
        self.warnings = []

    def warn(self, message):
        self.warnings.append(message)


def page_of(facts, path):
    pictures = make_pictures(("scene-01", "scene-02"), facts.runs)
    return next(page for page in compose(facts, pictures) if page.path == path)


def column(table, title):
    place = [each.title for each in table.columns].index(title)
    return [row[place] for group in table.groups for row in group.rows]


def test_the_worst_scenes_are_told_by_value_and_by_what_others_reach():
    psnr = {"own": [20.0, 25.0, 30.0], "a": [15.0, 31.0, 29.0], "b": [16.0, 33.0, 28.0]}
    board, scores = make_board(make_protocol(), psnr)
    scenes = scenes_of("own", board, scores)
    assert [scene.score.sample_id for scene in scenes] == ["scene-01", "scene-02", "scene-03"]
    assert [scene.lead for scene in scenes] == [4.5, -7.0, 1.5]
    lowest, behind = worst_tables(scenes, board, {})
    assert [cell.text for cell in column(lowest, "Scene")] == ["scene-01", "scene-02", "scene-03"]
    assert [cell.text for cell in column(behind, "Scene")] == ["scene-02", "scene-03", "scene-01"]
    assert [cell.text for cell in column(behind, "Best of all")] == ["33.00", "30.00", "20.00"]
    assert [cell.note for cell in column(behind, "Best of all")] == ["b", "this one", "this one"]
    assert [cell.text for cell in column(behind, "To the others’ median")] == ["−7.00", "+1.50", "+4.50"]


def test_a_scene_that_failed_is_the_worst():
    board, scores = make_board(make_protocol(), {"own": [30.0, None], "a": [20.0, 21.0]})
    scenes = scenes_of("own", board, scores)
    assert [scene.score.sample_id for scene in scenes] == ["scene-02", "scene-01"]
    lowest, _ = worst_tables(scenes, board, {})
    assert column(lowest, "PSNR")[0].text == "—"
    assert column(lowest, "Scene")[0].note is not None


def test_of_many_scenes_both_ends_are_shown_and_it_is_said():
    board, scores = make_board(make_protocol(), {"own": [20 + number / 10 for number in range(150)]})
    table = scenes_table(scenes_of("own", board, scores), board, {}, "All")
    assert [group.heading for group in table.groups] == [
        "The 20 worst of 150 scenes; the run has all of them",
        "The 20 best of 150 scenes; the run has all of them",
    ]
    assert table.n_rows == 40


def test_a_method_page_says_what_its_last_run_was_made_with():
    page = page_of(make_facts(), "method/fake.html")
    assert any(fact.term == "Code of the last run" and fact.code for fact in page.facts)
    (section,) = page.scenes
    assert section.board.href == "board/toy--native.html"
    assert [card.link.text for card in section.cards] == ["scene-01", "scene-02"]


def sweep_file(home, **changes):
    document = {
        "table": "table6",
        "seeds": [0, 1],
        "config": {
            "network": {"name": "ldp-tiny"},
            "dataset": "mixed-train",
            "val_split": "val",
            "stages": [{"steps": 300}, {"steps": 20}],
        },
        "rows": [
            {"published_method": "nafnet", "psnr": 24.0, "ssim": 0.7, "psnr_by_seed": [23.9, 24.1], "reason": None},
            {"published_method": "ldp-small", "psnr": 24.5, "ssim": 0.7, "psnr_by_seed": [24.4, 24.6], "reason": None},
            {"published_method": "nafnet-sa", "psnr": None, "ssim": None, "psnr_by_seed": None, "reason": "no weights"},
        ],
    }
    folder = home.training / "sweep"
    folder.mkdir(parents=True)
    (folder / "ablation.json").write_text(json.dumps(document | changes))


def test_measured_ablations_stand_beside_printed_ones_with_where_they_come_from(home: Home):
    sweep_file(home)
    listener = Listener()
    (sweep,) = read_ablations(home, listener)
    assert sweep.said == "ldp-tiny on mixed-train val, 320 steps, 2 seeds"
    tables = {
        table.caption.split(":")[0]: table for table, _ in ablation_tables("ldp-small", published_tables(), (sweep,))
    }
    assert list(tables) == ["Table 5", "Table 6", "Table 7"]
    table = tables["Table 6"]
    assert sweep.said in table.columns[3].unit
    by_name = dict(zip([cell.text for cell in column(table, "Setting")], table.groups[0].rows, strict=True))
    measured = {name: row[3] for name, row in by_name.items()}
    changes = {name: row[4].text for name, row in by_name.items()}
    assert sorted(cell.text for cell in measured.values() if cell.sort) == ["24.00", "24.50"]
    assert "+0.50" in changes.values()
    assert "no weights" in {cell.title for cell in measured.values()}
    assert len(tables["Table 5"].columns) == 3
    assert not list(ablation_tables("dp-wiener", published_tables(), (sweep,)))


def test_a_damaged_sweep_is_said_and_left_out(home: Home):
    sweep_file(home, config={"network": {}})
    listener = Listener()
    assert read_ablations(home, listener) == ()
    assert "is left out" in listener.warnings[0]
    (home.training / "sweep" / "ablation.json").write_text("{")
    assert read_ablations(home, listener) == ()


def test_printed_rows_stand_below_a_board_with_their_faults_and_no_rank():
    facts = make_facts()
    boards = []
    for group in ("all", "indoor", "outdoor"):
        board, scores = make_board(make_protocol(), {"fake": [30.0, 31.0], "other": [28.0, 29.0]})
        boards.append((board.__class__(**{**vars(board), "group": group}), scores))
    facts = make_facts(
        boards=tuple(board for board, _ in boards),
        scores={board.view: scores for board, scores in boards},
        runs=make_runs(boards[0][0]),
    )
    table = page_of(facts, "board/toy--native--group-indoor.html").table
    assert [(group.heading, group.kind) for group in table.groups] == [
        (None, ""),
        ("Published, not measured here: Somebody: A paper, ECCV 2020, Table 1", "published"),
    ]
    printed = table.groups[1].rows
    keys = [each.key for each in table.columns]
    assert [row[keys.index("psnr")].text for row in printed] == ["25.50", "25.77"]
    assert [row[keys.index("mae")].footnote for row in printed] == [None, "a"]
    assert {row[keys.index("source")].text for row in printed} == {"published"}
    assert all(row[0].mark == "missing" for row in printed)
    assert all(cell.mark not in ("best", "second") for row in printed for cell in row)
    assert table.footnotes == (("a", "It cannot be."),)
    whole = page_of(facts, "board/toy--native.html").table
    assert len(whole.groups) == 1, "the paper prints nothing for all scenes together"
