"""One look at a machine, as it is printed by `python -m kit.machine` and read on another machine."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kit.documents import ClientHost, Host
from kit.errors import EngineError, InputError
from kit.strict import read_json, typed
from kit.strict.schema import check
from kit.text import plain_text

MAX_PRINTED_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Look:
    """A machine and the random number of its last start, which is compared and never kept."""

    host: Host
    boot_id: str | None


def read_look(printed: bytes) -> Look:
    """What the program printed, on a machine that may be anybody's; `EngineError` if it is something else."""
    try:
        value = read_json(printed, "look", max_bytes=MAX_PRINTED_BYTES)
        found = typed(Look, value, "look")
        check(value["host"] if isinstance(value, dict) else None, "host", "look")
    except InputError as error:
        raise EngineError(
            f"The look at the engine's machine returned something unexpected: {plain_text(error.what, 200)}",
            "The load generator's image may be of another version of the kit: kit images build loadgen",
        ) from None
    return found


def same_machine(a: Look, b: Look) -> bool:
    """Whether two looks saw one machine: by its last start, or where that is not known, kernel, CPU and memory."""
    if a.boot_id is not None and b.boot_id is not None:
        return a.boot_id == b.boot_id
    return _facts(a.host) == _facts(b.host)


def _facts(host: Host) -> tuple[str, str | None, int | None]:
    return host.kernel, host.cpu_model, host.memory_bytes


def beside(there: Look, here: Look) -> Host:
    """host.json of a run on the machine `there`: the one of the command stands beside it where it is another."""
    if same_machine(there, here):
        return there.host
    mine = here.host
    client = ClientHost(
        system=mine.system,
        kernel=mine.kernel,
        architecture=mine.architecture,
        cpu_model=mine.cpu_model,
        cpus=mine.cpus,
        cpus_usable=mine.cpus_usable,
        memory_bytes=mine.memory_bytes,
        python=mine.python,
        packages=mine.packages,
    )
    return replace(there.host, client=client)
