"""The load generator as a program, in a container or beside the kit: plan in, records out.

    python -m kit.loadgen LOAD.json OUT_DIR

reads a load (schema `load`), carries it out, writes `records.jsonl`, `texts.jsonl` and `facts.json` into
OUT_DIR, and prints one JSON event a line. SIGTERM or SIGINT ends the load early and still writes what it has.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from kit.errors import InputError, KitError
from kit.loadgen.recorder import keep
from kit.loadgen.session import LoadRun, Progress, Session
from kit.loadgen.target import parse_target, payload, request_head
from kit.model import Load, PlannedRequest
from kit.prompts import PromptSet, body, load_prompts
from kit.schedule import arrivals_ns, planned_request
from kit.strict import read_json, typed

PROGRESS_EVERY_NS = 200_000_000


def read_load(path: Path) -> Load:
    """The load document at `path`; raises `InputError` if it is not one."""
    return typed(Load, read_json(path.read_bytes(), str(path)), str(path))


def pinned_prompts(load: Load) -> PromptSet:
    """The prompt set the load names; `InputError` if this kit's file is another than the plan's."""
    prompts = load_prompts(load.prompts.name)
    if prompts.sha256 != load.prompts.sha256:
        raise InputError(
            f"The prompt set {load.prompts.name} of this kit is not the one the plan was made with.",
            "Use the kit version that made the plan.",
        )
    return prompts


def request_of(load: Load, prompts: PromptSet, index: int) -> PlannedRequest:
    return planned_request(load.seed, load.lane, index, len(prompts.texts), load.output_tokens)


def _emit(event: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


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


def carry_out(load: Load, prompts: PromptSet) -> LoadRun:
    """Run one load to its end (or to a signal)."""
    target = parse_target(load.url)
    head = request_head(target)

    def body_of(index: int) -> bytes:
        document = body(load, prompts.texts, request_of(load, prompts, index))
        return payload(head, json.dumps(document, ensure_ascii=False).encode())

    arrivals = arrivals_ns(load.seed, load.lane, load.loop) if load.loop.kind == "open" else None
    session = Session(load, target, body_of, _Reporter(), arrivals)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: session.interrupt())
    return session.run()


def main(arguments: list[str]) -> int:
    """Exit code 0 when the load ran (whatever the server did), the error's code otherwise."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m kit.loadgen LOAD.json OUT_DIR\n")
        return InputError.exit_code
    try:
        load = read_load(Path(arguments[0]))
        prompts = pinned_prompts(load)
        run = carry_out(load, prompts)
        _emit({"event": "parse"})
        keep(Path(arguments[1]), run, lambda index: request_of(load, prompts, index))
        _emit({"event": "end", "interrupted": run.interrupted})
    except KitError as error:
        _emit({"event": "error", "what": error.what, "remedy": error.remedy, "code": error.exit_code})
        return error.exit_code
    except OSError as error:
        _emit({"event": "error", "what": f"The load generator failed: {error}.", "remedy": "", "code": 10})
        return 10
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
