"""A server in a container, while it runs and after its end."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import docker

from kit.documents.container import ContainerFacts, PassthroughMethod
from kit.engines.docker.client import engine_errors
from kit.engines.docker.config import KIT_USER, SERVER_ALIAS, WORK
from kit.engines.docker.containers import inspect, stop
from kit.engines.docker.facts import container_facts, exit_code
from kit.engines.docker.transfer import Member, fetch_file, put_files
from kit.engines.docker.wire import execute, keep_log, log_start, log_tail
from kit.engines.logtail import read_start, read_tail, safe_tail
from kit.engines.protocol import LOG_START_BYTES
from kit.errors import EngineError
from kit.timestamps import utc_now

PROBE = ("python3", "-m", "kit.probe")
OPERATION = "operation.json"
# Linux takes no single argument of 128 KiB or more.
MAX_ARGUMENT_BYTES = 100_000
MAX_ANSWER_BYTES = 32 << 20
MAX_LISTING_BYTES = 1 << 20
LISTING_S = 60.0


class DockerServer:
    """A started server. `attendant` is the container in its network that has the kit's code."""

    def __init__(
        self,
        client: docker.DockerClient,
        container: str,
        attendant: str,
        port: int,
        passthrough: PassthroughMethod,
        log: Path,
    ) -> None:
        self._client = client
        self._container = container
        self._attendant = attendant
        self._passthrough: PassthroughMethod = passthrough
        self._log = log
        self._over = False
        self._ended: ContainerFacts | None = None
        self.url = f"http://{SERVER_ALIAS}:{port}"
        self.started_utc = utc_now()

    def exit_code(self) -> int | None:
        if self._over:
            return self._ended.exit_code if self._ended else None
        return exit_code(inspect(self._client, self._container))

    def log_tail(self, lines: int = 15) -> tuple[str, ...]:
        if self._over:
            return read_tail(self._log, lines)
        with contextlib.suppress(EngineError):
            return log_tail(self._client, self._container, lines)
        return ()

    def log_start(self) -> str:
        if self._over:
            return read_start(self._log, LOG_START_BYTES)
        return log_start(self._client, self._container, LOG_START_BYTES)

    def run_probe(self, operation: bytes, timeout_s: float) -> bytes:
        """See `kit.engines.protocol.RunProbe`."""
        argument = operation.decode()
        if len(operation) > MAX_ARGUMENT_BYTES:
            put_files(self._client, self._attendant, WORK, (Member(OPERATION, operation),), KIT_USER)
            argument = f"@{WORK}/{OPERATION}"
        done = execute(self._client, self._attendant, (*PROBE, argument), timeout_s, MAX_ANSWER_BYTES)
        if not done.stdout:
            raise EngineError(
                f"The probe beside the server ended with exit code {done.code} and without an answer.",
                "The load generator's image may be of another version of the kit: kit images build loadgen",
                safe_tail(done.stderr, 5),
            )
        return done.stdout

    def run_inside(self, command: tuple[str, ...]) -> tuple[int, str]:
        done = execute(self._client, self._container, command, LISTING_S, MAX_LISTING_BYTES)
        return done.code, (done.stdout + done.stderr).decode("utf-8", "replace")

    def facts(self) -> ContainerFacts | None:
        return self._ended if self._over else self._facts()

    def _facts(self) -> ContainerFacts:
        found = inspect(self._client, self._container)
        api: Any = self._client.api
        with engine_errors("describe itself and an image"):
            image, version = api.inspect_image(found["Image"]), api.version()
        return container_facts(found, image, version, self._passthrough)

    def end(self, grace_s: float, bring: tuple[str, ...] = ()) -> None:
        """Stop it, and keep what goes with the container: how it ended, its log, files it left in /cell."""
        # If the engine is gone, nothing is known of the end, and nothing more can be asked.
        self._over = True
        with contextlib.suppress(EngineError):
            stop(self._client, self._container, grace_s)
        self._ended = self._facts()
        keep_log(self._client, self._container, self._log)
        for name in bring:
            fetch_file(self._client, self._container, f"{WORK}/{name}", self._log.parent / name)
