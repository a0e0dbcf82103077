"""What stands behind the numbers: one sentence for each thing that is not as usual, none for what is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from kit.documents import CellFailure, Metrics, Record, Window
from kit.judge.study import study_of_run
from kit.judge.trial_figures import CellParts
from kit.metrics.aggregate import cell_metrics
from kit.metrics.results import make_result
from kit.report.count_text import count_lines, count_notes, withholds_itl
from kit.report.page.inputs import run_input
from kit.report.tables import metrics_table, tables
from tests.support.fakes import demo_plan
from tests.support.records import MS, make_record
from tests.unit.report.test_tables import CALIBRATION, SHA, cell


def of(records: Sequence[Record]) -> Metrics:
    return cell_metrics(records, Window(0, 1000 * MS), open_loop=False, method=2)


def flushes(size: int, count: int = 40) -> Record:
    return make_record(chunks_ms=tuple(50 + 40 * (at // size) for at in range(count)))


USUAL = make_record()


def test_nothing_is_said_of_a_usual_answer() -> None:
    """Nor of none at all, nor of a cell from before."""
    assert count_lines([of([USUAL])]) == []
    assert count_lines([of([]), cell_metrics([flushes(5)], Window(0, 1000 * MS), open_loop=False)]) == []
    assert count_lines([]) == []


@pytest.mark.parametrize(
    ("records", "sentence"),
    [
        (
            [USUAL, replace(USUAL, count_fault="below-chunks"), replace(USUAL, count_fault="not-a-count")],
            "The server's count of tokens was not believed for 2 of 3 answers: fewer tokens than chunks of text "
            "(1), not a count (1). The next best source counts.",
        ),
        ([replace(USUAL, reasoning_tokens=1200)], "Reasoning tokens by the server's count: 1,200."),
        (
            [replace(make_record(tokens=44), untimed_tokens=40)],
            "40 counted tokens were not streamed: TPOT, ITL, decode and throughput are of those that were.",
        ),
        (
            [USUAL, replace(make_record(tokens=44), untimed_tokens=None)],
            "1 of 2 answers have more tokens than their chunks show, and which of them were not streamed cannot "
            "be told: no TPOT and ITL of these, and the fewest tokens that their text can have in the throughput.",
        ),
        (
            [USUAL, make_record(tokens=12), USUAL],
            "33 % of answers came in chunks of several tokens, spread evenly.",
        ),
        (
            [flushes(5)],
            "82 % of chunks came in one read with the one before: a proxy or server flushes about 5 events at a "
            "time, so ITL percentiles are withheld.",
        ),
        ([flushes(2)], "51 % of chunks came in one read with the one before; such chunks are one arrival."),
        (
            [replace(USUAL, dialect=("no-done",)), replace(USUAL, dialect=("no-done", "choices"))],
            "Not as usual, and read all the same: a second choice, which is not timed (1), no [DONE] at the end "
            "(2).",
        ),
    ],
)
def test_what_is_not_as_usual_is_one_sentence(records: list[Record], sentence: str) -> None:
    """With its number of answers or tokens."""
    assert count_lines([of(records)]) == [sentence]
    assert sentence in metrics_table(of(records))


def test_cells_are_added_up() -> None:
    """Counts are sums; of flushes the worst cell speaks."""
    cells = [of([replace(USUAL, dialect=("no-done",))]), of([flushes(5)]), of([flushes(1)])]
    first, second = count_lines(cells)
    assert first.startswith("82 % of chunks")
    assert second.endswith("no [DONE] at the end (1).")


def test_only_a_flush_withholds() -> None:
    """A cell without gaps has none to withhold."""
    assert withholds_itl(of([flushes(8)]))
    assert not withholds_itl(of([flushes(1)]))
    assert not withholds_itl(of([make_record(chunks_ms=(50,))]))


def test_the_tables_of_a_run_name_the_row() -> None:
    """Under the tables, with entry and concurrency, and escaped as Markdown wants it."""
    plan = demo_plan()
    metrics = of([replace(USUAL, dialect=("no-done",))])
    cells = {each.id: cell(each, metrics) for each in plan.cells if each.id == "r1-c1-llamacpp-serial"}
    result = make_result(plan, SHA, cells, CALIBRATION)
    ((row, lines),) = count_notes(result)
    assert (row.entry, row.concurrency, len(lines)) == ("llamacpp-serial", 1, 1)
    text = tables(plan, result, CALIBRATION)
    assert "How tokens and chunks were counted:\n\n- llamacpp-serial at concurrency 1: Not as usual" in text
    assert r"no \[DONE\] at the end (1)." in text


def test_reasoning_and_answer_have_a_row_each() -> None:
    """Only where there was reasoning."""
    assert "TTFT reasoning" not in metrics_table(of([USUAL]))
    thought = replace(USUAL, chunks=tuple((at, 1, int(at < 60 * MS)) for at, _, _ in USUAL.chunks))
    text = metrics_table(of([thought]))
    assert "| TTFT reasoning |" in text
    assert "| TTFT answer    |" in text


def test_a_page_tells_of_the_measured_cells_of_a_row_together() -> None:
    """What failed says nothing."""
    plan = demo_plan()
    metrics = of([replace(USUAL, dialect=("no-done",))])
    row = [each for each in plan.cells if (each.entry, each.concurrency) == ("llamacpp-serial", 1)]
    failure = CellFailure("window", "ServerDied", "The server ended.")
    cells = {each.id: cell(each, metrics) for each in row[:-1]}
    cells[row[-1].id] = cell(row[-1], metrics, failure)
    parts = {name: CellParts(each, (), ()) for name, each in cells.items()}
    made = study_of_run(plan, make_result(plan, SHA, cells, CALIBRATION), parts, None, None)
    given = run_input(made, "run", "run", plan, parts, None, None)
    said = f"Not as usual, and read all the same: no [DONE] at the end ({len(row) - 1})."
    assert given.counted == (("llamacpp-serial", 1, (said,)),)
