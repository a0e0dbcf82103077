"""The load generator as a program, in a container or beside the kit: plan in, records out.

    python -m kit.loadgen LOAD.json OUT_DIR

reads a load (schema `load`), carries it out, writes `records.jsonl`, `texts.jsonl`, `facts.json` and
`metrics.json` into OUT_DIR, and prints one JSON event a line. SIGTERM or SIGINT ends the load early and still
writes what it has.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from kit.documents import Load, PlannedRequest
from kit.documents.quality.asked import QUESTIONS, Questions
from kit.errors import InputError, InternalError, KitError
from kit.loadgen.connector import access_of
from kit.loadgen.counters import Ledger
from kit.loadgen.descriptors import need_descriptors
from kit.loadgen.loadrun import LoadRun, Progress
from kit.loadgen.reach import reach
from kit.loadgen.recorder import keep
from kit.loadgen.session import Session
from kit.loadgen.shards import run_shards
from kit.loadgen.spool import Spool
from kit.loadgen.start import common_start
from kit.output import NOBODY_READS, drop_the_rest, printable_json
from kit.plan.chat_body import Prompt, PromptTexts, body
from kit.plan.schedule import arrivals_ns, planned_request
from kit.plan.target import Access, parse_target, payload, request_head
from kit.plan.traces import TraceLine, pinned_trace, trace_offsets_ns, with_trace_length
from kit.storage.names import PROMPTS, TRACE
from kit.strict.decode import typed
from kit.strict.json_reader import Json, read_json

PROGRESS_EVERY_NS = 200_000_000
MAX_PROCESSES = 256
MAX_PROMPTS_BYTES = 256 << 20  # a user's prompts, written as JSON
NICER = 10  # steps of os.nice: ten times the weight of a usual process


def _read(path: Path) -> Json:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Name the file of a load.") from None
    return read_json(data, str(path))


def read_load(path: Path) -> Load:
    """The load document at `path`; raises `InputError` if it is not one."""
    return typed(Load, _read(path), str(path))


def answered(document: Json, where: str) -> None:
    """Ask the questions of a document in place of a load."""
    # Only here: a load does not need it.
    from kit.loadgen.questions import Asking

    asked = typed(Questions, document, where)
    asking = Asking(asked, replace(Access.from_environment(), insecure=asked.insecure), _emit)
    _on_signals(asking.interrupt)
    _emit({"event": "end", "interrupted": not asking.run()})


def prompts_of(load: Load, folder: Path) -> Sequence[Prompt]:
    """The prompts of a load: those the starter left beside it in `prompts.json`, else the kit's own set.

    `InputError` if they are not the ones the load names (by the hash of their file).
    """
    beside = folder / PROMPTS
    if beside.is_file():
        data = beside.read_bytes()
        given = typed(PromptTexts, read_json(data, str(beside), max_bytes=MAX_PROMPTS_BYTES), str(beside))
        found, prompts = given.sha256, given.prompts
    else:
        # Only here: reading and checking YAML takes longer than many a load takes to start.
        from kit.plan.prompts import load_prompts

        own = load_prompts(load.prompts.name)
        found, prompts = own.sha256, own.texts
    if found != load.prompts.sha256 or len(prompts) != load.prompts.count:
        raise InputError(
            f"The prompt set {load.prompts.name} here is not the one the plan was made with.",
            "Use the kit version that made the plan.",
        )
    return prompts


def trace_lines(load: Load, folder: Path) -> tuple[TraceLine, ...]:
    """The lines of the trace beside the load, if it names one; `InputError` if they are another file's."""
    return pinned_trace((folder / TRACE).read_bytes(), load.trace, TRACE) if load.trace else ()


def request_of(load: Load, trace: tuple[TraceLine, ...], index: int) -> PlannedRequest:
    planned = planned_request(load.seed, load.lane, index, load.prompts.count, load.output_tokens)
    return with_trace_length(planned, trace)


def arrivals(load: Load, trace: tuple[TraceLine, ...]) -> Iterator[int] | None:
    """When requests are due in an open loop: as the trace says, else as the seed gives; None in a closed loop."""
    if load.trace:
        return iter(trace_offsets_ns(trace, load.trace.speed_milli))
    return arrivals_ns(load.seed, load.lane, load.loop) if load.loop.kind == "open" else None


class _NobodyReadsError(Exception):
    """Who started this load has gone, and the load goes with it."""


def _emit(event: dict[str, object]) -> None:
    try:
        sys.stdout.write(printable_json(json.dumps(event)) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        drop_the_rest(sys.stdout)
        raise _NobodyReadsError from None


class _Reporter:
    """Turns progress into events, a few a second."""

    def __init__(self) -> None:
        self._phase = ""
        self._next_ns = 0

    def __call__(self, progress: Progress) -> None:
        if progress.phase == self._phase and progress.at_ns < self._next_ns:
            return
        self._phase = progress.phase
        self._next_ns = progress.at_ns + PROGRESS_EVERY_NS
        _emit(
            {
                "event": "progress",
                "phase": progress.phase,
                "at_ns": progress.at_ns,
                "pieces": progress.pieces,
                "ok": progress.ok,
                "failed": progress.failed,
                "in_flight": progress.in_flight,
            }
        )


@contextlib.contextmanager
def _ahead() -> Iterator[None]:
    """Run ahead of others while the load lasts, where the system allows it (containers have their weight instead).

    The load generator runs for microseconds at a time, and must not wait its turn behind threads that spin.
    """
    nice = getattr(os, "nice", None)  # not on Windows
    try:
        before = nice(-NICER) if nice else None
    except OSError:
        before = None
    if nice is None or before is None:
        yield
        return
    try:
        yield
    finally:
        nice(NICER)


def session_class(load: Load, prompts: Sequence[Prompt], head: bytes) -> Callable[..., Session]:
    """What carries the load out: requests that know nothing of each other, or the turns of sessions."""
    if load.sessions is None:
        return Session
    # Only here: most loads need no more than the parse after them.
    from kit.loadgen.talking import TalkingSession, talks_of

    return partial(TalkingSession, talks_of(load, load.sessions, prompts, head))


def carry_out(
    load: Load, prompts: Sequence[Prompt], trace: tuple[TraceLine, ...], spools: Sequence[Spool]
) -> LoadRun:
    """Run one load to its end (or to a signal), by a process for each spool."""
    target, access = parse_target(load.url), access_of(load)
    workers = load.loop.concurrency if load.loop.kind == "closed" else None
    need_descriptors(None if workers is None else -(-workers // (len(spools) * load.clients)))
    head, address = request_head(target, access, api=load.api), reach(target, access)

    def body_of(index: int) -> bytes:
        document = body(load, prompts, request_of(load, trace, index))
        return payload(head, json.dumps(document, ensure_ascii=False).encode())

    make = session_class(load, prompts, head)
    if len(spools) == 1:
        alone = make(load, target, body_of, _Reporter(), arrivals(load, trace), *spools, address=address)
        _on_signals(alone.interrupt)
        if load.at_utc is None:
            return alone.run()
        return alone.run(common_start(load.at_utc, lambda: alone.interrupted))

    def session_of(ledger: Ledger, spool: Spool, alarm: int) -> Session:
        session = make(
            load,
            target,
            body_of,
            lambda progress: ledger.note_pieces(progress.pieces),
            arrivals(load, trace),
            spool,
            ledger=ledger,
            address=address,
            alarm=alarm,
        )
        _on_signals(session.interrupt)
        return session

    signals: list[bool] = []
    _on_signals(lambda: signals.append(True))
    return run_shards(load, spools, session_of, _Reporter(), lambda: bool(signals))


def _on_signals(act: Callable[[], None]) -> None:
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: act())


@contextlib.contextmanager
def _spools(folder: Path, count: int) -> Iterator[list[Spool]]:
    """So many spools in a folder, without a name there: however this program ends, they end with it."""
    with contextlib.ExitStack() as stack:
        made = []
        for number in range(count):
            path = folder / f"spool{number}.bin"
            spool = Spool(path)
            path.unlink()
            stack.callback(_close, spool)
            made.append(spool)
        yield made


def _close(spool: Spool) -> None:
    with contextlib.suppress(OSError):  # a full disk refuses the last of it; what failed first is told
        spool.close()


def perform(load_file: Path, out: Path) -> None:
    """The whole program: read, run, parse, keep."""
    document = _read(load_file)
    if isinstance(document, dict) and document.get("schema") == QUESTIONS:
        answered(document, str(load_file))
        return
    load = typed(Load, document, str(load_file))
    processes = 1 if load.processes is None else load.processes
    if not 1 <= processes <= MAX_PROCESSES:
        raise InputError(f"A load cannot have {processes} processes.", f"Give 1 to {MAX_PROCESSES}.")
    if (load.clients > 1) != (1 <= load.client <= load.clients) or (load.clients > 1 and processes > 1):
        raise InputError("A share is that of one client, which is one process.", "Give --shard I/N.")
    prompts, trace = prompts_of(load, load_file.parent), trace_lines(load, load_file.parent)
    with _spools(out, processes) as spools:
        with _ahead():
            run = carry_out(load, prompts, trace, spools)
        _emit({"event": "parse"})
        keep(out, run, lambda index: request_of(load, trace, index), load)
    if run.broken:
        raise InternalError(run.broken, "What the other processes recorded is kept; the load has no window.")
    _emit({"event": "end", "interrupted": run.interrupted})


def main(arguments: list[str]) -> int:
    """Exit code 0 when the load ran (whatever the server did), the error's code otherwise."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m kit.loadgen LOAD.json OUT_DIR\n")
        return InputError.exit_code
    try:
        return _outcome(Path(arguments[0]), Path(arguments[1]))
    except _NobodyReadsError:
        return NOBODY_READS


def _outcome(load_file: Path, out: Path) -> int:
    try:
        perform(load_file, out)
    except KitError as error:
        _emit({"event": "error", "what": error.what, "remedy": error.remedy, "code": error.exit_code})
        return error.exit_code
    except OSError as error:
        _emit({"event": "error", "what": f"The load generator failed: {error}.", "remedy": "", "code": 10})
        return 10
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
