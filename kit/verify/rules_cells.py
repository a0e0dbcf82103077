"""Rules about cells: whether each is the one that was planned, and whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from kit.documents import Cell, Entry, Load, Plan
from kit.documents.vocabulary import SERVER
from kit.plan.plan import caches_on, cell_load
from kit.plan.workloads.lengths import fit_faults
from kit.runtimes.caches import planned_rules
from kit.runtimes.chosen import rules_of
from kit.runtimes.planned import is_module, planned_runtime
from kit.storage.names import PLAN, RESULT
from kit.verify.difference import differences
from kit.verify.evidence import Evidence
from kit.verify.rule import Issue, Steps, rule
from kit.verify.views import Found, found_cells

# Where servers listen for the load: on this machine, or under this name in a network of their own.
SERVER_HOSTS = {"process": "127.0.0.1", "docker": "server"}


@rule("cell.identity", "reject", "cells", "Each cell is the planned one, its load what the plan makes of it")
def cell_identity(evidence: Evidence) -> Steps:
    for found in found_cells(evidence):
        yield 1
        yield from (Issue(found.where, words) for words in differences(*_identities(found)))
        if found.cell.load is not None:
            yield from _load_issues(found)


def _identities(found: Found) -> tuple[dict[str, object], dict[str, object]]:
    planned, cell = found.planned, found.cell
    entry = entry_named(found.plan, planned.entry)
    expected = {
        "id": planned.id,
        "entry": planned.entry,
        "runtime": entry.runtime if entry else "that of an entry",
        "variant": entry.variant if entry else "that of an entry",
        "concurrency": planned.concurrency,
        "replicate": planned.replicate,
    }
    return expected, {name: getattr(cell, name) for name in expected}


def entry_named(plan: Plan, name: str) -> Entry | None:
    """The entry of that name whose runtime the kit or the plan knows, or which has an address; or None."""
    return next((entry for entry in plan.entries if entry.name == name and _is_known(plan, entry)), None)


def _is_known(plan: Plan, entry: Entry) -> bool:
    if entry.url is not None:
        return True
    return planned_runtime(plan, entry.runtime) is not None or is_module(plan, entry.runtime)


def _load_issues(found: Found) -> Iterator[Issue]:
    load = found.cell.load
    entry = entry_named(found.plan, found.planned.entry)
    if load is None or entry is None:
        return
    where = f"{found.where}: load"
    yield from (Issue(where, why) for why in _address_faults(found, entry, load))
    fit = load.made_up.fit if load.made_up else None
    if fit is not None and load.made_up is not None:
        fault = fit_faults(load.made_up.input_tokens, fit)
        if fault:
            yield Issue(f"{where}.made_up.fit", fault)
            return
    try:
        expected = cell_load(found.plan, found.planned, load.url, load.model, fit)
    except LookupError:
        return  # a shape that the plan does not have, or a place that none of its loads has: plan.consistent
    if entry.url is not None:  # who was let in by which header is recorded, and in no plan
        expected = replace(expected, headers=load.headers, insecure=load.insecure)
    yield from (Issue(where, words) for words in differences(expected, load))


def _address_faults(found: Found, entry: Entry, load: Load) -> Iterator[str]:
    """A load went to the server that the kit started, or to the address of one that already ran."""
    if entry.url is not None:
        if load.url != entry.url:
            yield "went to another address than the entry's"
        if entry.served_model is not None and load.model != entry.served_model:
            yield f"asked for {load.model}, not for the model of the entry"
    elif not _is_plain_url(load.url):
        yield "has a URL that is not a plain http address of a server"
    elif (host := urlsplit(load.url).hostname) != SERVER_HOSTS[found.plan.engine]:
        yield f"went to {host}, not to the server that the kit started"


def _is_plain_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    more = parts.username or parts.password or parts.query or parts.fragment
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0 and not more


@rule(
    "cell.settings",
    "reject",
    "cells",
    "The server of a measured cell reports the planned settings",
)
def cell_settings(evidence: Evidence) -> Steps:
    for found in found_cells(evidence):
        server, entry = found.cell.server, entry_named(found.plan, found.planned.entry)
        runtime = planned_runtime(found.plan, entry.runtime) if entry else None
        if not (found.measured and server and entry and runtime):
            continue
        yield 1
        caches = caches_on(found.plan.workload)
        needed = planned_rules(runtime, entry.variant, caches=caches).keys()
        if not needed <= entry.settings.keys() <= rules_of(runtime, entry.variant, caches=caches).keys():
            yield Issue(f"{found.where}: server", "was planned without all its settings")
            continue
        for words in runtime.disagreements(entry.settings, server.reported):
            yield Issue(f"{found.where}: server.reported", words)


@rule(
    "cell.status", "reject", "cells", "A measured cell is complete and has no failure; a failed one has a reason"
)
def cell_status(evidence: Evidence) -> Steps:
    for found in found_cells(evidence):
        yield 1
        yield from (Issue(found.where, why) for why in _status_faults(found.cell))


def _status_faults(cell: Cell) -> Iterator[str]:
    if (cell.failure is not None) != (cell.status == "failed"):
        yield f"is {cell.status}, and {'has' if cell.failure else 'names no'} failure"
    if cell.status == "measured":
        runs = cell.runtime == SERVER
        for name in ("load", "facts", "found" if runs else "server", "metrics"):
            if getattr(cell, name) is None:
                yield f"is measured, but has no {name}"
        if cell.facts and cell.facts.interrupted:
            yield "is measured, but its load was interrupted"
        if cell.facts and cell.facts.aborted:
            yield "is measured, but its load was given up"
    for name in ("server",) if cell.runtime == SERVER else ("found",):
        if getattr(cell, name) is not None:
            yield f"is of {cell.runtime}/{cell.variant}, but has a {name}"
    if cell.metrics is not None and (cell.facts is None or cell.load is None):
        yield "has metrics, but no load that they could come from"


@rule("run.complete", "flag", "cells", "Every planned cell was measured or failed; none was left out")
def run_complete(evidence: Evidence) -> Steps:
    for line in evidence.result.cells if evidence.result else ():
        yield 1
        if line.status not in ("measured", "failed", "not needed"):
            yield Issue(f"{RESULT}: {line.id}", f"is {line.status}: the run is not complete")


@rule(
    "server.started",
    "flag",
    "entries",
    "The kit started every server, so that its program, settings and weights are known",
)
def server_started(evidence: Evidence) -> Steps:
    plan = evidence.plan
    for entry in plan.entries if plan else ():
        yield 1
        if entry.url is not None:
            yield Issue(f"{PLAN}: entry {entry.name}", f"not started by the kit; {_known_of(evidence, entry)}")


def _known_of(evidence: Evidence, entry: Entry) -> str:
    """What the first cell of an entry learnt of its server, and what nobody can know."""
    cells = (each.cell.found for each in found_cells(evidence) if each.cell.entry == entry.name)
    found = next((each for each in cells if each is not None), None)
    if found is None or not (found.software or found.version):
        return "version, settings and weights are unknown"
    told = "some settings told" if found.settings else "settings unknown"
    name = " ".join(word for word in (found.software, found.version) if word)
    return f"it says that it is {name}, {told}, weights unknown"


RULES = (cell_identity, cell_settings, cell_status, run_complete, server_started)
