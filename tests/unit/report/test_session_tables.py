"""What tables, studies and comparisons say of a run of sessions."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from kit.documents import Metrics, Plan, Result, SessionMetrics
from kit.documents.study import Study
from kit.judge.compare.standing import differences
from kit.judge.differences import differences_in
from kit.judge.study import study_of_run
from kit.metrics.registry import SESSION_TABLES, SESSIONS
from kit.metrics.results import value_at
from kit.report.board.lines import workload_text
from kit.report.session_tables import session_lines, session_notes, turn_table
from kit.report.tables import chosen_metrics, metrics_table, tables
from kit.verify.evidence import Evidence, open_bundle
from kit.verify.recompute import recomputed_result
from tests.support.good_bundle import good_bundle
from tests.support.good_sessions import session_bundle


@cache
def evidence() -> Evidence:
    return open_bundle(session_bundle())


def recomputed(bundle: bytes) -> tuple[Plan, Result]:
    return recomputed_result(open_bundle(bundle))


def numbers() -> Metrics:
    """The numbers of the last cell, two users."""
    _, result = recomputed(session_bundle())
    found = result.cells[-1].metrics
    assert found is not None
    return found


def of_sessions(metrics: Metrics) -> SessionMetrics:
    assert metrics.sessions is not None
    return metrics.sessions


def test_a_run_of_sessions_has_its_tables_after_the_others() -> None:
    """Rate, first and later turns, session; the method says what was asked and that caches were on."""
    plan, result = recomputed(session_bundle())
    said = tables(plan, result, None)
    for metric in SESSION_TABLES:
        assert f"**{metric.heading}**" in said
    assert said.index("**Error rate**") < said.index("**Cache hit rate")
    assert "chat sessions of 2-4 turns" in said
    assert "prompt caches on" in said
    assert "prompt caches off" not in said


def test_a_run_without_sessions_has_none_of_it() -> None:
    """Not even where such a table is asked for."""
    plan, result = recomputed(good_bundle())
    assert "session" not in tables(plan, result, None)
    assert set(result.rows[0].spreads) & set(SESSIONS) == set()
    asked = tables(plan, result, None, chosen_metrics(["hit_rate"]))
    assert "| –" in asked or " – " in asked  # noqa: RUF001


def test_a_load_by_hand_shows_its_turns() -> None:
    """A row each, the first among them without a cache."""
    metrics = numbers()
    found = of_sessions(metrics)
    said = turn_table(found)
    assert len(said.splitlines()) == 2 + len(found.turns)
    assert "0.0 %" in said.splitlines()[2]
    assert said in metrics_table(metrics)
    lines = session_lines(metrics)
    assert lines[0].startswith(f"Sessions begun in the window: {found.begun}; whole {found.whole}")
    assert any("of prompt tokens, by the server" in line for line in lines)


def test_long_sessions_show_their_first_turns_and_the_last() -> None:
    """A table of sixty rows is read by nobody."""
    found = of_sessions(numbers())
    many = tuple(replace(found.turns[0], turn=number) for number in range(60))
    rows = turn_table(replace(found, turns=many)).splitlines()[2:]
    assert len(rows) == 12
    assert rows[-1].split("|")[1].strip() == "60"


def test_doubts_are_said() -> None:
    """A server without a word about its cache, and a window that cut more sessions than it saw end."""
    metrics = numbers()
    found = replace(of_sessions(metrics), hit_rate=None, begun=9, whole=1, cut=8)
    doubtful = replace(metrics, sessions=found)
    said = " ".join(session_lines(doubtful))
    assert "Cache hit rate: not known" in said
    assert "Give a longer window" in said
    _, result = recomputed(session_bundle())
    cells = (*result.cells[:-1], replace(result.cells[-1], metrics=doubtful))
    notes = "\n".join(session_notes(replace(result, cells=cells)))
    assert result.cells[-1].id in notes
    assert "longer window" in notes


@pytest.mark.parametrize("path", SESSIONS)
def test_every_figure_is_found_by_its_path(path: str) -> None:
    """In the metrics of a run of sessions; None in any other."""
    _, other = recomputed(good_bundle())
    plain = other.cells[0].metrics
    assert plain is not None
    assert value_at(plain, path) is None
    if not path.endswith(".p99"):  # too few samples
        assert value_at(numbers(), path) is not None


def studied(bundle: bytes) -> Study:
    plan, result = recomputed(bundle)
    return study_of_run(plan, result, {}, None, None)


def test_runs_of_other_sessions_are_not_compared() -> None:
    """Nor is one without any."""
    mine, other = studied(session_bundle()).conditions, studied(good_bundle()).conditions
    assert differences(mine, mine) == ()
    assert any(words.startswith("different sessions: chat sessions") for words in differences(mine, other))
    assert any(words.endswith("and none") for words in differences(mine, other))
    assert workload_text(mine).endswith("chat sessions")
    assert "sessions" not in dict(other.written())


def test_only_first_turns_are_compared_between_entries() -> None:
    """In later ones each entry has its own history."""
    found = differences_in(evidence().plan or pytest.fail("no plan"), evidence())
    records = [record for files in evidence().cells.values() for record in files.records or ()]
    first = {record.session for record in records if record.turn == 0 and record.outcome == "ok"}
    assert 0 < found.pairs[0].prompts <= 2 * len(first)
    assert found.pairs[0].prompts < len(records) / 2
