"""Every check of the contract fails on a method that breaks its promise, names it, and passes on one that keeps it."""

import pytest
import torch

from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError, UsageError
from ldpbench.methods.contract import check_folder, check_method
from ldpbench.methods.find import find_method, methods_in
from ldpbench.methods.loading import load_method
from tests.tiny_checkpoint import tiny_config, write_tiny_checkpoint
from tests.toy_methods import write_method, write_network

PAPER = {"title": "A paper", "venue": "unpublished", "year": 2026}


def failures(folder, **options):
    """Names of the checks that failed, with what they say."""
    return {
        finding.name: f"{finding.detail} ({finding.hint})"
        for finding in check_method(folder, **options)
        if not finding.passed
    }


def changed_network(root, *, old="", new="", **record):
    """The toy network with one piece of its code replaced."""
    folder = write_network(root, **{"paper": PAPER} | record)
    code = (folder / "__init__.py").read_text()
    assert old in code
    (folder / "__init__.py").write_text(code.replace(old, new))
    return folder


@pytest.mark.parametrize("kind", ["reference", "training-free"])
def test_a_method_without_weights_that_keeps_the_contract(tmp_path, kind):
    folder = write_method(tmp_path, "good", "return (left + right) / 2", kind=kind)
    findings = check_method(folder)
    assert all(finding.passed for finding in findings), findings
    assert [finding.name for finding in findings] == [
        *("record", "imports", "builds", "answers", "size rule", "any picture", "repeatable", "batch", "views"),
        *("inputs", "process", "inference mode"),
    ]


def test_a_network_that_keeps_the_contract_in_all_its_variants(tmp_path):
    folder = write_network(tmp_path, paper=PAPER)
    reports = check_folder(folder)
    assert [report.method for report in reports] == ["toy-net", "toy-net-single"]
    for report in reports:
        assert report.passed, report
        assert [finding.name for finding in report.findings][-4:] == [
            *("parameters", "multiply-adds", "recognition", "weights"),
        ]
        assert report.left_out == ()


BROKEN_ANSWERS = [
    ("return left.flip(-1).repeat(1, 1, 1, 2)", "", "answers", "expected (1, 1 or 3, 24, 25)"),
    ("return torch.cat([left, right], 1)", "", "answers", "expected (1, 1 or 3, 24, 25)"),
    ("return (left + right)[0]", "", "answers", "expected (1, 1 or 3, 24, 25)"),
    ("return (255 * (left + right) / 2).to(torch.uint8)", "", "answers", "returned uint8, expected floats"),
    ("return (left + right) / (left - left)", "", "answers", "NaN or infinite"),
    ("return [left, right]", "", "answers", "returned list, expected a tensor"),
    ("raise KeyError('layer')", "", "answers", "raised KeyError: 'layer'"),
    ("return (left + right)[..., :-1] / 2", "", "answers", "do not crop"),
    ("return 200 * left + right", "", "any picture", "outside [0, 1]"),
    ("return (left + right) / 2 + 0.01 * torch.rand(left.shape)", "", "repeatable", "two answers"),
    ("return (left + right) / 2 + 0.01 * torch.rand(left.shape)", "", "process", "torch's random numbers"),
    ("m = (left + right) / 2\nreturn m - m.mean()", "", "batch", "take means, norms and extremes of each item"),
    ("m = (left + right) / 2\nreturn m[:1].expand_as(m)", "", "batch", "differs from the item alone"),
    ("return left", "", "views", "another right view gives the same answer"),
    ("return right + 0 * left", "", "views", "another left view gives the same answer"),
    ("return left.mul_(0.5).add_(right, alpha=0.5)", "", "inputs", "changed left in place"),
    ("torch.set_num_threads(3)\nreturn (left + right) / 2", "", "process", "get_num_threads(): expected"),
    ("torch.manual_seed(0)\nreturn (left + right) / 2", "", "process", "torch's random numbers"),
    ("torch.set_default_dtype(torch.float64)\nreturn (left + right) / 2", "", "process", "get_default_dtype()"),
    (
        "m = (left + right) / 2\nreturn m if torch.is_inference_mode_enabled() else m / 2",
        "",
        "inference mode",
        "differs",
    ),
    (
        "if left.shape[-1] % 16:\n    raise ValueError('odd size')\nreturn (left + right) / 2",
        "size = SizeRule(32, 8)",
        "answers",
        "pictures of 32x40 px raised ValueError: odd size",
    ),
    (
        "if left.shape[-2] % 16:\n    raise ValueError('odd size')\nreturn (left + right) / 2",
        "size = SizeRule(32, 8)",
        "size rule",
        "pictures of 40x32 px raised ValueError: odd size",
    ),
    (
        "if left.shape[-1] < 24:\n    raise ValueError('too small')\nreturn (left + right) / 2",
        "size = SizeRule(16, 8)",
        "size rule",
        "pictures of 16x16 px",
    ),
    (
        "if left.shape[1] == 1:\n    raise ValueError('not grey')\nreturn (left + right) / 2",
        "",
        "any picture",
        "not grey",
    ),
]


@pytest.mark.parametrize(("body", "attributes", "name", "told"), BROKEN_ANSWERS)
def test_a_broken_promise_is_found_and_told(tmp_path, body, attributes, name, told):
    before = (torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled())
    found = failures(write_method(tmp_path, "bad", body, attributes=attributes))
    assert name in found, found
    assert told in found[name]
    assert not found[name].endswith("()"), "a failure says what to do"
    assert (torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled()) == before


def test_what_is_remembered_between_calls_is_found(tmp_path):
    body = "self.calls = getattr(self, 'calls', 0) + 1\nreturn (left + right) / (2 + 0.1 * self.calls)"
    assert "repeatable" in failures(write_method(tmp_path, "bad", body))


def test_what_comes_after_answers_is_left_out_when_there_are_none(tmp_path):
    (report,) = check_folder(write_method(tmp_path, "bad", "raise RuntimeError"))
    assert [finding.name for finding in report.findings] == ["record", "imports", "builds", "answers"]
    assert report.left_out[0] == "size rule"
    assert report.left_out[-1] == "inference mode"


def test_a_size_rule_that_is_wider_than_needed_gets_a_remark(tmp_path):
    findings = check_method(
        write_method(tmp_path, "good", "return (left + right) / 2", attributes="size = SizeRule(8, 8)")
    )
    (rule,) = (finding for finding in findings if finding.name == "size rule")
    assert rule.passed
    assert "12 px ran too" in rule.detail


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("from ldpbench.data.png16 import read", "imports ldpbench.data.png16"),
        ("import ldpbench.methods.runtime", "imports ldpbench.methods.runtime"),
        ("from ldpbench import methods", "imports ldpbench.methods"),
        ("import ldpbench", "imports ldpbench,"),
    ],
)
def test_private_imports_are_found_wherever_they_are(tmp_path, line, told):
    folder = write_method(tmp_path, "bad", f"{line}\nreturn (left + right) / 2")
    found = failures(folder)
    assert list(found) == ["imports"]
    assert told in found["imports"]


def test_the_public_door_may_be_used_in_any_spelling(tmp_path):
    body = "import ldpbench.api\nfrom ldpbench import api\nreturn (left + right) / 2"
    assert failures(write_method(tmp_path, "good", body)) == {}


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"title": " "}, "expected title"),
        ({"licence_code": ""}, "expected licence_code"),
        ({"code": {"url": "https://example.org"}}, "expected paper"),
        ({"weights": [{"name": "a.pth", "page": "p", "licence": "MIT"}]}, "expected paper"),
    ],
)
def test_a_record_must_name_what_users_need(tmp_path, record, told):
    found = failures(write_method(tmp_path, "bad", "return (left + right) / 2", **record))
    assert told in found["record"]


def test_the_id_of_another_method_is_refused(tmp_path):
    found = failures(find_method(write_method(tmp_path, "dp-wiener", "return (left + right) / 2")))
    assert "is that of another method" in found["record"]


def test_a_record_that_is_not_valid_is_a_finding(tmp_path):
    folder = write_method(tmp_path, "bad", "return left", colour="blue")
    (report,) = check_folder(folder)
    assert not report.passed
    assert "colour: Extra inputs are not permitted" in report.findings[0].detail
    with pytest.raises(UsageError, match="colour"):
        check_method(folder)


def test_code_that_cannot_be_imported_or_built_is_a_finding(tmp_path):
    folder = write_method(tmp_path / "1", "bad", "return left")
    (folder / "__init__.py").write_text("1 / 0\n")
    assert "ZeroDivisionError" in failures(folder)["builds"]
    folder = write_method(tmp_path / "2", "bad", "return left")
    (folder / "__init__.py").write_text("def build(:\n")
    assert {"imports", "builds"} == set(failures(folder))
    folder = write_method(tmp_path / "3", "bad", "return left", attributes='inputs = ("center",)')
    assert "its code wants" in failures(folder)["builds"]
    folder = write_method(tmp_path / "4", "bad", "return left")
    (folder / "__init__.py").write_text((folder / "__init__.py").read_text() + "\ntorch.set_grad_enabled(False)\n")
    assert "importing and building it changed torch.is_grad_enabled()" in failures(folder)["builds"]


BROKEN_NETWORKS = [
    ({"old": "return x[:, -3:] +", "new": "return 0 *"}, "views", "declared and not used"),
    ({"old": "return {", "new": "return {'widht': 3, "}, "recognition", "widht"),
    ({"old": "return {", "new": "raise KeyError\n    return {"}, "recognition", "raised KeyError"),
    ({"old": '"width": first[0]}', "new": '"width": 8}'}, "recognition", "of 4 entries 3 differ with them"),
    ({"old": "if len(first) == 4 else None", "new": "if first else {}"}, "recognition", "expected None twice"),
    ({"old": "if len(first) == 4 else None", "new": "if False else None"}, "recognition", "gives None"),
    ({"old": "super().__init__()", "new": "super().__init__(); self.gain = torch.rand(1)"}, "", ""),
    (
        {
            "old": "return x[:, -3:] + self",
            "new": "self.gain = getattr(self, 'gain', torch.rand(1))\n        return self.gain * self",
        },
        "weights",
        "written and read again, the answer differs",
    ),
    (
        {
            "old": "super().__init__()",
            "new": "super().__init__(); self.norm = nn.BatchNorm2d(6, affine=False)",
        },
        "",
        "",
    ),
    (
        {"old": "self.last(torch", "new": "nn.functional.dropout(x[:, :3]) + self.last(torch"},
        "process",
        "random numbers",
    ),
    ({"old": "self.last(torch", "new": "x.mean() + self.last(torch"}, "batch", "differs from the item alone"),
]


@pytest.mark.parametrize(("change", "name", "told"), BROKEN_NETWORKS)
def test_a_network_that_breaks_its_promise(tmp_path, change, name, told):
    found = failures(changed_network(tmp_path, **change))
    if not name:
        assert found == {}, "what is not used does no harm"
        return
    assert name in found, found
    assert told in found[name]


def variants(**dual):
    base = {"title": "Toy", "inputs": ["left", "right"], "options": {"channels": 6, "width": 4}}
    return {"variants": {"dual": base | dual}}


@pytest.mark.parametrize(
    ("declared", "name", "told"),
    [
        ({"parameters": 330}, "parameters", "says parameters: 330, the network has 331"),
        ({"macs_256": 7}, "multiply-adds", f"says macs_256: 7, the network takes {65536 * (216 + 108):,}"),
        ({"options": {"channels": 6, "breadth": 4}}, "builds", "breadth"),
        ({"options": {"channels": 3}}, "answers", "expected input"),
        ({"size": {"multiple_of": 2, "minimum_px": 2}}, "answers", "expected multiples of 4"),
    ],
)
def test_a_record_that_contradicts_its_network(tmp_path, declared, name, told):
    found = failures(write_network(tmp_path, **variants(**declared)))
    assert told in found[name]


def test_numbers_that_are_not_declared_are_measured(tmp_path):
    details = {finding.name: finding.detail for finding in check_method(write_network(tmp_path, **variants()))}
    assert "write `parameters: 331`" in details["parameters"]
    assert f"write `macs_256: {65536 * (216 + 108)}`" in details["multiply-adds"]


def test_the_cost_of_a_method_that_looks_at_numbers_is_that_of_its_network_alone(tmp_path):
    """It cannot be asked with tensors that have no numbers; what it computes beside the network does not count."""
    looking = (
        "given[0].numpy()\n        torch.nn.functional.conv2d(given[0], torch.ones(3, 3, 5, 5))\n"
        "        return self.network("
    )
    folder = changed_network(
        tmp_path, old="return self.network(", new=looking, **variants(macs_256=65536 * (216 + 108))
    )
    assert failures(folder) == {}


def test_the_cost_of_a_method_that_uses_a_part_of_its_network(tmp_path):
    part = "x = torch.cat(given, dim=1)\n        return x[:, 3:] + self.network.first(x)[:, :3]\n        return ("
    whole = 65536 * (216 + 108)
    folder = changed_network(tmp_path / "1", old="return self.network(", new=part, **variants(macs_256=whole))
    details = {finding.name: finding.detail for finding in check_method(folder)}
    assert details["multiply-adds"] == (f"{whole:,} declared; the method leaves a part out and takes {65536 * 216:,}")
    folder = changed_network(tmp_path / "2", old="return self.network(", new=part, **variants(macs_256=7))
    assert "says macs_256: 7" in failures(folder)["multiply-adds"]


@pytest.mark.parametrize("macs", [65536 * 108, 65536 * 216, 65536 * (216 + 108)])
def test_the_cost_of_a_network_that_is_made_smaller_as_it_is_built(tmp_path, macs):
    """Folded in ``build()``: the published cost and what is spent may both be declared, and nothing beyond them."""
    fold = "def build(network, record):\n    network.first = nn.Conv2d(6, 4, 1)\n"
    small = 65536 * (24 + 108)
    folder = changed_network(tmp_path, old="def build(network, record):\n", new=fold, **variants(macs_256=macs))
    found = failures(folder)
    if small <= macs:
        assert "multiply-adds" not in found
    else:
        assert f"says macs_256: {macs:,}" in found["multiply-adds"]


def test_a_scale_that_starts_at_zero_hides_nothing(tmp_path):
    zero = "self.last = nn.Conv2d(width, 3, 3, padding=1)\n        nn.init.zeros_(self.last.weight)"
    folder = changed_network(
        tmp_path, old="self.last = nn.Conv2d(width, 3, 3, padding=1)", new=zero, **variants(parameters=331)
    )
    assert failures(folder) == {}


def test_findings_are_the_same_every_time(tmp_path):
    folder = write_network(tmp_path, paper=PAPER)
    assert check_method(folder) == check_method(folder)


def test_the_way_of_inference_of_the_authors_is_tried(tmp_path):
    own = {"default": "windows:34", "supported": ["whole", "windows"]}
    found = failures(write_network(tmp_path / "1", inference=own, paper=PAPER))
    assert list(found) == ["own inference"]
    assert "choose 36 px" in found["own inference"]
    own["default"] = "windows:36"
    assert failures(write_network(tmp_path / "2", inference=own, paper=PAPER)) == {}


def saved(path, folder, **changes):
    torch.save({**load_method(folder, untrained=True).network.state_dict(), **changes}, path)
    return path


def test_given_weights_are_used(tmp_path):
    folder = write_network(tmp_path, **variants())
    good = saved(tmp_path / "good.pth", folder)
    findings = check_method(folder, weights=good)
    assert all(finding.passed for finding in findings)
    assert "its own weights" in findings[2].detail
    blind = saved(tmp_path / "blind.pth", folder, **{"first.weight": torch.zeros(4, 6, 3, 3)})
    assert "another left view" in failures(folder, weights=blind)["views"]
    bright = saved(tmp_path / "bright.pth", folder, **{"last.bias": torch.full((3,), 9.0)})
    assert "outside [0, 1]" in failures(folder, weights=bright)["any picture"]


def test_weights_that_cannot_be_given(tmp_path):
    folder = write_network(tmp_path, paper=PAPER)
    good = saved(tmp_path / "good.pth", folder)
    with pytest.raises(MissingPrerequisiteError, match="there is no file"):
        check_method(folder, weights=tmp_path / "none.pth")
    with pytest.raises(UsageError, match="takes no weights"):
        check_method("blurry-input", weights=good)
    with pytest.raises(UsageError, match="has 2 variants, the weights are of one"):
        check_folder(folder, weights=good)
    with pytest.raises(IntegrityError, match="not of Toy"):
        check_method(f"{folder}:single", weights=good)
    (report,) = check_folder(f"{folder}:dual", weights=good)
    assert report.passed


def test_what_is_no_method_is_refused(tmp_path):
    for name in (tmp_path, tmp_path / "none", "no-such-method"):
        with pytest.raises(UsageError):
            check_folder(name)
        with pytest.raises(UsageError):
            check_method(name)


def test_a_method_that_is_not_offered_says_why(tmp_path):
    folder = write_method(tmp_path, "absent", "return left", skipped="Its licence forbids it.")
    with pytest.raises(MissingPrerequisiteError, match="Its licence forbids it"):
        check_method(folder)


def test_a_checkpoint_is_a_method_too(tmp_path):
    config = tiny_config(encoder=(1, 0, 0, 0), decoder=(0, 0, 0, 1))
    folder = write_tiny_checkpoint(tmp_path / "final", config)
    findings = {finding.name: finding for finding in check_method(folder)}
    assert findings["builds"].detail == "NetworkDeblurrer, its own weights"
    failed = [name for name, finding in findings.items() if not finding.passed]
    assert failed == ["any picture"], "weights that were never trained answer far outside [0, 1]; the rest is true"


def test_all_views_can_be_asked_for(tmp_path):
    folder = write_method(
        tmp_path,
        "all-views",
        "return (left + right + center) / 3 * blur_map",
        inputs=["left", "right", "center", "blur_map"],
    )
    assert failures(folder) == {}
    (method,) = methods_in(folder)
    assert "left, right, center, blur_map" in check_method(method)[0].detail
