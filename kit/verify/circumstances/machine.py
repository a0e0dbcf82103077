"""The rule about the machine: what host.json says fits the weights, the engine, the containers and the plan."""

from __future__ import annotations

from collections.abc import Iterator

from kit.documents import Host, Plan
from kit.storage.names import CALIBRATION, HOST
from kit.verify.evidence import Evidence
from kit.verify.rule import Issue, Steps, rule
from kit.verify.rules_containers import contained_cells

# How engines call the architectures that kernels name.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64", "amd64": "amd64"}
ENGINE_FROM_METHOD = 3
PACKAGES = ("kit", "llm-repro-kit")  # the kit in a source tree, and as it is installed


@rule("host.plausible", "flag", "hosts", "The machine fits the weights, the engine, its containers and the plan")
def host_plausible(evidence: Evidence) -> Steps:
    host, plan = evidence.host, evidence.plan
    if host is None or plan is None:
        return
    yield 1
    faults = (*_memory_faults(host, plan), *_engine_faults(host, plan), *_kit_faults(host, plan))
    yield from (Issue(HOST, why) for why in faults)
    yield from (Issue(HOST, why) for why in _container_faults(evidence, host))
    calibration = evidence.calibration
    if calibration is not None and calibration.kit_version != plan.kit_version:
        words = f"was made by kit {calibration.kit_version}, the plan by {plan.kit_version}"
        yield Issue(CALIBRATION, words)


def _memory_faults(host: Host, plan: Plan) -> Iterator[str]:
    """A machine without an accelerator holds the smallest of the weights; what it has at all, it can tell."""
    if host.memory_bytes is None:
        yield "does not say how much memory it has"
        return
    known = [plan.model.bytes, *(pin.bytes for pin in plan.models if pin.bytes is not None)]
    on_cpu = plan.hardware is None or plan.hardware.accelerator == "none"
    if on_cpu and host.memory_bytes < min(known):
        yield f"memory_bytes is {host.memory_bytes}, less than the smallest weights"
    if plan.server_memory_bytes is not None and host.memory_bytes < plan.server_memory_bytes:
        yield f"memory_bytes is {host.memory_bytes}, less than a server was given"


def _engine_faults(host: Host, plan: Plan) -> Iterator[str]:
    """The engine's own word on its machine, which every plan of containers has since method 3."""
    engine = host.engine
    if engine is None:
        if plan.engine == "docker" and plan.method >= ENGINE_FROM_METHOD:
            yield "does not say what engine ran the containers"
        return
    for name in ("kernel", "architecture"):
        told, seen = getattr(engine, name), getattr(host, name)
        if told is None:
            yield f"has no word of its engine on its {name}"
        elif _alike(told) != _alike(seen):
            yield f"{name} is {seen}, but its engine says {told}"


def _alike(value: object) -> object:
    return ARCHITECTURES.get(value, value) if isinstance(value, str) else value


def _container_faults(evidence: Evidence, host: Host) -> Iterator[str]:
    told = {each.container.architecture for each in contained_cells(evidence)}
    wanted = ARCHITECTURES.get(host.architecture)
    for other in sorted(told - {wanted, host.architecture}) if wanted else ():
        yield f"architecture is {host.architecture}, but a container's is {other}"


def _kit_faults(host: Host, plan: Plan) -> Iterator[str]:
    """In a run with containers host.json is written by the load generator's image, which has the same kit."""
    versions = {host.packages[name] for name in PACKAGES if name in host.packages}
    if versions != {plan.kit_version}:
        yield f"packages do not have the kit {plan.kit_version} that made the plan"


RULES = (host_plausible,)
