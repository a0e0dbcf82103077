"""Rules about what a server's log said at its start: the build and the devices that everything else names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kit import __version__
from kit.catalogue.inputs import build_inputs
from kit.documents import Entry, Host, LogFacts, Plan, ServerFacts
from kit.runtimes.launch import image_variant
from kit.text import value_text
from kit.verify.evidence import Evidence
from kit.verify.expected import LABEL
from kit.verify.rule import Issue, Steps, rule
from kit.verify.rules_cells import entry_named
from kit.verify.views import found_cells

CPU = "cpu"
# What a log calls a kind of device, and not a device.
KINDS = frozenset({"cuda", "rocm", "hip", "vulkan", "metal", "gpu"})
SOFTWARE = "llvmpipe"  # Vulkan without a GPU, which no list of GPUs has
_LLAMACPP_TAG = re.compile(r":[a-z0-9-]{1,40}-(b\d{1,9})(?:@|\Z)")
_PLAIN_TAG = re.compile(r":v?(\d{1,4}\.\d{1,4}\.\d{1,4})(?:@|\Z)")


@rule(
    "evidence.log",
    "flag",
    "logs",
    "Build and devices in the server's log are those of the cell, the plan's image and the machine",
)
def evidence_log(evidence: Evidence) -> Steps:
    for found in found_cells(evidence):
        server = found.cell.server
        if server is None or server.log is None or not found.measured:
            continue
        yield len(server.log.versions) + len(server.log.devices)
        entry = entry_named(found.plan, found.planned.entry)
        words = [*_versions(server.log, server, found.plan, entry), *_devices(server.log, server, evidence.host)]
        yield from (Issue(f"{found.where}: server.log", each) for each in words)


def _versions(log: LogFacts, server: ServerFacts, plan: Plan, entry: Entry | None) -> Iterator[str]:
    wanted = None if entry is None else pinned_version(plan, entry, server)
    for version in log.versions:
        if server.version is not None and _bare(version) != _bare(server.version):
            yield f"has the version {value_text(version)}, the server said {value_text(server.version)}"
        if wanted is not None and not (_bare(version) == wanted or version.startswith(f"{wanted}-")):
            yield f"has the version {value_text(version)}, the plan's image is of {wanted}"


def _bare(version: str) -> str:
    """A version without what a builder added to it: "0.32.0+cpu" is 0.32.0."""
    return version.partition("+")[0].removeprefix("v")


def pinned_version(plan: Plan, entry: Entry, server: ServerFacts) -> str | None:
    """The version that the image of an entry has by its tag, or by the inputs that this kit builds it from."""
    pins = [pin for pin in plan.images if pin.entry == entry.name]
    if not pins or server.container is None:
        return None
    if pins[0].target == "official":
        form = _LLAMACPP_TAG if entry.runtime == "llamacpp" else _PLAIN_TAG
        tag = form.search(pins[0].reference)
        return tag[1] if tag else None
    if server.container.labels.get(f"{LABEL}kit_version") != __version__:
        return None  # another kit may have had other inputs
    name, arguments = f"{entry.runtime}/{image_variant(entry)}", dict[str, str]()
    for each in build_inputs().values():
        arguments |= each.arguments if name in each.images else {}
    if entry.runtime == "llamacpp" and "LLAMA_BUILD_COMMIT" in arguments:
        return f"b{arguments['LLAMA_BUILD_NUMBER']}-{arguments['LLAMA_BUILD_COMMIT']}"
    return arguments.get("OLLAMA_VERSION") if entry.runtime == "ollama" else None


def _devices(log: LogFacts, server: ServerFacts, host: Host | None) -> Iterator[str]:
    for device in log.devices:
        named = device not in KINDS and device != CPU
        if server.device is not None and _is_another(device, server.device, named=named):
            yield f"computes on {value_text(device)}, the cell on {value_text(server.device)}"
        elif named and host is not None and host.gpus and not _is_of(device, host):
            yield f"computes on {value_text(device)}, which is none of the machine's GPUs"


def _is_another(device: str, told: str, *, named: bool) -> bool:
    return (device == CPU) != (told == CPU) or (named and not _alike(device, told))


def _is_of(device: str, host: Host) -> bool:
    return SOFTWARE in device or any(_alike(device, gpu.name) for gpu in host.gpus)


def _alike(one: str, other: str) -> bool:
    """Whether two names are of one device: drivers add to them, so one may be within the other."""
    here, there = _letters(one), _letters(other)
    return here in there or there in here


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


RULES = (evidence_log,)
