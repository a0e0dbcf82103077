"""The last screens of `kit load` and `kit sweep`: one server, one load or a row of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kit.documents import Cell, Distribution, Load, LoadFacts, Metrics, Sweep, SweepLevel
from kit.metrics.limits import MIN_BUSY_SHARE, SAMPLE_FLOORS
from kit.metrics.registry import DECODE, ERROR_RATE, METRICS, THROUGHPUT, TTFT_P50, TTFT_P99
from kit.report.count_text import count_lines
from kit.report.failure_text import failure_lines
from kit.report.load_tables import judged_lines, level_words, sweep_lines
from kit.report.screen.runs import short
from kit.report.screen.values import Caution, Door, Figure, Row, Said, Screen, Step, Table
from kit.text import NO_DATA, number, plain_text

PARTS = ("p50", "p90", "p99", "max")
TIMES = (("ttft_ms", "TTFT", "first token"), ("itl_ms", "ITL", "between tokens"), ("e2e_ms", "whole", "answer"))
SHARE = "goodput_share"
LEVEL_ROWS = (
    ("tokens/s", THROUGHPUT), ("for each user", DECODE), ("TTFT p50", TTFT_P50), ("TTFT p99", TTFT_P99),
    ("in limits", SHARE),
)  # fmt: skip
MAX_URL = 70


def load_screen(cell: Cell, where: str) -> Screen:
    """Of one load by hand."""
    load, facts, metrics = cell.load, cell.facts, cell.metrics
    doors = (
        Door("Page", f"kit report {where} --open"),
        Door("Details", f"kit load ... -v, kit table {where}"),
        Door("Saved to", where),
    )
    if load is None or metrics is None:
        why = cell.failure.message if cell.failure else "The window did not end."
        said = Said(plain_text(f"No numbers. {why}", 600), "bad")
        return Screen("No numbers", (), None, (said,), (), tuple(_failed(cell)), doors, f"kit table {where}")
    ok = metrics.requests.ok
    return Screen(
        title=plain_text(f"{load.model or 'the model'} at {load.url}", 2 * MAX_URL),
        about=tuple(_asked(load, metrics)),
        table=_times(metrics, where) if ok else None,
        verdict=(*_rates(metrics), *(Said(line) for line in judged_lines(load, metrics))),
        surer=_surer(metrics),
        cautions=(*_failed(cell), *_client(load, facts, metrics), *map(Caution, count_lines([metrics]))),
        doors=doors,
        more=f"kit table {where}",
    )


def _asked(load: Load, metrics: Metrics) -> Iterator[str]:
    if load.loop.kind == "closed":
        yield "1 user" if load.loop.concurrency == 1 else f"{load.loop.concurrency:,} users"
    elif load.loop.rate_milli_per_s is not None:
        yield f"{load.loop.rate_milli_per_s / 1000:g} requests/s"
    else:
        yield "recorded arrivals"
    yield f"{number(metrics.window_s, 1)} s measured"
    counts = metrics.requests
    yield f"{counts.ok:,} requests ok, {counts.failed:,} failed"
    if metrics.tokens.completion:
        yield f"{metrics.tokens.completion:,} tokens"


def _times(metrics: Metrics, where: str) -> Table:
    rows = []
    for at, (name, short_name, words) in enumerate(TIMES):
        times: Distribution = getattr(metrics, name)
        values = {"p50": times.p50, "p90": times.p90, "p99": times.p99, "max": times.max}
        figures = tuple(_figure(short(METRICS[f"{name}.{part}"], values[part])) for part in PARTS)
        rows.append(Row(short_name, words, figures, at))
    return Table(
        heads=PARTS, rows=tuple(rows), priority=(0, 2, 3, 1), more=f"kit table {where}",
        rows_are=("time", "times"), columns_are=("part", "parts"),
    )  # fmt: skip


def _figure(text: str) -> Figure:
    return Figure(text, "quiet" if text == NO_DATA else "plain")


def _rates(metrics: Metrics) -> Iterator[Said]:
    if not metrics.requests.ok:
        yield Said("No request succeeded.", "bad")
        return
    throughput, pace = (METRICS[path].shown(value) for path, value in (
        (THROUGHPUT, metrics.throughput_tok_s), (DECODE, metrics.decode_tok_s)))  # fmt: skip
    rate = METRICS["request_rate_s"].shown(metrics.request_rate_s)
    yield Said(f"{throughput} tokens/s in all, {pace} for each user, {rate} requests/s.", "title")


def _surer(metrics: Metrics) -> tuple[Step, ...]:
    """What the rarest of the shown parts needs."""
    needed = SAMPLE_FLOORS[990]
    if metrics.ttft_ms.p99 is not None or not metrics.requests.ok:
        return ()
    words = f"A p99 of the first token needs {needed} requests, these are {metrics.ttft_ms.n}"
    return (Step(words, f"kit load ... --requests {needed}"),)


def _failed(cell: Cell) -> Iterator[Caution]:
    if cell.facts is None:
        return
    for line in failure_lines([("", cell.facts.failures)]):
        yield Caution(plain_text(line.removeprefix("- "), 300))


def _client(load: Load, facts: LoadFacts | None, metrics: Metrics) -> Iterator[Caution]:
    """What the load generator itself may have done to the figures."""
    if facts is not None and facts.longest_stall_ns:
        yield Caution(
            f"The load generator stood still for {facts.longest_stall_ns / 1e9:.1f} s", "times are too long"
        )
    wanted = load.loop.concurrency
    if wanted and metrics.mean_in_flight is not None and metrics.mean_in_flight < MIN_BUSY_SHARE * wanted:
        busy = f"{number(metrics.mean_in_flight, 1)} of {wanted:,} users were waiting on average"
        yield Caution(busy, "the server saw less load than was asked for")
    if facts is not None and facts.interrupted:
        yield Caution("Interrupted", "the window is shorter than was asked for")


# --- a sweep ----------------------------------------------------------------------------------------------


def sweep_screen(sweep: Sweep, where: str, page: str = "", page_link: str = "") -> Screen:
    """Of loads of rising level."""
    levels = sorted(sweep.levels, key=lambda level: level.concurrency or level.rate_milli_per_s or 0)
    said, cautions = _sweep_words(sweep)
    page_door = Door("Page", page, page_link) if page else Door("Page", f"kit report {where} --open")
    return Screen(
        title=plain_text(f"{sweep.model or 'the model'} at {sweep.url}", 2 * MAX_URL),
        about=(f"{len(levels)} of at most {len(sweep.asked)} levels",),
        table=_levels(sweep, levels, where),
        verdict=tuple(said),
        surer=(),
        cautions=tuple(cautions),
        doors=(page_door, Door("Details", f"kit table {where}"), Door("Saved to", where)),
        more=f"kit table {where}",
    )


def _levels(sweep: Sweep, levels: Sequence[SweepLevel], where: str) -> Table:
    paths = [(name, path) for name, path in LEVEL_ROWS if path != SHARE or sweep.slo is not None]
    if any(each.metrics is not None and each.metrics.requests.failed for each in levels):
        paths.append(("errors", ERROR_RATE))
    marked = [at for at, each in enumerate(levels) if each.id == sweep.knee or each.id in sweep.pareto]
    last = len(levels) - 1
    return Table(
        heads=tuple(map(level_words, levels)),
        rows=tuple(
            Row("", name, tuple(_of_level(sweep, each, path) for each in levels), at)
            for at, (name, path) in enumerate(paths)
        ),
        priority=tuple(dict.fromkeys([last, 0, *reversed(marked), *range(last, -1, -1)])),
        more=f"kit table {where}",
        rows_are=("figure", "figures"),
    )


def _of_level(sweep: Sweep, level: SweepLevel, path: str) -> Figure:
    if level.metrics is None:
        return Figure("no result", "bad")
    head, _, part = path.partition(".")
    value = getattr(level.metrics, head)
    shown = short(METRICS[path], getattr(value, part) if part else value)
    best = path == THROUGHPUT and level.id == sweep.knee
    return Figure(shown, "best" if best else "quiet" if shown == NO_DATA else "plain")


def _sweep_words(sweep: Sweep) -> tuple[list[Said], list[Caution]]:
    """The first line is the answer; what failed or was counted oddly are warnings."""
    first, *more = sweep_lines(sweep)
    said = [Said(first, "title")]
    cautions: list[Caution] = []
    for line in more:
        if line.startswith(("Pareto", "Knee", "Goodput:")):
            said.append(Said(line))
        elif line.startswith("- "):
            cautions.append(Caution(plain_text(line.removeprefix("- "), 300)))
        elif not line.startswith("Why requests failed"):
            cautions.append(Caution(plain_text(line, 300)))
    return said, cautions
