"""Protocols for maps on the pages: said in words, after those for pictures, never compared with a picture."""

from site_fakes import make_board, make_card, make_facts, make_pictures, make_runs

from ldpbench.data.cards import load_card
from ldpbench.evaluation.map_cells import bind_map_protocols
from ldpbench.site.compose import compose
from ldpbench.site.words import differences, protocol_facts, protocol_title
from tests.factories import make_protocol

MAP_SPEC = {
    "id": "maps",
    "title": "sharp or blurred",
    "why": "For maps.",
    "task": "blurmap",
    "truth": {"reference": "blur_map", "magnitude": True, "scale": 16},
    "metrics": ["blur-accuracy"],
}


def words(protocol) -> dict[str, str]:
    return {fact.term: fact.text for fact in protocol_facts(protocol)}


def test_what_a_map_is_compared_with_is_said():
    iccp, whole = bind_map_protocols(load_card("dpd-disp"), "f" * 64, "test")
    assert protocol_title(iccp) == "Disparity: as released with the set"
    said = words(iccp)
    assert said["Task"] == "maps of disparity"
    assert said["Compared with"].startswith("the set's disparity; pixels")
    assert "100 px on every side" in said["Frame"]
    assert not {"Border", "Rounding", "Registration", "Inference", "Domain"} & set(said)
    assert words(whole)["Frame"] == "the whole map, in full size"
    (_, amount) = bind_map_protocols(load_card("sample"), "f" * 64, "test")
    assert words(amount)["Compared with"].startswith(
        "the amount of the set's blur map, without its sign, divided by 16"
    )


def test_a_board_of_maps_says_why_it_stands_apart_from_one_of_pictures():
    (of_maps,) = bind_map_protocols(load_card("pixeldp"), "f" * 64, "test")
    found = {
        difference.field: (difference.here, difference.there) for difference in differences(make_protocol(), of_maps)
    }
    assert found["Task"] == ("sharp pictures", "maps of blur")
    assert found["Compared with"][0] == "the sharp target"
    assert found["Compared with"][1].startswith("the set's blur map, divided by 255")


def test_boards_of_maps_come_last_with_their_reason_and_do_not_open_the_page():
    card = make_card(tasks=("deblur", "blurmap"), map_protocols=[MAP_SPEC])
    (of_maps,) = bind_map_protocols(card, make_protocol().dataset_fingerprint, "test")
    made = make_board(of_maps, {"guess": [30.0, 31.0]})[0], make_board(make_protocol(), {"fake": [20.0, 21.0]})[0]
    runs = [run for board in made for run in make_runs(board)]

    def index_with(boards):
        scores = {
            (board.protocol_hash, "all", "all"): make_board(board.protocol, {"any": [1.0, 2.0]})[1] for board in boards
        }
        facts = make_facts(boards=boards, scores=scores, runs=tuple(runs), cards={"toy": card})
        return compose(facts, make_pictures(("scene-01", "scene-02"), facts.runs))[0]

    both = index_with(made)
    section = both.sections[0]
    assert (section.board.title, section.board.why) == ("Values as they are, test", "The plain one.")
    assert [(other.link.text, other.why) for other in section.others] == [
        ("Blur maps: sharp or blurred, test", "For maps.")
    ]
    assert both.featured.after.run_id == "run-fake"
    assert index_with(made[:1]).featured is None
