"""The problems that the chaos tests find, and their place in the report."""

import json
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

from chaos.cases.case import Case, CaseVerdict, Seen
from chaos.cases.order import CASES
from chaos.endurance import Endurance, Spell
from chaos.load.ledger import Ledger
from chaos.load.workload import Workload
from chaos.matrix import KINDS
from chaos.recovery import BOUND_S
from chaos.report.evidence import Evidence
from chaos.report.page import render
from chaos.schedule import FAULTS

ID = "A" * 24
WELL = Endurance(
    name="api-frozen",
    title="an API process frozen (SIGSTOP)",
    level="half",
    offered_per_s=125,
    spells=[Spell(1.0, 0.5, [], 4), Spell(6.0, 2.5, [], 4), Spell(15.0, 1.5, [], 4)],
    jobs=1_000,
    lost=0,
    contradicting=0,
    wrong=0,
    refused=10,
    deaths=0,
    complaints=[],
    date="2026-01-02",
)


def a_ledger() -> Ledger:
    return Ledger(Workload("mnist", [b"picture"], [{"probabilities": [0.1] * 10}]))


def the_case(name: str) -> Case:
    return next(case for case in CASES if case.name == name)


def test_a_row_in_which_everything_came_back_has_no_problem() -> None:
    assert WELL.problems == []
    assert WELL.worst.length_s == 6


def test_a_stuck_process_is_a_problem_that_names_it_and_the_length() -> None:
    row = replace(WELL, spells=[Spell(6.0, 2.5, [], 4), Spell(8.0, 0.3, ["API 1"], 4)])

    assert row.stuck == 1
    assert row.worst.length_s == 8
    assert row.problems == [f"API 1 stuck, {BOUND_S:g} s after 8 s"]


def test_a_process_that_ended_by_itself_is_a_problem() -> None:
    assert replace(WELL, deaths=1).problems == ["1 processes ended by themselves"]


def test_the_page_shows_the_slowest_recovery_and_the_length_before_it() -> None:
    page = render({"lengths": [WELL.as_json()]})

    assert "| 2.5 (6) |" in page


def test_the_page_shows_how_many_were_stuck() -> None:
    row = replace(WELL, spells=[Spell(6.0, 2.5, [], 4), Spell(8.0, 0.3, ["API 1"], 4)])

    page = render({"lengths": [row.as_json()]})

    assert "| **1 of 8 stuck** (8) |" in page
    assert f"API 1 stuck, {BOUND_S:g} s after 8 s." in page


def test_a_failed_answer_for_an_innocent_picture_is_wrong() -> None:
    seen = Seen(a_ledger(), finding="one solo run")
    seen.ledger.accept(ID, 0)
    seen.ledger.settle(ID, json.dumps({"inference_id": ID, "status": "failed", "error": {}}).encode())

    verdict = CaseVerdict.of(the_case("slow-disk"), seen)

    assert verdict.wrong == 1
    assert "0 lost, 0 contradicting, 1 wrong" in verdict.problems


def test_the_page_shows_each_case_with_what_is_not_as_it_should_be() -> None:
    seen = Seen(a_ledger(), stuck=["worker 2"], finding="recovered within 3.0 s")

    page = render({"cases": [asdict(CaseVerdict.of(the_case("store-demoted"), seen))]})

    assert "recovered within 3.0 s" in page
    assert "stuck: worker 2." in page


def test_each_trial_has_a_name_of_its_own() -> None:
    names = Counter([fault.name for fault in FAULTS] + [case.name for case in CASES])

    assert max(names.values()) == 1
    assert len({kind.name for kind in KINDS}) == len(KINDS)


def test_a_row_that_is_measured_again_replaces_its_predecessor(tmp_path: Path) -> None:
    evidence = Evidence({}, tmp_path / "evidence.json")
    for row in (WELL, replace(WELL, level="idle"), replace(WELL, jobs=7)):
        evidence.put_row("lengths", row.as_json(), keys=("name", "level"))

    assert [(row["level"], row["jobs"]) for row in evidence.sections["lengths"]] == [("half", 7), ("idle", 1_000)]
