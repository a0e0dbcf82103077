"""What an engine can do: start a server, run the load generator, end both. Engines decide nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from kit.documents.container import ContainerFacts
from kit.runtimes.protocol import ServerSpec

OnLine = Callable[[str], None]
LOG_START_BYTES = 4 << 20  # what a server says of its settings and devices stands within
# Runs `python -m kit.probe` beside a server, in its network, on one operation (a JSON document), for at most so
# many seconds; returns what it printed, unchecked. `EngineError` if it could not be run or was too slow.
RunProbe = Callable[[bytes, float], bytes]


class Running(Protocol):
    """A started server."""

    @property
    def url(self) -> str:
        """Its base URL, as the load generator reaches it."""
        ...

    @property
    def started_utc(self) -> str: ...

    @property
    def run_probe(self) -> RunProbe | None:
        """How to ask the server something; None where `url` can be reached from here. See `kit.probe`."""
        ...

    def exit_code(self) -> int | None:
        """None while it lives; after the end of the context, how it ended."""
        ...

    def log_tail(self, lines: int = 15) -> tuple[str, ...]:
        """The last lines of its log, safe to print."""
        ...

    def log_start(self) -> str:
        """What it has written so far, from the start on and as it came: at most `LOG_START_BYTES`."""
        ...

    def run_inside(self, command: tuple[str, ...]) -> tuple[int, str]:
        """Run a command in the server's own container: exit code and what it printed, as it came.

        `EngineError` where it cannot be run; an engine without containers never can.
        """
        ...

    def facts(self) -> ContainerFacts | None:
        """What the engine says it runs, or after the end of the context, ran; None without a container."""
        ...


class Engine(Protocol):
    """Starts servers and load generators; whatever it starts ends with the context, whatever happens."""

    def free_port(self) -> int:
        """A port on which a server may listen."""
        ...

    def server(self, spec: ServerSpec, log: Path) -> AbstractContextManager[Running]:
        """Start a server, its output going to `log`. `PortInUseError` or `EngineError` if it cannot start.

        The log is complete when the context has ended; before, `log_tail` knows the newest lines.
        """
        ...

    def run_load(self, load: Path, out: Path, on_line: OnLine) -> int:
        """Run the load generator on a load document; blocks; returns its exit code.

        On KeyboardInterrupt the load generator is asked to end, writes what it has, and the interrupt goes on.
        """
        ...
