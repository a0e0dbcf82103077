"""What a person sees while something runs: rich bars on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from kit.cli.showing.bars import bar, remaining_text, watched
from kit.documents import Cell, CellPlan, Plan
from kit.documents.phases import COLLECT, CORRECT, DEVICE, READY, START, STOP, WARM_UP, WINDOW, WITNESS
from kit.plan.forecast import CellTime, Underway, left_ns, predicted, rest_ns
from kit.plan.workloads.levels import most_cells
from kit.text import number, plain_text

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from kit.run.calibrate import Step

NS_PER_S = 1_000_000_000
# What a phase is for those who look at a run, where its name would not tell.
PHASE_WORDS = {
    START: "starting the server", READY: "loading the model", DEVICE: "checking the device",
    CORRECT: "checking answers", WARM_UP: "warm-up", WINDOW: "measuring", COLLECT: "computing the figures",
    WITNESS: "asking again, alone", STOP: "stopping the server",
}  # fmt: skip


def step_text(step: Step) -> str:
    """What a calibration measures next."""
    from kit.metrics.accuracy import streams_text

    what = "calibrating the load generator" if step.kind == "point" else "finding its highest token rate"
    return f"{what}: {streams_text(step.concurrency)} at {step.rate_tok_s:g} tokens/s each"


def calibration_steps(*, quiet: bool) -> Callable[[Step], None]:
    """One line on standard error for each step of a calibration."""
    return lambda step: None if quiet else click.echo(f"{step_text(step)} ...", err=True)


class _Rate:
    """Tokens per second of the phase that runs, from the growing count of pieces."""

    def __init__(self) -> None:
        self._phase = ""
        self._start = (0, 0)

    def __call__(self, phase: str, at_ns: int, pieces: int) -> float:
        if phase != self._phase:
            self._phase, self._start = phase, (at_ns, pieces)
        passed_ns = at_ns - self._start[0]
        return (pieces - self._start[1]) * NS_PER_S / passed_ns if passed_ns > 0 else 0.0


def _whole(event: Mapping[str, object], key: str) -> int:
    value = event.get(key)
    return value if isinstance(value, int) else 0


class RunProgress:
    """Follows a run: which cell, which phase, tokens per second so far, time left."""

    def __init__(self, plan: Plan, *, quiet: bool) -> None:
        self._plan = plan
        self._quiet = quiet
        self._done: Mapping[str, Cell] = {}
        self._this: CellTime | None = None
        self._later_ns = left_ns(plan, plan.cells, self._done)
        self._began_ns = self._phase_began_ns = time.monotonic_ns()
        self._cell, self._phase = "", ""
        self._rate = _Rate()
        self._shown = ""
        self._busy: tuple[str, ...] = ()
        self._waits = False
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> RunProgress:
        if watched(quiet=self._quiet):
            self._progress = bar()
            self._task = self._progress.add_task("starting", total=1.0, left="")
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress:
            self._progress.stop()

    def calibrating(self, step: Step) -> None:
        self._line(f"{step_text(step)} ...")
        self._waits = False
        self._update(step_text(step))

    def evaluating(self, words: str, *, again: bool = False) -> None:
        if not again:
            self._line(f"      evaluation: {words}")
        self._update(f"evaluation: {words}")

    def compiling(self, entry: str) -> None:
        words = f"starting {entry} once, so that no measured start compiles"
        self._line(f"{words} ...")
        self._update(words)

    def ahead(self, done: Mapping[str, Cell], cells: Sequence[CellPlan]) -> None:
        # Computed once a cell: the display must not cost the window CPU time.
        self._done = dict(done)
        self._this = predicted(self._plan, cells[0], self._done.values())
        self._later_ns = left_ns(self._plan, cells[1:], self._done)

    def looking(self) -> None:
        if not self._waits:  # else the words of the last look stay
            self._update("looking whether the machine is quiet")

    def busy(self, reasons: tuple[str, ...], programs: tuple[str, ...], left_s: float) -> None:
        who = f" ({', '.join(programs)})" if programs else ""
        self._waits = left_s > 0
        then = f"waiting, {remaining_text(left_s)} at most" if self._waits else "going on all the same"
        words = f"the machine is not quiet: {'; '.join(reasons)}{who}; {then}"
        # Its share of CPU time and the order of the programs are others at each look: no reason to say it again.
        told = tuple("".join(mark for mark in reason if not mark.isdigit()) for reason in reasons)
        if told != self._busy or not left_s:
            self._line(words)
        self._busy = told
        short = f"waiting for a quiet machine, {remaining_text(left_s)} at most" if self._waits else then
        self._update(f"{short}{who or f': {reasons[0]}'}")

    def disturbed(self, cell: Cell, reasons: tuple[str, ...], *, again: bool) -> None:
        if again:  # the next attempt is a whole cell again
            self._began_ns = self._phase_began_ns = time.monotonic_ns()
            self._phase, self._rate = START, _Rate()
        what = "measured again" if again else "the last attempt, no verdict on it"
        self._line(f"      {cell.id}: disturbed, {'; '.join(reasons)}: {what}")
        self._update(f"{cell.id} disturbed: {what}")

    def cell_started(self, cell: CellPlan) -> None:
        self._began_ns = self._phase_began_ns = time.monotonic_ns()
        self._waits = False
        self._cell, self._phase = cell.id, START
        self._rate = _Rate()
        self._line(f"[{self._number()}] {cell.id}: {remaining_text(self._left_s())} left")

    def cell_ended(self, cell: Cell) -> None:
        self._done = {**self._done, cell.id: cell}
        self._this = None
        self._line(f"      {cell.id}: {self._summary(cell)}")
        if cell.failure is not None and self._progress is not None:  # the next cell's words take its place at once
            self._progress.console.print(plain_text(f"{cell.id} {self._summary(cell)}", 300))
        self._update(f"{cell.id} {cell.status}")

    def phase(self, cell: str, name: str) -> None:
        self._phase, self._phase_began_ns = name, time.monotonic_ns()
        self._shown = f"{self._named(cell)}: {PHASE_WORDS.get(name, name)}"
        self._update(self._shown)

    def progress(self, cell: str, event: Mapping[str, object]) -> None:  # noqa: ARG002
        if event.get("event") == "checked":
            self._update(f"{self._shown} {_whole(event, 'done')}/{_whole(event, 'of')}")
        if event.get("event") != "progress":
            return
        rate = self._rate(str(event.get("phase")), _whole(event, "at_ns"), _whole(event, "pieces"))
        self._update(f"{self._shown}, {rate:.0f} tokens/s")

    def _named(self, cell: str) -> str:
        """`2/4 vllm at 4 users`: what people call a cell. What is none is a round of an evaluation."""
        planned = next((each for each in self._plan.cells if each.id == cell), None)
        if planned is None:
            return f"evaluation of {cell.removeprefix('eval-')}"
        users = "1 user" if planned.concurrency == 1 else f"{planned.concurrency} users"
        return f"{self._number()} {planned.entry} at {planned.shape or users}"

    def _summary(self, cell: Cell) -> str:
        if cell.status == "measured" and cell.metrics:
            rate = number(cell.metrics.throughput_tok_s, 1)
            counts = cell.metrics.requests
            return f"{rate} tok/s, {counts.ok} requests ok, {counts.failed} failed"
        return f"{cell.status} in {cell.failure.phase}: {cell.failure.message}" if cell.failure else cell.status

    def _number(self) -> str:
        """Which cell of how many; a run that decides has at most so many."""
        most = "at most " if self._plan.sequential or self._plan.search else ""
        return f"{len(self._done) + 1}/{most}{most_cells(self._plan)}"

    def _left_s(self) -> float:
        """The time that the cells will take that are known to be needed."""
        if self._this is None:
            return self._later_ns / NS_PER_S
        now_ns = time.monotonic_ns()
        underway = Underway(self._cell, self._phase, now_ns - self._phase_began_ns, now_ns - self._began_ns)
        return (rest_ns(self._this, underway) + self._later_ns) / NS_PER_S

    def _left_text(self, left_s: float) -> str:
        """Before the first cell, what all take; after the last one nobody knows what the rest does."""
        if not self._cell:
            return f"cells: about {remaining_text(left_s)}" if left_s > 0 else ""
        return f"{remaining_text(left_s)} left" if left_s > 0 or len(self._done) < len(self._plan.cells) else ""

    def _line(self, text: str) -> None:
        if self._progress is None and not self._quiet:
            click.echo(plain_text(text, 300), err=True)
            sys.stderr.flush()

    def _update(self, text: str) -> None:
        if self._progress is not None and self._task is not None:
            left_s = self._left_s()
            passed_s = sum(cell.duration_ns for cell in self._done.values()) / NS_PER_S
            if self._this is not None:
                passed_s += (time.monotonic_ns() - self._began_ns) / NS_PER_S
            self._progress.update(
                self._task,
                description=plain_text(text, 100),
                completed=passed_s,
                total=max(passed_s + left_s, 1.0),
                left=self._left_text(left_s),
            )


class LoadProgress:
    """Follows one load: phase, tokens per second so far, requests ended."""

    def __init__(self, seconds: float | None, *, quiet: bool) -> None:
        self._seconds = seconds
        self._quiet = quiet
        self._rate = _Rate()
        self._phase = ""
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> LoadProgress:
        if watched(quiet=self._quiet):
            self._progress = bar()
            self._task = self._progress.add_task("starting", total=self._seconds, left="")
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress:
            self._progress.stop()

    def __call__(self, event: Mapping[str, object]) -> None:
        name = str(event.get("phase") or event.get("event") or "")
        if name != self._phase and name not in ("end", "error"):
            self._phase = name
            if self._progress is None and not self._quiet:
                click.echo(f"{plain_text(_in_words(name))} ...", err=True)
        if self._progress is None or self._task is None or event.get("event") != "progress":
            return
        at_ns = _whole(event, "at_ns")
        rate = self._rate(name, at_ns, _whole(event, "pieces"))
        ended = f"{_whole(event, 'ok')} ok, {_whole(event, 'failed')} failed"
        text = f"{_in_words(name)}, {rate:.0f} tokens/s, {ended}"
        left_s = None if self._seconds is None else self._seconds - at_ns / NS_PER_S
        left = "" if left_s is None else f"{remaining_text(left_s)} left" if left_s > 0 else "last answers"
        self._progress.update(self._task, description=plain_text(text, 100), completed=at_ns / NS_PER_S, left=left)


def _in_words(name: str) -> str:
    """A phase in words, with the level of a sweep before it: `c8 window` is `c8 measuring`."""
    before, _, phase = name.rpartition(" ")
    return f"{before} {PHASE_WORDS.get(phase, phase)}".strip()
