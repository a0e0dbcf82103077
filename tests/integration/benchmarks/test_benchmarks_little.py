"""Little's law over kept loads: its terms by hand, and the worst of many."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest

from benchmarks.children import Ended
from benchmarks.figure import Bench, Figure
from benchmarks.figures import little
from benchmarks.figures.little import ratio
from benchmarks.loads import Ask, Loaded
from kit.documents import Record, Window
from kit.metrics.aggregate import cell_metrics
from kit.storage.names import CELL, RECORDS
from kit.strict import plain, write_jsonl_line
from tests.support.records import MS, make_record

SECOND = Window(0, 1000 * MS)


def stay(number: int, sent_ms: float | None, done_ms: float) -> Record:
    """A request that was in the system from one time to the other."""
    return make_record(number, sent_ms=sent_ms, chunks_ms=(done_ms,), done_ms=done_ms, intended_ms=0)


def keep(folder: Path, records: Sequence[Record], window: Window | None, in_flight: float | None = None) -> Path:
    """A load's folder, with as much of cell.json as is looked at; `in_flight` None: as the kit finds it."""
    folder.mkdir()
    span = None if window is None else plain(window)
    metrics = None if window is None else plain(cell_metrics(records, window, open_loop=False))
    if isinstance(metrics, dict) and in_flight is not None:
        metrics["mean_in_flight"] = in_flight
    (folder / CELL).write_text(json.dumps({"facts": {"window": span}, "metrics": metrics}))
    (folder / RECORDS).write_bytes(b"".join(write_jsonl_line(plain(record)) for record in records))
    return folder


def test_the_ratio_is_what_a_hand_computes(tmp_path: Path) -> None:
    """Four arrivals in 1 s that stay 200 ms each are 0.8 in the system; a mean of 1 in flight is 1.25 of that."""
    records = [stay(number, at, at + 200) for number, at in enumerate((0, 250, 500, 750))]
    assert ratio(keep(tmp_path / "a", records, SECOND, 1.0)) == pytest.approx(1.25)
    assert ratio(keep(tmp_path / "b", records, SECOND, 0.4)) == pytest.approx(0.5)


def test_a_load_inside_its_window_keeps_the_law(tmp_path: Path) -> None:
    """By construction, with the mean in flight that the kit computes; the lengths are all one."""
    records = [stay(0, 0, 900), stay(1, 100, 150), stay(2, 400, 1000), stay(3, 999, 1000)]
    assert ratio(keep(tmp_path / "load", records, SECOND)) == pytest.approx(1)


def test_only_requests_sent_in_the_window_arrive_in_it(tmp_path: Path) -> None:
    """From 100 to 600 ms two arrive and stay 100 and 300 ms: 0.8 in the system; in flight are 0.6."""
    records = [stay(0, 0, 200), stay(1, 100, 200), stay(2, 500, 800), stay(3, 600, 2000)]
    window = Window(100 * MS, 600 * MS)
    assert cell_metrics(records, window, open_loop=False).mean_in_flight == 0.6
    assert ratio(keep(tmp_path / "load", records, window)) == pytest.approx(0.6 / 0.8)


def test_a_request_that_was_never_sent_was_never_in_the_system(tmp_path: Path) -> None:
    """It stayed nowhere, however long its failure took."""
    unsent = make_record(1, sent_ms=None, chunks_ms=(), done_ms=700, intended_ms=0, outcome="failed")
    assert ratio(keep(tmp_path / "load", [stay(0, 0, 500), unsent], SECOND, 0.5)) == pytest.approx(1)


def test_a_load_without_a_window_or_without_arrivals_says_nothing(tmp_path: Path) -> None:
    """Rather than a ratio of nothing."""
    assert ratio(keep(tmp_path / "no window", [stay(0, 0, 500)], None)) is None
    assert ratio(keep(tmp_path / "no arrivals", [stay(0, 5000, 6000)], SECOND, 0.5)) is None
    assert ratio(keep(tmp_path / "no records", [], SECOND)) is None


# --- the figure -----------------------------------------------------------------------------------------


def worst(
    own: tuple[float, ...], others: Sequence[Path], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Figure, list[Ask]]:
    """The figure of a run whose own three loads have these ratios, beside the loads before it."""
    bench = Bench(folder, quick=True, stationary=list(others))
    asks: list[Ask] = []

    def load(bench: Bench, _url: str, ask: Ask) -> Loaded:
        kept = keep(folder / f"own-{len(asks)}", [stay(0, 0, 500)], SECOND, own[len(asks)] / 2)
        asks.append(ask)
        bench.stationary.append(kept)
        return Loaded(kept, {}, Ended(0, 0, 0, None, ""))

    monkeypatch.setattr(little, "reference", lambda *_: nullcontext("http://127.0.0.1:9"))
    monkeypatch.setattr(little, "kit_load", load)
    (found,) = little.measure(bench)
    return found, asks


def test_the_figure_is_the_worst_distance_of_all_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In percent, whichever side it lies on; loads that say nothing are not counted."""
    others = [
        keep(tmp_path / "low", [stay(0, 0, 500)], SECOND, 0.48),
        keep(tmp_path / "silent", [stay(0, 0, 500)], None),
    ]
    found, asks = worst((1.01, 0.99, 1.02), others, tmp_path, monkeypatch)
    assert found.value == pytest.approx(4)
    assert (found.unit, found.target, found.met) == ("%", "<= 5", True)
    assert found.how.startswith("worst of 4 loads;")
    assert found.how.endswith("1.0100, 0.9900, 1.0200")
    assert [(ask.concurrency, ask.rate) for ask in asks] == [(4, None), (32, None), (None, 100)]


def test_one_load_that_breaks_the_law_misses_the_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own or another: the many that keep it do not make up for it."""
    found, _ = worst((1.0, 1.06, 1.0), [], tmp_path, monkeypatch)
    assert found.value == pytest.approx(6)
    assert found.met is False
