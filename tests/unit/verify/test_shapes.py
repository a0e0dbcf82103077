"""Runs with several kinds of request: good ones are accepted, and each way to cheat with a shape is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kit.verify.evidence import open_run
from kit.verify.registry import RULES
from kit.verify.rule import Issue
from kit.verify.verdict import verify
from tests.support.good_bundle import Files
from tests.support.good_shapes import grid_files, grid_plan, open_files, open_plan

BY_ID = {each.id: each for each in RULES}
GRID_CELL, OPEN_CELL = "cells/r1-i512-o16-c2-llamacpp-batched", "cells/r1-q20-c8-llamacpp-batched"
Document = dict[str, Any]


def rejections(files: Files) -> set[str]:
    return {each.rule for each in verify(open_run(files)).findings if each.level == "reject"}


def issues(rule: str, files: Files) -> list[str]:
    """What one rule alone says."""
    return [step.message for step in BY_ID[rule].check(open_run(files)) if isinstance(step, Issue)]


def changed(files: Files, name: str, change: Callable[[Document], object]) -> Files:
    """The files with one JSON document changed, and nothing derived from it."""
    document = json.loads(files[name])
    change(document)
    return files | {name: (json.dumps(document, sort_keys=True, indent=1) + "\n").encode()}


def lines(data: bytes) -> Iterator[Document]:
    return map(json.loads, data.splitlines())


def test_a_grid_of_lengths_is_accepted_and_its_lengths_are_looked_at() -> None:
    """Two entries, four shapes, two numbers of users: sixteen cells."""
    verdict = verify(open_run(grid_files()))
    assert [each for each in verdict.findings if each.level != "note"] == []
    assert verdict.checked["plan.shapes"] == 4
    assert verdict.checked["load.lengths"] == verdict.checked["load.nominal"] == len(grid_plan().cells) == 16


def test_a_server_that_already_ran_may_have_counted_its_prompts() -> None:
    """Its load is made of the same counts as that of a server which the kit started."""
    url = json.loads(grid_files()[f"{GRID_CELL}/cell.json"])["load"]["url"]
    running = {"runtime": "server", "variant": "running", "settings": {}, "url": url}
    files = changed(grid_files(), "plan.json", lambda plan: [each.update(running) for each in plan["entries"]])
    assert [words for words in issues("cell.identity", files) if "made_up" in words or "prompts" in words] == []


def test_arrivals_at_rates_are_accepted_and_each_is_made_again() -> None:
    """Rules of closed loops count nothing there."""
    verdict = verify(open_run(open_files()))
    assert [each for each in verdict.findings if each.level != "note"] == []
    records = sum(data.count(b"\n") for name, data in open_files().items() if name.endswith("records.jsonl"))
    assert verdict.checked["load.arrivals"] == records
    assert len(open_plan().cells) == 4
    assert "load.closed_loop" not in {name for name, count in verdict.checked.items() if count}


def test_a_run_of_one_kind_of_request_counts_nothing_by_the_new_rules() -> None:
    """So an old bundle is told the same as before."""
    from tests.support.good_bundle import good_files

    checked = verify(open_run(dict(good_files()))).checked
    assert [checked.get(name, 0) for name in ("plan.shapes", "load.arrivals", "load.lengths", "load.nominal")] == [
        0, 0, 0, 0,
    ]  # fmt: skip


def _second_shape(plan: Document) -> Document:
    return plan["workload"]["shapes"][1]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda plan: _second_shape(plan).update(name="i256-o8"), "name the same thing twice"),
        (lambda plan: plan["workload"]["output_tokens"].update(max=99), "are not those of all shapes together"),
        (lambda plan: _second_shape(plan).pop("input_tokens"), "without the corpus, or none with it"),
        (lambda plan: _second_shape(plan).update(rate_milli_per_s=5), "has a rate in a loop without rates"),
        (lambda plan: _second_shape(plan).update(speed_milli=5), "has a speed, but there is no trace"),
        (lambda plan: plan["workload"].update(arrivals="poisson"), "is a closed loop with arrivals"),
    ],
)
def test_shapes_that_the_kit_does_not_make_are_refused(change: Callable[[Document], object], words: str) -> None:
    """By their own rule, whatever else is wrong then."""
    found = issues("plan.shapes", changed(grid_files(), "plan.json", change))
    assert any(words in each for each in found), found


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda work: work.update(concurrencies=[8, 16]), "several concurrencies"),
        (lambda work: work.update(arrivals="gamma"), "has a burstiness that its arrivals do not have, or lacks"),
        (lambda work: work.update(arrivals="gamma", burstiness_milli=100_000), "has a burstiness above 10"),
        (lambda work: work.pop("arrivals"), "has both a trace and arrivals, or neither"),
        (lambda work: work.pop("shapes"), "without rates or speeds"),
    ],
)
def test_open_loops_that_the_kit_does_not_make_are_refused(
    change: Callable[[Document], object], words: str
) -> None:
    """A burstiness that would make replaying slow is refused before anything is replayed."""
    files = changed(open_files(), "plan.json", lambda plan: change(plan["workload"]))
    found = [each.message for each in verify(open_run(files)).findings if each.level == "reject"]
    assert any(words in each or "expected" in each or "must be" in each for each in found), found


def test_a_request_that_was_left_out_of_an_open_loop_is_missed() -> None:
    """Nobody may leave out what would have waited: the last arrivals before the end of the window."""
    name = f"{OPEN_CELL}/records.jsonl"
    kept = open_files()[name].splitlines(keepends=True)[:5]
    found = issues("load.arrivals", open_files() | {name: b"".join(kept)})
    assert found == ["lacks requests that were due before the end of the window"]


def test_a_request_that_was_meant_for_later_is_refused() -> None:
    """Its wait would count from when it was sent: coordinated omission by hand."""
    name = f"{OPEN_CELL}/records.jsonl"
    made = list(lines(open_files()[name]))
    made[3]["intended_ns"] += 1_000_000
    data = "".join(json.dumps(line) + "\n" for line in made).encode()
    assert issues("load.arrivals", open_files() | {name: data}) == [
        "was not meant for the time that the schedule gives it"
    ]


def test_prompts_that_are_shorter_than_planned_are_flagged() -> None:
    """By the server's own counts; 1 % of 512 tokens is 5."""
    name = f"{GRID_CELL}/records.jsonl"
    for tokens, said in ((507, []), (518, ["has prompts of 518 tokens by the server's count, 512 were planned"])):
        made = [line | {"prompt_tokens": tokens} for line in lines(grid_files()[name])]
        data = "".join(json.dumps(line) + "\n" for line in made).encode()
        assert issues("load.lengths", grid_files() | {name: data}) == said


def test_words_that_do_not_follow_from_the_fit_are_refused() -> None:
    """The record of how prompts were cut is made again from the counts of the server."""
    files = changed(grid_files(), f"{GRID_CELL}/cell.json", lambda cell: cell["load"]["made_up"].update(words=9))
    assert "cell.identity" in rejections(files)


@pytest.mark.parametrize(
    "change",
    [
        {"short_words": 384},  # would divide by nothing
        {"long_tokens": 10**6},
        {"long_tokens": 3},
        {"short_tokens": [1]},
    ],
)
def test_a_fit_that_no_server_can_have_is_refused(change: Document) -> None:
    """Whatever its numbers are, nothing is divided by zero and nothing large is built."""
    files = changed(
        grid_files(), f"{GRID_CELL}/cell.json", lambda cell: cell["load"]["made_up"]["fit"].update(change)
    )
    verdict = verify(open_run(files))
    assert "cell.identity" in {each.rule for each in verdict.findings if each.level == "reject"}
    assert "verifier.crashed" not in {each.rule for each in verdict.findings}


def test_a_cell_of_an_unknown_shape_is_refused_and_crashes_nothing() -> None:
    """The plan's cells are those that its workload makes."""
    files = changed(grid_files(), "plan.json", lambda plan: plan["cells"][0].update(shape="i9"))
    verdict = verify(open_run(files))
    assert "plan.consistent" in {each.rule for each in verdict.findings}
    assert "verifier.crashed" not in {each.rule for each in verdict.findings}


def test_nominal_lengths_are_a_note() -> None:
    """A server that counts nothing is measured all the same."""

    def without(cell: Document) -> None:
        cell["load"]["made_up"] = {"input_tokens": 512, "words": 488}

    files = changed(grid_files(), f"{GRID_CELL}/cell.json", without)
    assert issues("cell.identity", files) == []
    assert issues("load.nominal", files) == [
        "has prompts of nominal length: the server did not count their tokens"
    ]
