"""What an engine can do: start a server, run the load generator, end both. Engines decide nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from kit.runtimes.contract import ServerSpec

OnLine = Callable[[str], None]


class Running(Protocol):
    """A started server."""

    @property
    def url(self) -> str:
        """Its base URL, as the load generator reaches it."""
        ...

    @property
    def started_utc(self) -> str: ...

    def exit_code(self) -> int | None:
        """None while it lives; after the end of the context, how it ended."""
        ...

    def log_tail(self, lines: int = 15) -> tuple[str, ...]:
        """The last lines of its log, safe to print."""
        ...


class Engine(Protocol):
    """Starts servers and load generators; whatever it starts ends with the context, whatever happens."""

    def free_port(self) -> int:
        """A port on which a server may listen."""
        ...

    def server(self, spec: ServerSpec, log: Path) -> AbstractContextManager[Running]:
        """Start a server, its output going to `log`. `PortInUseError` or `EngineError` if it cannot start."""
        ...

    def run_load(self, load: Path, out: Path, on_line: OnLine) -> int:
        """Run the load generator on a load document; blocks; returns its exit code.

        On KeyboardInterrupt the load generator is asked to end, writes what it has, and the interrupt goes on.
        """
        ...
