"""Rules about runtimes from outside, and about what was started as a process of the machine."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from urllib.parse import urlsplit

from kit.catalogue import folder_sha256
from kit.documents import Entry, Plan
from kit.documents.pins import RuntimePin
from kit.errors import KitError
from kit.plan.plan import caches_on
from kit.plan.weights import weights_of
from kit.runtimes import OWN
from kit.runtimes.chosen import setting_faults
from kit.runtimes.launch import entry_process
from kit.runtimes.outside.declaration import FILE
from kit.runtimes.outside.folder import COMPOSE
from kit.runtimes.planned import declared_runtime, planned_program, planned_runtime
from kit.storage.names import PLAN
from kit.verify.difference import differences
from kit.verify.evidence import Evidence
from kit.verify.rule import Issue, Steps, rule
from kit.verify.views import Found, with_server


@rule(
    "runtime.pinned",
    "reject",
    "runtimes",
    "A runtime from outside is pinned by the hashes of its files, and declares itself as the plan says",
)
def runtime_pinned(evidence: Evidence) -> Steps:
    plan = evidence.plan
    if plan is None:
        return
    wanted = sorted({entry.runtime for entry in plan.entries if entry.url is None} - OWN.keys())
    yield len(plan.runtimes)
    pinned = [pin.name for pin in plan.runtimes]
    if pinned and pinned != wanted:
        told, needed = (", ".join(names) or "none" for names in (pinned, wanted))
        yield Issue(f"{PLAN}: runtimes", f"are {told}, but the entries need {needed}")
    for pin in plan.runtimes:
        yield from (Issue(f"{PLAN}: runtime {pin.name}", why) for why in _pin_faults(pin))


def _pin_faults(pin: RuntimePin) -> Iterator[str]:
    if pin.sha256 != folder_sha256(pin.files):
        yield "has a sha256 that is not that of its files"
    for name, text in ((FILE, pin.declaration), (COMPOSE, pin.compose)):
        of_a_file = name == FILE or pin.declaration is not None  # a module may have its compose file anywhere
        if of_a_file and text is not None and pin.files.get(name, "") != sha256(text.encode()).hexdigest():
            yield f"has a text of {name} that is not the file of that hash"
    if pin.declaration is None:
        return
    declared = declared_runtime(pin.declaration, pin.compose)
    if declared is None:
        yield f"has a {FILE} or {COMPOSE} that is not in order"
    elif pin.name != declared.NAME:
        yield f"declares itself as {declared.NAME}"


@rule("runtime.outside", "note", "runtimes", "Every runtime is one of the kit's")
def runtime_outside(evidence: Evidence) -> Steps:
    for pin in evidence.plan.runtimes if evidence.plan is not None else ():
        yield 1
        checked = "settings and command were checked by its declaration in the plan"
        if pin.declaration is None:
            checked = "a Python module: its settings and command were not checked"
        words = f"{pin.name} is none of the kit's (folder sha256 {pin.sha256}); {checked}"
        yield Issue(f"{PLAN}: runtimes", words)


@rule(
    "process.command",
    "reject",
    "servers",
    "A program of the machine ran with the command that the kit makes of the plan",
)
def process_command(evidence: Evidence) -> Steps:
    if evidence.plan is None or evidence.plan.engine != "process":
        return
    entries = {entry.name: entry for entry in evidence.plan.entries}
    for found, server in with_server(evidence):
        entry = entries.get(found.planned.entry)
        if entry is None or found.cell.load is None or planned_program(found.plan, entry) is None:
            continue
        yield 1
        expected = _expected(found.plan, entry, found)
        if expected is None:
            yield Issue(
                f"{found.where}: server", f"is of the entry {entry.name}, of which the kit makes no command"
            )
            continue
        for words in differences(expected, server.command):
            yield Issue(f"{found.where}: server", f"command{words}")
            break


def _expected(plan: Plan, entry: Entry, found: Found) -> tuple[str, ...] | None:
    """The command of an entry at the port that its load went to, with the file of its weights for their place."""
    runtime, load = planned_runtime(plan, entry.runtime), found.cell.load
    caches = caches_on(plan.workload)
    if runtime is None or load is None:
        return None
    if any(setting_faults(runtime, entry.variant, entry.settings, caches=caches)):
        return None
    try:
        port = urlsplit(load.url).port or 0
        file = weights_of(plan, entry).file
        return entry_process(entry, found.planned.id, file, port, runtime).command
    except (KitError, ValueError, StopIteration, LookupError):
        return None


RULES = (runtime_pinned, runtime_outside, process_command)
