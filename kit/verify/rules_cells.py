"""Rules about cells: whether each is the one that was planned, and whole."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from kit.documents import Cell, Entry, Plan
from kit.plan.lengths import fit_faults
from kit.plan.plan import caches_on, cell_load
from kit.runtimes.caches import planned_rules
from kit.runtimes.chosen import rules_of
from kit.runtimes.planned import is_module, planned_runtime
from kit.storage.names import RESULT
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
    """The entry of that name whose runtime the kit or the plan knows, or None."""
    found = (entry for entry in plan.entries if entry.name == name)
    known = (entry for entry in found if planned_runtime(plan, entry.runtime) or is_module(plan, entry.runtime))
    return next(known, None)


def _load_issues(found: Found) -> Iterator[Issue]:
    load = found.cell.load
    if load is None or entry_named(found.plan, found.planned.entry) is None:
        return
    where = f"{found.where}: load"
    if not _is_plain_url(load.url):
        yield Issue(where, "has a URL that is not a plain http address of a server")
    elif (host := urlsplit(load.url).hostname) != SERVER_HOSTS[found.plan.engine]:
        yield Issue(where, f"went to {host}, not to the server that the kit started")
    fit = load.made_up.fit if load.made_up else None
    if fit is not None and load.made_up is not None:
        fault = fit_faults(load.made_up.input_tokens, fit)
        if fault:
            yield Issue(f"{where}.made_up.fit", fault)
            return
    try:
        expected = cell_load(found.plan, found.planned, load.url, load.model, fit)
    except KeyError:
        return  # a shape that the plan does not have: another rule refuses it
    yield from (Issue(where, words) for words in differences(expected, load))


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
        for name in ("load", "facts", "server", "metrics"):
            if getattr(cell, name) is None:
                yield f"is measured, but has no {name}"
        if cell.facts and cell.facts.interrupted:
            yield "is measured, but its load was interrupted"
        if cell.facts and cell.facts.aborted:
            yield "is measured, but its load was given up"
    if cell.metrics is not None and (cell.facts is None or cell.load is None):
        yield "has metrics, but no load that they could come from"


@rule("run.complete", "flag", "cells", "Every planned cell was measured or failed; none was left out")
def run_complete(evidence: Evidence) -> Steps:
    for line in evidence.result.cells if evidence.result else ():
        yield 1
        if line.status not in ("measured", "failed", "not needed"):
            yield Issue(f"{RESULT}: {line.id}", f"is {line.status}: the run is not complete")


RULES = (cell_identity, cell_settings, cell_status, run_complete)
