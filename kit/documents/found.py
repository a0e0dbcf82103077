"""What could be learnt of a server that already ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
