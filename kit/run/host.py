"""Whose machine host.json describes: the one that servers and load generator run on."""

from __future__ import annotations

from dataclasses import fields, replace

from kit.documents import Host, Plan
from kit.engines.protocol import RunEngine
from kit.machine.here import look_here
from kit.machine.look import beside
from kit.supply.provision import accelerator_of
from kit.text import listed


def host_of(plan: Plan, engine: RunEngine) -> Host:
    """host.json of a run; the machine of the command stands in it where that is another one."""
    wanted = {accelerator_of(entry) for entry in plan.entries} if plan.engine == "docker" else set()
    return beside(engine.look(sorted(wanted)), look_here())


def changes(before: Host, now: Host) -> str:
    """What differs between two looks at the machine of one run, as a list of names; nothing if it is the same.

    The command may be typed anywhere: its machine does not count.
    """
    old, new = replace(before, client=None), replace(now, client=None)
    names = [field.name for field in fields(Host) if getattr(old, field.name) != getattr(new, field.name)]
    return listed([name.replace("_", " ") for name in names])
