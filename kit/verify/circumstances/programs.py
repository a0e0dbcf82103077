"""Rules about programs of the machine that servers were: the plan pins each of them, and just these ran."""

from __future__ import annotations

from kit.runtimes.planned import planned_program
from kit.storage.names import PLAN
from kit.verify.evidence import Evidence
from kit.verify.rule import Issue, Steps, rule
from kit.verify.views import with_server


@rule(
    "plan.programs",
    "reject",
    "programs and servers",
    "The plan names the programs of the machine that its entries run, by hash, and the servers ran those",
)
def plan_programs(evidence: Evidence) -> Steps:
    plan = evidence.plan
    if plan is None:
        return
    programs = {entry.name: planned_program(plan, entry) for entry in plan.entries}
    wanted = sorted({name for name in programs.values() if name is not None})
    pinned = [pin.name for pin in plan.programs]
    yield len(wanted)
    if pinned != wanted:
        told, needed = (", ".join(names) or "none" for names in (pinned, wanted))
        yield Issue(f"{PLAN}: programs", f"are {told}, but the entries run {needed}")
    for found, server in with_server(evidence):
        name = programs.get(found.planned.entry)
        if name is None:
            continue
        yield 1
        if server.command[:1] != (name,):
            yield Issue(f"{found.where}: server.command", f"does not begin with the program {name}")


@rule("program.origin", "note", "programs", "Every server is one that the kit brings or builds")
def program_origin(evidence: Evidence) -> Steps:
    for pin in evidence.plan.programs if evidence.plan is not None else ():
        yield 1
        version = f"version {pin.version}" if pin.version else "version unknown"
        words = f"{pin.name} is a program of the machine ({version}, sha256 {pin.sha256}): not built by the kit"
        yield Issue(f"{PLAN}: programs", words)


RULES = (plan_programs, program_origin)
