"""The figures of the instrument: their arithmetic on made-up loads, and the program that prints them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import instrument
from benchmarks.children import BenchmarkError, Ended
from benchmarks.figure import Bench, Figure, at_most
from benchmarks.figures import cost, disturbance, fidelity, memory
from benchmarks.loads import Ask, Bare, Loaded
from kit.documents import Record
from kit.reference.truth import Truth
from kit.storage.names import RECORDS
from kit.strict import plain, write_jsonl_line
from tests.support.records import MS, make_record


class Loads:
    """Stands for the endpoint, `kit load` and the bare loop: each load costs the next of what is given."""

    def __init__(self, folder: Path, kits: Sequence[Loaded] = (), bares: Sequence[Bare] = ()) -> None:
        self.bench = Bench(folder, quick=True)
        self.asks: list[tuple[str, Ask]] = []
        self.endpoints: list[tuple[str, ...]] = []
        self._kits, self._bares = iter(kits), iter(bares)

    def kit_load(self, bench: Bench, _url: str, ask: Ask, **_: object) -> Loaded:
        self.asks.append(("kit", ask))
        loaded = next(self._kits)
        bench.stationary.append(loaded.folder)
        return loaded

    def bare_load(self, _bench: Bench, _url: str, ask: Ask) -> Bare:
        self.asks.append(("bare", ask))
        return next(self._bares)

    @property
    def order(self) -> list[str]:
        return [who for who, _ in self.asks]

    def reference(self, *options: str, truth: Path | None = None) -> nullcontext[str]:  # noqa: ARG002
        self.endpoints.append(options)
        return nullcontext("http://127.0.0.1:9")

    def stand_in(self, figures: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("kit_load", "bare_load", "reference"):
            if hasattr(figures, name):
                monkeypatch.setattr(figures, name, getattr(self, name))


def loaded(
    folder: Path, cpu_s: float = 0, records: Sequence[Record] = (), peak: int | None = None, **facts: Any
) -> Loaded:
    """A load that has cost so much and left these records and facts."""
    folder.mkdir(exist_ok=True)
    (folder / RECORDS).write_bytes(b"".join(write_jsonl_line(plain(record)) for record in records))
    return Loaded(folder, {"facts": facts}, Ended(0, cpu_s, 0, peak, ""))


def by_name(figures: Sequence[Figure]) -> dict[str, tuple[float | None, bool | None]]:
    return {figure.name: (figure.value, figure.met) for figure in figures}


def near(value: float) -> Any:
    return pytest.approx(value)


# --- cost -----------------------------------------------------------------------------------------------


def test_saturated_figures_are_of_medians_in_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """200,000 tokens in 2.5 CPU s by the kit, 1.5 while it loads; 1.5 by the bare loop, 2 with its start-up."""
    loads = Loads(
        tmp_path,
        [loaded(tmp_path / "a", 2.0, cpu_ns=1_000_000_000), loaded(tmp_path / "b", 3.0, cpu_ns=2_000_000_000)],
        [Bare(9.0, 1.25, 1.9), Bare(9.0, 1.75, 2.1)],
    )
    loads.stand_in(cost, monkeypatch)
    figures = cost.saturated(loads.bench)
    assert by_name(figures) == {
        "saturated: kit / bare loop": (near(1.5 / 2.5), True),
        "saturated: kit load, whole tool": (near(80_000), True),
        "saturated: kit, while it loads": (near(200_000 / 1.5), None),
        "saturated: bare loop": (near(200_000 / 1.5), None),
    }
    assert "with its start-up 100,000" in figures[-1].how
    assert loads.order == ["kit", "bare", "kit", "bare"]
    assert {(ask.requests, ask.tokens, ask.concurrency) for _, ask in loads.asks} == {(1000, 200, 32)}
    assert loads.endpoints == [("--ttft-ms", "0", "--itl-ms", "0.001")]


def test_the_paced_ratio_is_of_cpu_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """1.5 CPU s of the kit beside 0.6 of the loop: 2.5 times, which misses 2; 0.9 while it loads."""
    loads = Loads(tmp_path, [loaded(tmp_path / "a", 1.5, cpu_ns=900_000_000)], [Bare(9.0, 0.6, 0.8)])
    loads.stand_in(cost, monkeypatch)
    assert by_name(cost.paced_cost(loads.bench)) == {
        "paced: kit / bare loop": (near(2.5), False),
        "paced: the same while it loads": (near(1.5), None),
    }
    # 10 s of answers that take 50 ms + 199 * 5 ms each
    assert {ask.requests for _, ask in loads.asks} == {round(10 / 1.045) * 32}


def test_the_ceiling_is_tokens_from_first_send_to_last_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200,000 tokens in 1.6 s, then 100,000 in 2.5 s; what is not in the records is lost, of both."""
    whole = [make_record(0, sent_ms=400, tokens=1000, done_ms=1700), make_record(1, sent_ms=500, done_ms=2000)]
    short = [make_record(0, sent_ms=0, tokens=990, done_ms=2500)]
    loads = Loads(
        tmp_path,
        [loaded(tmp_path / "a", records=whole[:1] * 2 + whole[1:]), loaded(tmp_path / "b", records=short)],
        [Bare(0.5, 0, 0), Bare(2.0, 0, 0)],
    )
    loads.stand_in(cost, monkeypatch)
    blocks, each, lost = cost.ceiling(loads.bench)
    assert (blocks.value, blocks.met) == (near(125_000), True)
    assert "bare loop 400,000" in blocks.how
    assert (each.value, each.met) == (near(40_000), None)
    assert "bare loop 50,000" in each.how
    assert (lost.value, lost.met) == (996 + 10, False)


# --- memory, disturbance, fidelity ----------------------------------------------------------------------

BASE, CHUNK = 50 << 20, 64


@pytest.mark.parametrize("quick", [False, True])
def test_memory_is_that_of_the_whole_run_and_its_growth_that_of_two(
    quick: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quick run says how it grows, and judges nothing by that."""
    small, large = (100_000, 400_000) if quick else (200_000, 1_000_000)
    peaks = [BASE + CHUNK * small, BASE + CHUNK * large, 3 << 29]
    loads = Loads(tmp_path, [loaded(tmp_path / str(at), peak=peak) for at, peak in enumerate(peaks)])
    loads.stand_in(memory, monkeypatch)
    *whole, slope = memory.measure(Bench(tmp_path, quick=quick))
    assert [(each.value, each.met) for each in whole] == [(1.5, False)] * (not quick)
    assert (slope.value, slope.unit) == (near(CHUNK), "bytes")
    assert [(ask.requests or 0) * 200 for _, ask in loads.asks] == [small, large, *[10_000_000] * (not quick)]


def test_the_disturbance_is_a_ratio_of_rates_in_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """1,024 tokens: 64 and 128 tok/s beside 100 and 102.4; each answer of 64 tokens has lost some."""
    records = [make_record(at, sent_ms=0, tokens=1000 - at, done_ms=8_000) for at in range(16)]
    slower = [make_record(0, sent_ms=1000, tokens=998, done_ms=17_000)]
    loads = Loads(
        tmp_path,
        [loaded(tmp_path / "a", 0.5, slower), loaded(tmp_path / "b", 0.7, records)],
        [Bare(10.24, 0.1, 0.2), Bare(10.0, 0.1, 0.4)],
    )
    loads.stand_in(disturbance, monkeypatch)
    monkeypatch.setattr(disturbance, "llama_server", lambda *_: nullcontext("http://127.0.0.1:9"))
    ratio, lost = disturbance.measure(loads.bench)
    assert (ratio.value, ratio.met) == (near(96 / 101.2), False)
    assert "kit 64.0, 128.0; bare 100.0, 102.4 tok/s; CPU-s kit 0.60, bare 0.30" in ratio.how
    assert (lost.value, lost.met) == (2 + sum(range(16)), None)
    assert loads.order == ["bare", "kit", "bare", "kit"]


ORIGIN_NS = 10**12


def _seen(salt: str, sent_ms: float, *chunks_ms: float) -> Record:
    return replace(make_record(sent_ms=sent_ms, chunks_ms=chunks_ms), salt=salt)


def _true(salt: str, received_ms: float, *left_ms: float) -> Truth:
    sent = tuple((ORIGIN_NS + round(at * MS), 1) for at in left_ms)
    return Truth(0, salt, ORIGIN_NS + round(received_ms * MS), None, None, sent, None, len(sent))


@pytest.mark.parametrize(("busy", "met"), [(False, False), (True, True)])
def test_fidelity_holds_a_load_against_its_truth_log(
    busy: bool, met: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong in the window by 1.5 ms (TTFT) and 0.75 ms (gap): beside a busy process that much is allowed.

    The chunk that was lost is one of the warm-up, whose errors do not count.
    """
    warm, cold = "a" * 16, "b" * 16
    load = loaded(
        tmp_path / "load",
        records=[_seen(warm, 1000, 1900), _seen(cold, 2000, 2051.5, 2057.25)],
        window={"start_ns": 2000 * MS, "end_ns": 3000 * MS},
        origin_ns=ORIGIN_NS,
        stamp_source="kernel",
    )
    loads = Loads(tmp_path, [load])
    neighbours: list[str] = []

    @contextmanager
    def neighbour() -> Iterator[None]:
        neighbours.append("busy")
        yield

    loads.stand_in(fidelity, monkeypatch)
    truths = [_true(warm, 1000, 1100, 1105), _true(cold, 2000, 2050, 2055)]
    monkeypatch.setattr(fidelity, "truths", lambda _: truths)
    monkeypatch.setattr(fidelity, "busy_core", neighbour)
    figures = (fidelity.measure_busy if busy else fidelity.measure)(loads.bench)
    assert [figure.value for figure in figures] == [1.5, 0.75, 2.25, 1]
    assert [figure.met for figure in figures] == [met, met, None, False]
    assert len(neighbours) == busy


# --- the program ----------------------------------------------------------------------------------------


def _missed(_: Bench) -> tuple[Figure, ...]:
    return (at_most("lag", 2.0, 1, "ms", "by hand"),)


def _met(_: Bench) -> tuple[Figure, ...]:
    return at_most("lost", 0, 0, "chunks", ""), at_most("gap", 0.1, 1, "ms", "")


def _failing(_: Bench) -> tuple[Figure, ...]:
    raise BenchmarkError("no server")


def _crashing(_: Bench) -> tuple[Figure, ...]:
    raise ZeroDivisionError("division by zero")


@pytest.fixture(autouse=True)
def _figures(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"lag": _missed, "failing": _failing, "crashing": _crashing, "others": _met}
    monkeypatch.setattr(instrument, "FIGURES", known)


def test_a_missed_target_is_a_row_and_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is asserted: the exit code is 0."""
    assert instrument.main(["--only", "lag"]) == 0
    out, err = capsys.readouterr()
    assert "MISSED" in out
    assert "- lag: by hand" in out
    assert err == "lag ...\n"


def test_what_cannot_run_is_named_and_the_others_go_on(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Whatever stopped it; exit code 1, and the figures that there are stand in the table and in the file."""
    path = tmp_path / "figures.json"
    assert instrument.main(["--json", str(path)]) == 1
    out = capsys.readouterr().out
    assert "failing could not run: BenchmarkError: no server" in out
    assert "crashing could not run: ZeroDivisionError: division by zero" in out
    found = json.loads(path.read_text())
    assert [figure["name"] for figure in found["figures"]] == ["lag", "lost", "gap"]
    assert out.startswith(f"{found['machine']}\n\n|")
    assert "Python" in found["machine"]


def test_figures_are_measured_in_the_order_asked_for() -> None:
    """By default in that of the list, where Little's law looks at the loads of those before it."""
    assert instrument.options(["--only", "others,lag"]).names == ["others", "lag"]
    assert instrument.options([]).names == ["lag", "failing", "crashing", "others"]


def test_an_unknown_figure_is_a_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is measured; the message names those that there are."""
    with pytest.raises(SystemExit, match="2"):
        instrument.options(["--only", "lag,lagg"])
    assert "no figure lagg; known: lag, failing" in capsys.readouterr().err


def test_the_loads_are_kept_where_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And each measure is told how much it may take."""
    seen: list[Bench] = []

    def look(bench: Bench) -> tuple[Figure, ...]:
        seen.append(bench)
        bench.new("load").mkdir()
        return ()

    monkeypatch.setattr(instrument, "FIGURES", {"look": look})
    assert instrument.main(["--quick", "--keep", str(tmp_path / "new")]) == 0
    assert [bench.quick for bench in seen] == [True]
    assert (tmp_path / "new" / "load-0").is_dir()
