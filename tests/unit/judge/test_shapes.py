"""Runs with several kinds of request: whoever leads, scores or compares does so within one kind."""

from __future__ import annotations

import re
from functools import cache

import pytest

from kit.cli._shared.judgement import judgement
from kit.collection.entry import opened_bundle
from kit.documents.study import Study
from kit.errors import InputError, NoResultError
from kit.judge.advice import leader_sentence, leaders
from kit.judge.best import best_figure
from kit.judge.compare import compare_studies
from kit.judge.compare.by_machine import advice_lines, advised
from kit.judge.compare.standing import find
from kit.judge.open import OpenedStudy, verified_study
from kit.judge.recommendation import recommend
from kit.judge.reproduction import party_of, reproduction
from kit.judge.score import load_contract, scorecard
from kit.judge.shapes import shapes_of
from kit.metrics.registry import THROUGHPUT
from kit.report.page.figures import tables_of
from kit.report.shape_tables import place_text
from kit.report.tables import tables
from kit.storage.bundle import pack_files
from kit.verify.evidence import open_run
from tests.support.good_bundle import good_files
from tests.support.good_shapes import grid_files, open_files


@cache
def opened(kind: str) -> OpenedStudy:
    files = {"grid": grid_files(), "open": open_files(), "plain": dict(good_files())}[kind]
    return verified_study(open_run(files), kind)


def study(kind: str) -> Study:
    return opened(kind).study


def test_a_study_of_one_shape_is_itself() -> None:
    """Nothing is renamed, copied or filtered."""
    assert shapes_of(study("plain")) == (study("plain"),)
    assert study("plain").shapes == ()


def test_a_grid_is_a_study_for_each_shape_and_no_figure_is_in_two() -> None:
    """Names, conditions and subjects are of the shape alone."""
    parts = shapes_of(study("grid"))
    assert [part.name for part in parts] == [f"demo-shaped-i{i}-o{o}" for i in (256, 512) for o in (8, 16)]
    assert [part.conditions.input_tokens for part in parts] == [256, 256, 512, 512]
    sources = [trial.source for part in parts for each in part.subjects for trial in each.trials]
    assert len(set(sources)) == len(sources) == 16
    assert shapes_of(parts[0]) == (parts[0],)


def test_leaders_are_told_for_each_shape_and_users() -> None:
    """Two numbers of users, four shapes, one entry each time."""
    found = leaders(study("grid"))
    assert [(each.concurrency, each.shape) for each in found][:3] == [
        (1, "256 in, 8 out"), (2, "256 in, 8 out"), (1, "256 in, 16 out"),
    ]  # fmt: skip
    assert len(found) == 8
    assert leader_sentence(found[1]).startswith("At 2 users (256 in, 8 out): ")


def test_leaders_of_an_open_loop_lead_at_a_rate() -> None:
    """Nobody counts users there."""
    assert [leader_sentence(each).partition(":")[0] for each in leaders(study("open"))] == [
        "At 5 requests/s", "At 20 requests/s",
    ]  # fmt: skip
    assert "At 20 requests/s, TTFT p50" in judgement(study("open"))


def test_a_comparison_pairs_the_same_shapes_and_says_which() -> None:
    """Each shape's figures beside the same shape's of the other entry."""
    pair = [("llamacpp-serial", "llamacpp-batched")]
    found = compare_studies(study("grid"), study("grid"), pair, ["throughput_tok_s"])
    assert [(line.shape, line.concurrency) for line in found.lines] == [
        (f"{i} in, {o} out", users) for i in (256, 512) for o in (8, 16) for users in (1, 2)
    ]
    assert all(line.a is not None and line.b is not None for line in found.lines)


def test_a_grid_against_a_run_of_other_prompts_is_not_comparable() -> None:
    """And says why."""
    found = compare_studies(study("grid"), study("plain"), None, ["throughput_tok_s"])
    assert {line.verdict for line in found.lines} == {"not comparable"}
    assert any("input tokens of B not known" in line.reason for line in found.lines)


def test_one_figure_of_several_shapes_is_asked_in_vain() -> None:
    """A claim, or whoever names an entry and users only, is told that there are several."""
    with pytest.raises(InputError, match="with 4 kinds of request"):
        find(study("grid"), "llamacpp-serial", 1)


def test_each_shape_has_its_own_recommendation() -> None:
    """Three lines each, under the shape."""
    lines = advice_lines(advised([study("grid")], 2))
    assert lines[0] == "Each kind of request has its own answer."
    assert [line for line in lines if line.endswith(" out:")] == [
        f"{i} in, {o} out:" for i in (256, 512) for o in (8, 16)
    ]


def test_the_best_figure_says_of_which_kind_of_request_it_is() -> None:
    """Of a grid the lengths, of an open loop the rate, where nobody counts users."""
    assert re.fullmatch(r"[12] users? \((256|512) in, (8|16) out\)", best_figure(study("grid"), THROUGHPUT).place)
    assert best_figure(study("open"), THROUGHPUT).place == "20 requests/s"
    assert best_figure(study("plain"), THROUGHPUT, 1).place == "1 user"
    with pytest.raises(InputError, match=r"Nothing was measured at 4 users") as caught:
        best_figure(study("grid"), THROUGHPUT, 4)
    assert caught.value.remedy == "There is: 1, 2."


def test_nothing_is_recommended_for_users_from_arrivals_at_a_rate() -> None:
    """How many users a rate is nobody knows."""
    (first, *_) = shapes_of(study("open"))
    with pytest.raises(NoResultError, match="arrived at a rate"):
        recommend(first, 1)
    with pytest.raises(NoResultError, match="arrived at a rate"):
        advised([study("open")], 1)


def test_every_shape_has_its_cards_and_rates_have_no_grade() -> None:
    """Thresholds are of users."""
    contract = load_contract("kit-2")
    cards = scorecard([study("grid")], contract).cards
    assert len(cards) == 16
    assert len({(card.study, card.entry, card.concurrency) for card in cards}) == 16
    for card in scorecard([study("open")], contract).cards:
        assert card.grade is None
        assert card.notes[-1].text == "arrivals at a rate: thresholds are of users"


def test_a_run_reproduces_itself_shape_by_shape() -> None:
    """The figures of two shapes are two figures."""
    found = reproduction(party_of(opened("grid")), party_of(opened("grid")))
    assert found.reasons == ("both are the same bundle",)


def test_the_index_has_a_card_for_each_shape() -> None:
    """With its words; a bundle of one shape has none."""
    entry = opened_bundle(pack_files(grid_files()).data, "grid.tar.gz").entry
    assert len(entry.cards) == 16
    assert {card.shape for card in entry.cards} == {f"{i} in, {o} out" for i in (256, 512) for o in (8, 16)}


def test_tables_are_one_for_each_shape_with_the_prefill() -> None:
    """Rates stand across one table."""
    grid, rates = opened("grid"), opened("open")
    assert grid.plan is not None
    assert grid.result is not None
    text = tables(grid.plan, grid.result, None)
    assert text.count("**Throughput (tokens/s, all users together): ") == 4
    assert "**Prefill p50 (prompt tokens/s until a request's first text): 512 in, 16 out**" in text
    assert "prompts of 256 and 512 tokens as the server counts them" in text
    assert rates.plan is not None
    assert rates.result is not None
    text = tables(rates.plan, rates.result, None)
    assert text.count("**Throughput") == 1
    assert "| requests/s " in text.splitlines()[2]
    assert "**TTFT p99 from arrival (ms)**" in text
    assert "open loop, poisson arrivals" in text
    assert place_text(rates.plan, "q5", 8) == "5 requests/s"
    assert place_text(grid.plan, "i256-o8", 1) == "concurrency 1 (256 in, 8 out)"


def test_the_page_shows_the_tables_that_only_some_runs_have() -> None:
    """Prefill where prompts have a length, and times from arrival where a clock sends."""
    (first, *_) = shapes_of(study("grid"))
    titles = [table.title for table in tables_of(first)]
    assert titles[-2:] == [
        "Prefill p50 (prompt tokens/s until a request's first text)",
        "Prefill (prompt tokens/s, all users together)",
    ]
    assert "from arrival" in tables_of(shapes_of(study("open"))[0])[-1].title
