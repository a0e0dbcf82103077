"""The good bundle as if its servers had been a runtime from outside: a program, declared in the plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from kit.documents import Cell, Entry, Plan
from kit.documents.pins import ProgramPin, RuntimePin
from kit.plan.weights import weights_of
from kit.runtimes.launch import entry_process
from kit.runtimes.outside.folder import pin_of
from kit.runtimes.planned import planned_runtime
from tests.support.forge import CELL_NAMES, Change, in_cell, in_plan, read
from tests.support.good_bundle import Files

PROGRAM = ProgramPin("acme-server", "cd" * 32, 1000, "1.0")
DECLARATION = """schema: kit/runtime/1
name: acme
title: Acme's server
api: openai
model: {form: gguf}
ready: {path: /health, budget_s: 60}
facts: {path: /props, version: [build_info]}
capabilities: {ignore_eos: true}
settings:
  slots: {default: 1, low: 1, high: 64, meaning: requests decoded together, flags: ["--slots", "${value}"]}
  context_tokens_per_slot: {default: 640, low: 64, high: 4096, meaning: tokens, flags: ["--context", "${value}"]}
reported:
  path: /props
  settings: {slots: {at: [total_slots], holds: equal}}
counters:
  path: /metrics
  names: {"acme:prompt": prompt_tokens, "acme:generated": completion_tokens}
variants:
  cpu:
    program: acme-server
    arguments: ["${model}", "--host", "${host}", "--port", "${port}"]
    device: {kind: cpu}
"""
PIN = pin_of("acme", {"runtime.yaml": DECLARATION.encode(), "README.md": b"Acme.\n"}, DECLARATION)


def pinned(text: str = DECLARATION) -> RuntimePin:
    """The runtime with another declaration, and the hashes that fit."""
    return pin_of("acme", {"runtime.yaml": text.encode()}, text)


def with_runtime(
    change: Callable[[RuntimePin], RuntimePin] = lambda pin: pin, flags: tuple[str, ...] = ()
) -> Change:
    """Plan and cells of the good run by this runtime; nothing but its notes is to be said of it."""

    def planned(plan: Plan) -> Plan:
        entries = tuple(_entry(each, flags) for each in plan.entries)
        return replace(plan, entries=entries, programs=(PROGRAM,), runtimes=(change(PIN),))

    def make(files: Files) -> None:
        in_plan(planned)(files)
        plan = read(files, "plan.json", Plan)
        for cell in CELL_NAMES:
            in_cell(partial(_ran, plan), cell)(files)

    return make


def _entry(entry: Entry, flags: tuple[str, ...]) -> Entry:
    kept = {name: entry.settings[name] for name in ("slots", "context_tokens_per_slot")}
    return replace(entry, runtime="acme", variant="cpu", settings=kept, flags=flags)


def _ran(plan: Plan, cell: Cell) -> Cell:
    assert cell.server is not None
    assert cell.load is not None
    entry = next(each for each in plan.entries if each.name == cell.entry)
    runtime = planned_runtime(replace(plan, runtimes=(PIN,)), "acme")
    port = urlsplit(cell.load.url).port or 0
    spec = entry_process(entry, cell.id, weights_of(plan, entry).file, port, runtime)
    reported = {"slots": entry.settings["slots"]}
    server = replace(cell.server, command=spec.command, reported=reported)
    return replace(cell, runtime="acme", variant="cpu", server=server)


def as_module(_: RuntimePin) -> RuntimePin:
    """A Python module, of which the plan says nothing but what its API can do."""
    return replace(pin_of("acme", {"acme.py": b"NAME = 'acme'\n"}), ignore_eos=True)
