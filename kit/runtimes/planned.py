"""The runtimes of a plan as anybody sees them: those of the kit, and those whose declaration the plan holds. Pure.

What happens to be installed here does not matter, and nothing of a stranger's is run: a declaration is data.
"""

from __future__ import annotations

from functools import lru_cache

from kit.documents import Entry, Plan
from kit.documents.pins import RuntimePin
from kit.errors import KitError
from kit.runtimes import OWN
from kit.runtimes.outside.declaration import FILE, read_declaration
from kit.runtimes.outside.declared import DeclaredRuntime
from kit.runtimes.outside.folder import COMPOSE, check_compose
from kit.runtimes.programs import PROGRAMS, VARIANTS
from kit.runtimes.protocol import Capabilities, Runtime


def planned_runtime(plan: Plan, name: str) -> Runtime | None:
    """The runtime that a plan means by a name; None if it is a module from outside, or none at all."""
    if name in OWN:
        return OWN[name]
    pin = runtime_pin(plan, name)
    return None if pin is None or pin.declaration is None else declared_runtime(pin.declaration, pin.compose)


def runtime_pin(plan: Plan, name: str) -> RuntimePin | None:
    """What the plan says of a runtime from outside."""
    return next((pin for pin in plan.runtimes if pin.name == name), None)


def is_module(plan: Plan, name: str) -> bool:
    """Whether a runtime is a module from outside, of which a plan tells nothing that could be checked."""
    pin = runtime_pin(plan, name)
    return name not in OWN and pin is not None and pin.declaration is None


@lru_cache(maxsize=64)
def declared_runtime(declaration: str, compose: str | None) -> DeclaredRuntime | None:
    """The runtime of these two texts; None if they are not in order."""
    try:
        found = read_declaration(declaration.encode("utf-8", "replace"), FILE)
        check_compose(found, None if compose is None else compose.encode("utf-8", "replace"), COMPOSE)
    except KitError:
        return None
    return DeclaredRuntime(found, compose)


def planned_capabilities(plan: Plan, entry: Entry) -> Capabilities:
    """What the API of an entry's server can do, by the plan; of what nobody knows: nothing."""
    if entry.runtime in OWN:
        return OWN[entry.runtime].capabilities(entry.variant)
    runtime = planned_runtime(plan, entry.runtime)
    if runtime is not None and entry.variant in runtime.VARIANTS:
        return runtime.capabilities(entry.variant)
    pin = runtime_pin(plan, entry.runtime)
    return Capabilities(pin.ignore_eos, pin.system_message) if pin else Capabilities(ignore_eos=False)


def planned_program(plan: Plan, entry: Entry) -> str | None:
    """The program of the PATH that an entry runs; None for those that run none."""
    if entry.runtime in OWN:
        return PROGRAMS.get(entry.runtime) if entry.variant in VARIANTS else None
    found = planned_runtime(plan, entry.runtime)
    return found.PROGRAMS.get(entry.variant) if isinstance(found, DeclaredRuntime) else None
