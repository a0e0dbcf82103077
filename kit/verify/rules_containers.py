"""Rules about containers: what an engine says it ran is what the plan and the kit's own files ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from kit.documents import Entry, Plan, ServerFacts
from kit.documents.container import Accelerator, ContainerFacts, ContainerSpec, PassthroughMethod
from kit.documents.pins import ImagePin
from kit.metrics.clocks import clock_was_set
from kit.metrics.limits import UTC_SLACK_NS
from kit.runtimes.launch import gpus_text, image_variant
from kit.runtimes.planned import is_module
from kit.storage.names import PLAN
from kit.text import value_text
from kit.timestamps import utc_ns
from kit.verify.difference import differences
from kit.verify.evidence import Evidence
from kit.verify.expected import (
    LABEL,
    ROLE,
    image_inputs,
    image_tag,
    labelled_inputs,
    planned_container,
)
from kit.verify.rule import Issue, Steps, rule
from kit.verify.rules_cells import entry_named
from kit.verify.views import Found, found_cells, with_server

# What engines put before the command of a container that asks for an init; podman ends it with "--".
ENGINE_INITS = frozenset({"/sbin/docker-init", "/dev/init", "/run/podman-init"})
# Which ways into a container (kit.engines.docker.passthrough) are good for what a service asks for.
NVIDIA: frozenset[PassthroughMethod] = frozenset({"nvidia-classic", "nvidia-cdi"})
WAYS: Mapping[Accelerator, frozenset[PassthroughMethod]] = {
    "none": frozenset({"none"}),
    "nvidia": NVIDIA,
    "vulkan": NVIDIA | {"dri"},
    "rocm": frozenset({"rocm"}),
}
_IMAGE_ID = re.compile(r"(?:sha256:)?[0-9a-f]{64}")
MAX_NAMES = 5


@dataclass(frozen=True, slots=True)
class Contained:
    """A cell of a plan of containers whose server ran in one, with the entry that it is of."""

    found: Found
    entry: Entry
    server: ServerFacts
    container: ContainerFacts

    @property
    def where(self) -> str:
        return f"{self.found.where}: server.container"


def contained_cells(evidence: Evidence) -> Iterator[Contained]:
    """The cells that containers were started for, in the order of the plan."""
    if evidence.plan is None or evidence.plan.engine != "docker":
        return
    for found, server in with_server(evidence):
        entry = entry_named(found.plan, found.planned.entry)
        if server.container is not None and entry is not None:
            yield Contained(found, entry, server, server.container)


@rule(
    "container.present",
    "reject",
    "cells",
    "Measured cells of a container plan describe their container and device; a process has neither",
)
def container_present(evidence: Evidence) -> Steps:
    for found in found_cells(evidence):
        server = found.cell.server
        yield 1
        if server is None:
            continue  # a measured cell without a server is refused for that
        where = f"{found.where}: server"
        if found.plan.engine != "docker":
            if server.container is not None or server.device is not None:
                yield Issue(where, "describes a container or device, but is a process")
            continue
        if found.measured and server.container is None:
            yield Issue(where, "ran in a container, but does not describe it")
        if found.measured and server.device is None:
            yield Issue(where, "ran in a container, but on an unknown device")
        if server.container is not None:
            mine = {"cell": found.planned.id, "role": ROLE}
            yield from (Issue(f"{where}.container", words) for words in _label_faults(server.container, mine))


def _label_faults(container: ContainerFacts, expected: Mapping[str, str]) -> Iterator[str]:
    labels = {name: container.labels[LABEL + name] for name in expected if LABEL + name in container.labels}
    yield from (f"label {LABEL}{words}" for words in differences(expected, labels))


# --- the command ----------------------------------------------------------------------------------------


@rule(
    "container.command",
    "reject",
    "containers",
    "Command, environment and limit of memory are those that the kit's compose file makes of the plan",
)
def container_command(evidence: Evidence) -> Steps:
    for each in contained_cells(evidence):
        yield 1
        spec = planned_container(each.found.plan, each.entry)
        if spec is not None:
            yield from (Issue(each.where, why) for why in _command_faults(each, spec))
        elif not is_module(each.found.plan, each.entry.runtime):  # of which runtime.outside speaks
            yield Issue(each.where, f"is of the entry {each.entry.name}, of which the kit makes no container")


def _command_faults(each: Contained, spec: ContainerSpec) -> Iterator[str]:
    expected = (*(spec.entrypoint or ()), *spec.command)
    # One difference is enough: a word too many moves all that follow.
    for words in differences(expected, _without_init(each.container.command)):
        yield f"command{words}"
        break
    if each.server.command != each.container.command:
        yield "command is not the one that server.command tells"
    environment = {
        name: each.container.environment[name] for name in spec.environment if name in each.container.environment
    }
    yield from (f"environment: {words}" for words in differences(dict(spec.environment), environment))
    if each.entry.gpus and spec.accelerator == "nvidia":
        yield from _label_faults(each.container, {"gpus": gpus_text(each.entry.gpus)})
    # Plans from before servers had a limit have none to be held against.
    if each.found.plan.server_memory_bytes is not None and each.container.memory_bytes != spec.memory_bytes:
        yield f"memory_bytes is {value_text(each.container.memory_bytes)}, not {spec.memory_bytes}"


def _without_init(command: tuple[str, ...]) -> tuple[str, ...]:
    if not command or command[0] not in ENGINE_INITS:
        return command
    return command[2:] if command[1:2] == ("--",) else command[1:]


# --- the image ------------------------------------------------------------------------------------------


@rule(
    "container.image",
    "reject",
    "entries and containers",
    "Each entry has one image pinned; all its cells ran that image, which its labels say is of that make",
)
def container_image(evidence: Evidence) -> Steps:
    plan = evidence.plan
    if plan is None or plan.engine != "docker":
        return
    for entry in plan.entries:
        yield 1
        yield from (Issue(f"{PLAN}: images", why) for why in _pin_faults(plan, entry))
    ran: dict[str, str] = {}
    for each in contained_cells(evidence):
        yield 1
        container = each.container
        yield from (Issue(each.where, why) for why in _image_faults(each))
        if ran.setdefault(each.entry.name, container.image_id) != container.image_id:
            yield Issue(each.where, "image_id is not that of the entry's first cell")


def _pin_faults(plan: Plan, entry: Entry) -> Iterator[str]:
    pins = [pin for pin in plan.images if pin.entry == entry.name]
    if len(pins) != 1:
        yield f"has {len(pins)} pins for the entry {entry.name}, not one"
    for pin in pins:
        tag = image_tag(entry, pin.target)
        if pin.reference != tag:
            yield f"is {pin.reference} for the entry {entry.name}, not {tag}"


def _pin_of(each: Contained) -> ImagePin | None:
    return next((pin for pin in each.found.plan.images if pin.entry == each.entry.name), None)


def _image_faults(each: Contained) -> Iterator[str]:
    container, pin = each.container, _pin_of(each)
    if not _IMAGE_ID.fullmatch(container.image_id):
        yield "image_id is not a sha256"
    if pin is None:
        return
    if pin.digest and pin.digest not in {one.rpartition("@")[2] for one in container.repo_digests}:
        yield f"repo_digests does not have the planned {pin.digest}"
    made = {
        "runtime": each.entry.runtime,
        "variant": image_variant(each.entry),
        "target": pin.target,
    }
    yield from _label_faults(container, made)
    ready_made = container.labels.get(f"{LABEL}program_origin") == "ready-made"
    if pin.ready_made != (container.labels.get(f"{LABEL}program") if ready_made else None):
        yield "labels and plan do not agree on whether its program was compiled elsewhere"
    if labelled_inputs(container.labels) is None:
        yield f"label {LABEL}inputs is not JSON of names and sha256"


@rule("container.inputs", "flag", "containers", "The image's labels name this kit's pinned inputs")
def container_inputs(evidence: Evidence) -> Steps:
    told: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    for each in contained_cells(evidence):
        inputs, pin = labelled_inputs(each.container.labels), _pin_of(each)
        if inputs is None or pin is None:
            continue  # refused for that
        yield 1
        odd = _other_inputs(inputs, each.entry, pin)
        if odd and (key := (each.entry.name, frozenset(inputs.items()))) not in told:
            told.add(key)
            more = f" and {len(odd) - MAX_NAMES} more" if len(odd) > MAX_NAMES else ""
            words = f"was built from other inputs than the kit's catalogue has: {', '.join(odd[:MAX_NAMES])}{more}"
            yield Issue(each.where, words)


def _other_inputs(inputs: Mapping[str, str], entry: Entry, pin: ImagePin) -> list[str]:
    """The names of what is lacking, and then of what the catalogue does not have."""
    pinned = image_inputs(entry.runtime, image_variant(entry), pin.target)
    found = set(inputs.values())
    lacking = [name for name, digests in pinned if not found & digests]
    known = frozenset[str]().union(*(digests for _, digests in pinned))
    return [*lacking, *(name for name, digest in inputs.items() if digest not in known and name not in lacking)]


# --- device and times -----------------------------------------------------------------------------------


@rule(
    "container.device",
    "reject",
    "containers",
    "The accelerator was passed to the container in a way that fits the service, and the device has a name",
)
def container_device(evidence: Evidence) -> Steps:
    for each in contained_cells(evidence):
        yield 1
        spec, way = planned_container(each.found.plan, each.entry), each.container.passthrough
        if spec is not None and way not in WAYS[spec.accelerator]:
            yield Issue(each.where, f"passthrough is {way}, but the service asks for {spec.accelerator}")
        if each.server.device is not None and not each.server.device.strip():
            yield Issue(f"{each.found.where}: server.device", "has no name")


@rule(
    "container.times",
    "reject",
    "containers",
    "A container is made, starts and ends inside its cell, a measured one after its load and with enough memory",
)
def container_times(evidence: Evidence) -> Steps:
    for each in contained_cells(evidence):
        yield 1
        if not clock_was_set(each.found.cell):  # else its times are of two clocks: time.steps
            yield from (Issue(each.where, why) for why in _time_faults(each))
        if not each.container.architecture.strip():
            yield Issue(each.where, "architecture has no name")
        if each.found.measured and each.container.oom_killed:
            yield Issue(each.where, "was killed for its memory, although the cell is measured")


def _time_faults(each: Contained) -> Iterator[str]:
    cell, server, container = each.found.cell, each.server, each.container
    # The kit notes its own times a moment after the engine has acted; a server that failed may have ended by then.
    life = [server.started_utc] if each.found.measured else []
    if each.found.measured and cell.facts:
        life += [cell.facts.origin_utc, cell.facts.ended_utc]
    end = [container.finished_utc] if container.finished_utc else []
    texts = [cell.started_utc, container.created_utc, container.started_utc, *life, *end]
    moments = [_moment(text) for text in (*texts, server.stopped_utc or cell.ended_utc, cell.ended_utc)]
    known = [moment for moment in moments if moment is not None]
    if len(known) < len(moments):
        yield "has a time that does not exist"
    if any(later + UTC_SLACK_NS < earlier for earlier, later in pairwise(known)):
        yield "was not made, started, used and ended in this order, inside its cell"
    if each.found.measured and container.finished_utc is None:
        yield "has no observed end"


def _moment(utc: str) -> int | None:
    try:
        return utc_ns(utc)
    except ValueError:
        return None


RULES = (
    container_present,
    container_command,
    container_image,
    container_inputs,
    container_device,
    container_times,
)
