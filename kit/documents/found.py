"""What was learnt of a server: one of the kit's own, or one that already ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kit.documents.container import ContainerFacts, LogFacts
from kit.documents.pins import Sparse
from kit.documents.vocabulary import Setting


@dataclass(frozen=True, slots=True)
class FoundServer(Sparse):
    """What could be learnt of a server that the kit did not start; None is unknown.

    `software` is what its answers give it away as ("llama.cpp", "vLLM", ...), `version` and `settings` its own
    words, `models` the names that it lists. `same_machine`: its address is one of the machine that loads it.
    """

    software: str | None = None
    version: str | None = None
    models: tuple[str, ...] = ()
    settings: Mapping[str, Setting] | None = None
    same_machine: bool = False


@dataclass(frozen=True, slots=True)
class ServerFacts(Sparse):
    """What ran: as started and as it reports itself. `counters_*` are the server's own, where it has them.

    `device` is where it computes, in its own words; `container` is what the engine says of it, and `log` what the
    start of its log says of both, where a runtime's log can be read.
    """

    command: tuple[str, ...]
    version: str | None
    reported: Mapping[str, Setting]
    started_utc: str
    stopped_utc: str | None
    exit_code: int | None
    model_sha256: str
    counters_before: Mapping[str, int] | None
    counters_after: Mapping[str, int] | None
    device: str | None = None
    container: ContainerFacts | None = None
    log: LogFacts | None = None
