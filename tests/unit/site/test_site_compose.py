import math
from dataclasses import replace

from site_fakes import LPIPS, METRICS, PSNR, make_baseline, make_board, make_card, make_facts, make_pictures

from ldpbench.records import MapTruth
from ldpbench.results.views import StoredRun
from ldpbench.site.compose import compose
from ldpbench.site.facts import Facts
from ldpbench.site.index import web_address
from ldpbench.site.pages import BoardPage, Cell, IndexPage, MethodPage, Page, RunPage, ScenePage, Table
from ldpbench.site.words import differences, protocol_facts
from tests.factories import make_method, make_protocol, make_record

SCENES = ("scene-01", "scene-02")


def pages_of(facts: Facts) -> dict[str, Page]:
    pictures = make_pictures(SCENES, facts.runs)
    return {page.path: page for page in compose(facts, pictures)}


def index_of(facts: Facts) -> IndexPage:
    page = pages_of(facts)["index.html"]
    assert isinstance(page, IndexPage)
    return page


def column(table: Table, title: str, group: int = 0) -> list[Cell]:
    place = [each.title for each in table.columns].index(title)
    return [row[place] for row in table.groups[group].rows]


def test_every_kind_of_page_is_there() -> None:
    paths = set(pages_of(make_facts()))
    assert paths == {
        "index.html",
        "board/toy--native.html",
        "board/toy--native--region-near.html",
        "board/toy--registered.html",
        "scenes/toy--test.html",
        "scene/toy--test--scene-01.html",
        "scene/toy--test--scene-02.html",
        "run/run-fake.html",
        "run/run-other.html",
        "run/run-broken.html",
        "method/fake.html",
        "method/other.html",
        "method/broken.html",
        "method/unused.html",
    }


def titles(section) -> list[str]:
    """Of the boards of a dataset, the main one first."""
    return [section.board.title, *(other.link.text for other in section.others)]


def test_the_index_ranks_and_marks_as_the_board_says() -> None:
    table = index_of(make_facts()).sections[0].board.table
    assert [each.title for each in table.columns] == [
        *("Rank", "Method", "Views", "PSNR", "SSIM", "MAE", "Time", "Parameters", "Run")
    ]
    assert [cell.text for cell in column(table, "Rank")] == ["1", "2"]
    assert [cell.text for cell in column(table, "PSNR")] == ["30.50", "28.75"]
    assert [cell.mark for cell in column(table, "PSNR")] == ["best", "second"]
    assert [cell.href for cell in column(table, "Method")] == ["method/fake.html", "method/other.html"]
    assert [cell.href for cell in column(table, "Run")] == ["run/run-fake.html", "run/run-other.html"]
    assert [cell.text for cell in column(table, "Parameters")] == ["7.23 M", "7.23 M"]


def test_unranked_rows_stand_below_with_their_reason() -> None:
    table = index_of(make_facts()).sections[0].board.table
    assert [group.heading for group in table.groups] == [None, "Not ranked"]
    assert [cell.note for cell in column(table, "Method", group=1)] == ["an image failed"]
    assert [cell.text for cell in column(table, "PSNR", group=1)] == ["—"]
    assert [cell.title for cell in column(table, "PSNR", group=1)] == ["no mean: 1 of 2 images failed"]


def test_the_primary_protocol_of_the_card_comes_first() -> None:
    facts = make_facts()
    turned = make_facts(cards={"toy": make_card(protocols=list(reversed(make_card().protocols)))})
    assert titles(index_of(facts).sections[0]) == [
        "Values as they are, test",
        "Registered, test",
    ]
    assert titles(index_of(turned).sections[0]) == [
        "Registered, test",
        "Values as they are, test",
    ]


def test_a_dataset_without_a_card_is_shown_by_its_id() -> None:
    section = index_of(make_facts(cards={})).sections[0]
    assert (section.title, section.facts) == ("toy", ())


def test_subsets_say_how_much_was_there() -> None:
    board, scores = make_board(make_protocol(), {"fake": [30.0, 31.0]}, n_images_whole=17)
    facts = make_facts(boards=(board,), scores={(board.protocol_hash, "all", "all"): scores})
    assert index_of(facts).sections[0].badge.text == "partial: 2 of 17 scenes"
    assert index_of(make_facts()).sections[0].badge.text == "complete: 2 scenes"


def test_whole_sets_come_before_subsets_of_the_same_protocol() -> None:
    whole, whole_scores = make_board(make_protocol(dataset_fingerprint="f" * 64), {"fake": [30.0, 31.0]})
    part, part_scores = make_board(make_protocol(), {"fake": [30.0]}, n_images_whole=2)
    scores = {(whole.protocol_hash, "all", "all"): whole_scores, (part.protocol_hash, "all", "all"): part_scores}
    section = index_of(make_facts(boards=(part, whole), scores=scores)).sections[0]
    assert section.board.badge.text == "complete: 2 scenes"
    assert [other.badge.text for other in section.others] == ["partial: 1 of 2 scenes"]
    assert section.board.href == "board/toy--native.html"
    assert section.others[0].link.href == f"board/toy--native--test--{part.protocol_hash[:12]}.html"


def test_a_board_without_the_region_all_is_shown_by_its_first_region() -> None:
    protocol = make_protocol(regions=("near", "far"))
    board, scores = make_board(protocol, {"fake": [30.0, 31.0]}, region="near")
    facts = make_facts(boards=(board,), scores={(protocol.hash, "near"): scores})
    assert titles(index_of(facts).sections[0]) == ["Values as they are, test, nearer than focus"]


def test_perceptual_metrics_say_their_licence() -> None:
    board, scores = make_board(make_protocol(), {"fake": [30.0, 31.0]}, metrics=(*METRICS, LPIPS))
    asked = replace(board, protocol=make_protocol(metrics=(*make_protocol().metrics, "lpips/1")))
    asked = replace(asked, protocol_hash=asked.protocol.hash)
    facts = make_facts(boards=(asked,), scores={(asked.protocol_hash, "all", "all"): scores})
    (note,) = index_of(facts).sections[0].board.notes
    assert note.startswith("LPIPS: computed with pyiqa")
    assert "PolyForm Noncommercial" in note
    assert index_of(make_facts()).sections[0].board.notes == ()


def test_metrics_that_only_follow_from_others_stay_on_the_board_page() -> None:
    derived = PSNR.model_copy(update={"id": "pooled", "title": "Pooled PSNR"})
    board, scores = make_board(make_protocol(), {"fake": [30.0, 31.0]})
    wider = replace(board, metrics=(*board.metrics, derived))
    pages = pages_of(make_facts(boards=(wider,), scores={(board.protocol_hash, "all", "all"): scores}))
    index, page = pages["index.html"], pages["board/toy--native.html"]
    assert isinstance(index, IndexPage)
    assert isinstance(page, BoardPage)
    assert "Pooled PSNR" not in [each.title for each in index.sections[0].board.table.columns]
    assert "Pooled PSNR" in [each.title for each in page.table.columns]


def test_published_tables_stand_apart_with_corrected_groups_printed_digits_and_footnotes() -> None:
    (paper,) = index_of(make_facts()).sections[0].papers
    assert (paper.url, paper.source) == ("https://example.org/paper", "The proceedings.")
    assert paper.notes == ("The two headings are swapped in print.",)
    table = paper.comparisons[0].table
    assert [group.heading for group in table.groups] == [
        "indoor (printed under “Outdoor Scenes”)",
        "outdoor (printed under “Indoor Scenes”)",
    ]
    assert [cell.text for cell in column(table, "PSNR")] == ["25.50", "25.77"]
    assert [cell.text for cell in column(table, "MAE")] == ["0.040", "0.051"]
    assert [cell.footnote for cell in column(table, "MAE")] == [None, "a"]
    assert table.footnotes == (("a", "It cannot be."),)
    assert all(cell.mark == "" for group in table.groups for row in group.rows for cell in row)


def test_published_numbers_are_never_in_a_ranked_table() -> None:
    section = index_of(make_facts()).sections[0]
    ranked = {cell.text for group in section.board.table.groups for row in group.rows for cell in row}
    assert not {"25.77", "21.00"} & ranked


def test_datasets_with_published_numbers_only_have_a_section() -> None:
    sections = index_of(make_facts(boards=(), scores={}, runs=(), cards={})).sections
    assert [(section.title, section.badge.text) for section in sections] == [("toy", "published numbers only")]


def test_nothing_at_all_still_makes_a_page() -> None:
    assert [page.path for page in compose(Facts(), {})] == ["index.html"]


def test_a_board_page_has_all_regions_the_protocol_and_the_others() -> None:
    page = pages_of(make_facts())["board/toy--native.html"]
    assert isinstance(page, BoardPage)
    near = pages_of(make_facts())["board/toy--native--region-near.html"]
    assert [(tab.link.text, tab.link.href, tab.current) for tab in near.tabs] == [
        ("Whole picture", page.path, False),
        ("Nearer than focus", near.path, True),
    ]
    assert [tab.current for tab in page.tabs] == [True, False]
    assert (page.meaning, near.meaning) == (None, "Only in front of the focal plane.")
    assert page.facts[-1].code == make_protocol(regions=("all", "near")).hash
    assert [scene.link.href for scene in page.scenes] == [f"scene/toy--test--{name}.html" for name in SCENES]
    (other,) = page.others
    assert [difference.field for difference in other.differences] == ["Registration", "Border in px"]
    assert (other.differences[1].here, other.differences[1].there) == ("0", "8")


def test_every_field_of_a_protocol_is_said_and_every_difference_found() -> None:
    protocol = make_protocol()
    said = " ".join(f"{fact.term} {fact.text} {fact.code}" for fact in protocol_facts(protocol))
    assert protocol.dataset_fingerprint in said
    changes = {
        "dataset_fingerprint": "e" * 64,
        "split": "val",
        "bits": 8,
        "resolution": "half",
        "views": ("center",),
        "border_px": 3,
        "multiple_px": 8,
        "rounding": "u8",
        "domain": "white",
        "registration": "centre-similarity-1",
        "inference": "tiled",
        "metrics": ("psnr/1",),
        "task": "disparity",
        "truth": MapTruth(reference="disparity", magnitude=True, scale=64, frame="iccp2020"),
        "limit": 3,
        "ensemble": "x4",
        "dtype": "bfloat16",
    }
    named = {"id", "title", "dataset_id", "regions"}
    assert set(type(protocol).model_fields) == set(changes) | named
    for name, value in changes.items():
        other = make_protocol(**{name: value})
        assert len(differences(protocol, other)) == 1, name
        assert protocol_facts(other) != protocol_facts(protocol), name


def test_the_spread_of_a_method_is_drawn_on_one_axis() -> None:
    page = pages_of(make_facts())["board/toy--native.html"]
    assert isinstance(page, BoardPage)
    first, second = column(page.table, "PSNR per image")
    assert first.rug is not None
    assert second.rug is not None
    assert first.rug.ticks[-1] == "126.0"
    assert len(first.rug.ticks) == 2
    assert first.rug.label == "PSNR of 2 images: 30.00 to 31.00"
    assert float(second.rug.ticks[0]) < float(first.rug.ticks[0])


def test_the_spread_leaves_out_identical_images() -> None:
    board, scores = make_board(make_protocol(), {"fake": [math.inf, 31.0], "same": [math.inf, math.inf]})
    facts = make_facts(boards=(board,), scores={(board.protocol_hash, "all", "all"): scores})
    page = pages_of(facts)["board/toy--native.html"]
    assert isinstance(page, BoardPage)
    cells = {cell.title: cell for cell in column(page.table, "PSNR per image")}
    assert cells["PSNR of 1 image: 31.00 to 31.00"].rug is not None
    assert cells["no image has a finite value"].text == "—"


def test_a_scene_page_has_everybodys_numbers_and_pictures() -> None:
    page = pages_of(make_facts())["scene/toy--test--scene-02.html"]
    assert isinstance(page, ScenePage)
    assert [picture.label for picture in page.pictures] == [
        "Blurry",
        "FAKE (made up)",
        "OTHER (made up)",
        "BROKEN (made up)",
        "Sharp target",
    ]
    assert [picture.caption for picture in page.pictures] == ["", "PSNR 31.00 dB", "PSNR 29.50 dB", "", ""]
    assert page.previous is not None
    assert (page.previous.text, page.following) == ("scene-01", None)
    board, table = page.tables[0]
    assert board.href == "board/toy--native.html"
    assert [group.heading for group in table.groups] == ["Whole picture", "Nearer than focus"]
    assert [cell.text for cell in column(table, "PSNR")] == ["31.00", "29.50", "—"]
    assert [cell.mark for cell in column(table, "MAE")] == ["best", "second", "missing"]
    assert [cell.note for cell in column(table, "Method")] == [None, None, "method: it returned nan"]
    assert len(page.tables) == 2


def test_two_runs_of_one_method_are_told_apart_under_their_pictures() -> None:
    facts = make_facts()
    twin = StoredRun(record=make_record("run-twin", method=make_method("fake")), folder="/nowhere")
    pictures = make_pictures(SCENES, [*facts.runs, twin])
    page = {page.path: page for page in compose(facts, pictures)}["scene/toy--test--scene-01.html"]
    assert isinstance(page, ScenePage)
    labels = [picture.label for picture in page.pictures if picture.kind == "output"]
    assert labels == ["FAKE (made up) (run-fake)", "OTHER (made up)", "BROKEN (made up)", "FAKE (made up) (run-twin)"]


def test_equal_values_share_the_mark_and_one_value_for_all_gets_none() -> None:
    board, scores = make_board(make_protocol(), {"a": [30.0, 31.0], "b": [30.0, 31.0], "c": [29.0, 31.0]})
    pages = pages_of(make_facts(boards=(board,), scores={(board.protocol_hash, "all", "all"): scores}))
    first, second = pages["scene/toy--test--scene-01.html"], pages["scene/toy--test--scene-02.html"]
    assert isinstance(first, ScenePage)
    assert isinstance(second, ScenePage)
    assert [cell.mark for cell in column(first.tables[0][1], "PSNR")] == ["best", "best", "second"]
    assert [cell.mark for cell in column(second.tables[0][1], "PSNR")] == ["", "", ""]


def test_a_run_page_is_the_whole_record() -> None:
    page = pages_of(make_facts())["run/run-broken.html"]
    assert isinstance(page, RunPage)
    said = {fact.term: (fact.text, fact.code) for fact in page.facts}
    assert said["Code"] == ("SHA-256 over its sources", "c" * 64)
    assert said["Weights"] == ("none", None)
    assert said["Cell"][1] == "d" * 64
    assert page.command == "ldpbench evaluate --all"
    assert '"seed": 0' in page.config
    assert {fact.term: fact.text for fact in page.environment}["Memory"] == "8.0 GiB"
    assert [row[0].text for row in page.packages.groups[0].rows] == ["numpy", "torch"]
    assert page.failures is not None
    assert [[cell.text for cell in row] for row in page.failures.groups[0].rows] == [
        ["scene-02", "method: it returned nan"]
    ]
    _, table = page.boards[0]
    assert [cell.href for cell in column(table, "Image")] == [f"scene/toy--test--{name}.html" for name in SCENES]


def test_a_run_that_is_on_no_board_still_has_its_page() -> None:
    lone = StoredRun(record=make_record("run-lone", method=make_method("lone"), status="failed"), folder="/nowhere")
    facts = make_facts(boards=(), scores={}, runs=(lone,))
    pages = pages_of(facts)
    assert isinstance(pages["run/run-lone.html"], RunPage)
    method = pages["method/lone.html"]
    assert isinstance(method, MethodPage)
    assert (method.results, method.summary) == (None, None)
    assert method.runs is not None
    assert facts.standing_runs() == ()


def test_a_method_page_has_the_card_and_every_board() -> None:
    paper = {"title": "A paper", "venue": "ECCV", "year": 2020, "url": "https://example.org/p"}
    reported = [{"dataset": "toy", "group": "all", "metric": "psnr", "value": 25.5, "source": "Table 1"}]
    record = make_baseline(paper=paper, known_issues=["It guesses."], reported=reported, parameters=7_000_000)
    page = pages_of(make_facts(methods={"fake": record}))["method/fake.html"]
    assert isinstance(page, MethodPage)
    facts = {fact.term: fact for fact in page.facts}
    assert (facts["Paper"].text, facts["Paper"].url) == ("A paper. ECCV 2020.", "https://example.org/p")
    assert facts["Parameters"].text == "7,000,000"
    assert page.known_issues == ("It guesses.",)
    assert page.results is not None
    assert [cell.text for cell in column(page.results, "Rank")] == ["1 of 2", "1 of 2"]
    assert column(page.results, "Results")[0].text.startswith("PSNR 30.50 dB · SSIM ")
    assert page.reported is not None
    assert [cell.text for cell in page.reported.groups[0].rows[0]] == ["toy", "all", "PSNR", "25.5", "Table 1"]


def test_only_web_addresses_become_links() -> None:
    assert web_address("https://example.org/a?b=c") == "https://example.org/a?b=c"
    for text in ("javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "https://a b", "", None):
        assert web_address(text) is None


def test_the_order_of_the_facts_does_not_matter() -> None:
    facts = make_facts()
    scores = {key: tuple(reversed(rows)) for key, rows in reversed(facts.scores.items())}
    turned = replace(facts, boards=tuple(reversed(facts.boards)), runs=tuple(reversed(facts.runs)), scores=scores)
    pictures = make_pictures(SCENES, facts.runs)
    assert compose(facts, pictures) == compose(turned, pictures)


def test_the_featured_pair_is_blurry_and_the_best_that_is_no_reference() -> None:
    facts = make_facts()
    featured = index_of(facts).featured
    assert featured is not None
    assert (featured.before.kind, featured.after.run_id) == ("blurry", "run-fake")
    board = facts.boards[0]
    best = replace(board, rows=(replace(board.rows[0], method_kind="reference"), *board.rows[1:]))
    featured = index_of(replace(facts, boards=(best,))).featured
    assert featured is not None
    assert featured.after.run_id == "run-other"
    assert compose(facts, {})[0].featured is None
