"""What the house wants to know of a runtime. Each runtime is a plain module with these names (see llamacpp.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from kit.model import Setting

Json = object


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a runtime's API can do; what it cannot is never asked of it and never assumed."""

    ignore_eos: bool
    usage_in_stream: bool
    finish_reason_reliable: bool
    cache_can_be_off: bool


@dataclass(frozen=True, slots=True)
class SettingRule:
    """One setting of a runtime: its default, its range and what it does."""

    default: int
    low: int
    high: int
    meaning: str


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """How to start one server and how to know it: a pure value, engines carry it out."""

    name: str
    command: tuple[str, ...]
    port: int
    ready_path: str
    start_budget_s: float


class Runtime(Protocol):
    """The names a runtime module must have. Pure: no module under kit/runtimes opens a file or a socket."""

    NAME: str
    VARIANTS: tuple[str, ...]
    CAPABILITIES: Capabilities
    SETTINGS: Mapping[str, SettingRule]
    FACTS_PATH: str
    COUNTERS_PATH: str | None

    def explicit(self, settings: Mapping[str, Setting], cpus: int) -> dict[str, Setting]:
        """Every setting with its value: defaults filled in, "as many as the machine has" made a number."""
        ...

    def server(
        self, name: str, variant: str, settings: Mapping[str, Setting], model_path: str, port: int
    ) -> ServerSpec: ...

    def version(self, facts: Json) -> str | None:
        """The version as the server reports it, from the JSON at FACTS_PATH."""
        ...

    def reported(self, facts: Json) -> dict[str, Setting]:
        """What the server says of its own settings, by our setting names."""
        ...

    def disagreements(self, settings: Mapping[str, Setting], reported: Mapping[str, Setting]) -> tuple[str, ...]:
        """One sentence for each setting that the server did not take as planned."""
        ...

    def counters(self, text: str) -> dict[str, int]:
        """The server's own token counters from the text at COUNTERS_PATH: `prompt_tokens`, `completion_tokens`."""
        ...
