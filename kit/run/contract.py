"""The contract of a runtime on a server that is up, or is started here: every page that it declares is asked."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from kit.documents import Entry
from kit.engines.process import ProcessEngine
from kit.engines.protocol import Running
from kit.errors import InputError, KitError
from kit.plan.correctness import SuiteLevel, load_suite
from kit.probe import probe_of
from kit.probe.http import EndpointError
from kit.probe.probe import Probe
from kit.runtimes.chosen import explicit
from kit.runtimes.launch import entry_process
from kit.runtimes.outside.checks import Point
from kit.runtimes.programs import program_of
from kit.runtimes.protocol import DeviceEvidence, Runtime
from kit.storage.names import SERVER_LOG
from kit.supply.programs import find_program
from kit.text import plain_text

READY_S = 30.0  # of a server that is up already
SUITE = ("correctness", "tiny")  # whether answers are right is for the model; here one must come


@dataclass(frozen=True, slots=True)
class Standing:
    """A server that somebody else started; what `Running` says of one that is a process of nobody here."""

    url: str
    started_utc: str = ""
    run_probe: None = None

    def exit_code(self) -> int | None:
        return None

    def log_tail(self, lines: int = 15) -> tuple[str, ...]:
        del lines
        return ()

    def log_start(self) -> str:
        return ""

    def run_inside(self, command: tuple[str, ...]) -> tuple[int, str]:
        del command
        return 0, ""

    def facts(self) -> None:
        return None


def of_server(runtime: Runtime, variant: str, url: str, cpus: int) -> Iterator[Point]:
    """The points on a server that is up at `url`, with the default settings."""
    yield from _points(runtime, _whole(runtime, variant, cpus), Standing(url), READY_S)


def of_process(runtime: Runtime, variant: str, model: Path, cpus: int) -> Iterator[Point]:
    """The points on a server that is started as a process, on weights of this machine; it ends with them."""
    if variant not in runtime.PROCESS_VARIANTS:
        raise InputError(
            f"{runtime.NAME}/{variant} is no process.", "Start it by hand, and give its address: --url URL."
        )
    entry, engine = _whole(runtime, variant, cpus), ProcessEngine()
    spec = entry_process(entry, "check", str(model.resolve()), engine.free_port(), runtime)
    name = program_of(runtime.NAME, variant)
    program = find_program(name) if name is not None else None
    if name is not None and program is None:
        raise InputError(f"The program {name} is not on the PATH.", "Install it, or put its folder on the PATH.")
    if program is not None:
        spec = replace(spec, program=str(program.path))
    with (
        tempfile.TemporaryDirectory(prefix="kit-check-") as folder,
        engine.server(spec, Path(folder) / SERVER_LOG) as running,
    ):
        yield from _points(runtime, entry, running, spec.start_budget_s)


def _whole(runtime: Runtime, variant: str, cpus: int) -> Entry:
    if variant not in runtime.VARIANTS:
        raise InputError(
            f"{runtime.NAME} has no variant {plain_text(variant)!r}.", f"It has: {', '.join(runtime.VARIANTS)}."
        )
    entry = Entry("check", runtime.NAME, variant, {})
    return replace(entry, settings=explicit(runtime, entry, cpus))


def _points(runtime: Runtime, entry: Entry, running: Running, ready_s: float) -> Iterator[Point]:
    probe = probe_of(running)
    what = f"answers 200 at {runtime.READY_PATH}"
    try:
        probe.wait_ready(runtime.READY_PATH, ready_s)
    except KitError as error:
        yield Point(what, entry.variant, "\n".join((error.what, *error.detail)))
        return
    yield Point(what, entry.variant)
    yield from _pages(runtime, entry, running, probe)
    yield _answer(runtime, entry, probe)
    yield from _counters(runtime, entry, probe)


def _pages(runtime: Runtime, entry: Entry, running: Running, probe: Probe) -> Iterator[Point]:
    what = f"tells its version at {runtime.FACTS_PATH}"
    try:
        facts = probe.fetch_json(runtime.FACTS_PATH)
        version = runtime.version(facts)
        yield Point(what, entry.variant, "" if version else "the page names none")
        path = runtime.settings_path(entry.variant)
        told = facts if path == runtime.FACTS_PATH else probe.fetch_json(path)
        wrong = runtime.disagreements(entry.settings, runtime.reported(told))
        yield Point("tells the default settings", entry.variant, "; ".join(wrong))
        seen = None if runtime.DEVICE_PATH is None else probe.fetch_json(runtime.DEVICE_PATH)
    except EndpointError as error:
        yield Point("answers at its pages", entry.variant, str(error))
        return
    found = runtime.device(entry.variant, DeviceEvidence(running.log_start(), "", seen))
    yield Point(f"computes on its device: {found.device or 'unknown'}", entry.variant, found.reason)


def _answer(runtime: Runtime, entry: Entry, probe: Probe) -> Point:
    what = "answers a chat question"
    try:
        name = runtime.MODEL_NAME or probe.served_model()
        if name is None:
            return Point(what, entry.variant, "it lists no model; name it in `model: {called: NAME}`")
        level = load_suite(*SUITE)
        one = SuiteLevel(level.suite, level.level, level.tests[:1], level.sha256)
        (check,) = probe.examine(one, name, 1)
    except EndpointError as error:
        return Point(what, entry.variant, str(error))
    shown = plain_text(check.answer, 60)
    return Point(
        f"{what}: {shown!r}" if check.answer.strip() else what,
        entry.variant,
        "" if check.answer.strip() else check.reason,
    )


def _counters(runtime: Runtime, entry: Entry, probe: Probe) -> Iterator[Point]:
    if runtime.COUNTERS_PATH is None:
        return
    what = f"counts tokens at {runtime.COUNTERS_PATH}"
    try:
        found = runtime.counters(probe.fetch_text(runtime.COUNTERS_PATH))
    except EndpointError as error:
        yield Point(what, entry.variant, str(error))
        return
    lacking = sorted({"prompt_tokens", "completion_tokens"} - found.keys())
    yield Point(what, entry.variant, f"no {', '.join(lacking)}" if lacking else "")
