"""The engine `process`: servers and the load generator as child processes of the kit. Needs no Docker.

A child holds the reading end of a pipe whose writing end is ours: when the kit ends, even by kill -9, the
pipe closes and the server leaves. A program that is none of the kit's is ended by `kit.engines.supervisor`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

from kit.debuglog import logged
from kit.documents.container import Accelerator, ContainerFacts
from kit.engines.interrupts import holding_interrupts
from kit.engines.logtail import read_start, read_tail
from kit.engines.protocol import LOG_START_BYTES, SAMPLED, OnLine, RunProbe
from kit.errors import EngineError, PortInUseError
from kit.machine.here import look_here
from kit.machine.look import Look
from kit.runtimes.protocol import ServerSpec
from kit.storage.names import LOADGEN_LOG, WATCH
from kit.telemetry.watching import INTERVAL_NS, PROCESS, TREE, Watch
from kit.text import plain_text
from kit.timestamps import utc_now

HOST = "127.0.0.1"
POLITE_S = 5.0  # how long a child may take to leave after each of: end of input, SIGTERM
MAX_REASON_CHARS = 200
NOTHING_MORE: Mapping[str, str] = {}
LOAD_END_S = 60.0  # parsing what an interrupted load left may take a while
# What a child may know of our environment: enough to find Python, libraries and a home, nothing else.
ENVIRONMENT = (
    "PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "TMPDIR", "TZ", "VIRTUAL_ENV",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "KIT_API_KEY", "KIT_HEADERS", "KIT_INSECURE",
)  # fmt: skip


def _command(spec: ServerSpec) -> list[str]:
    """What is really started: a program that is none of the kit's, by whoever ends it with us."""
    if spec.program is None:
        return list(spec.command)
    return [sys.executable, "-m", "kit.engines.supervisor", spec.program, *spec.command[1:]]


@contextlib.contextmanager
def _own_folders(spec: ServerSpec) -> Iterator[dict[str, str]]:
    """A new folder for each variable that is to name one; gone when the block ends."""
    if not spec.own_folders:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="kit-server-", ignore_cleanup_errors=True) as parent:
        folders = {name: Path(parent, name.lower()) for name in spec.own_folders}
        for folder in folders.values():
            folder.mkdir()
        yield {name: str(folder) for name, folder in folders.items()}


def port_is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


class ProcessServer:
    """A server in a child process."""

    def __init__(self, child: subprocess.Popen[bytes], spec: ServerSpec, log: Path) -> None:
        self._child = child
        self._log = log
        self.url = f"http://{HOST}:{spec.port}"
        self.started_utc = utc_now()
        self.run_probe: RunProbe | None = None  # the loopback address is reached from here

    def exit_code(self) -> int | None:
        return self._child.poll()

    def log_tail(self, lines: int = 15) -> tuple[str, ...]:
        return read_tail(self._log, lines)

    def log_start(self) -> str:
        return read_start(self._log, LOG_START_BYTES)

    def run_inside(self, command: tuple[str, ...]) -> tuple[int, str]:
        raise EngineError(f"{command[0]} was not run: this server is a process and has no container.")

    def facts(self) -> ContainerFacts | None:
        return None


class ProcessEngine:
    """Child processes on this machine, on the loopback address only; `more` is what they know besides."""

    def __init__(self, more: Mapping[str, str] | None = None) -> None:
        self._more = dict(more or {})
        self._server: subprocess.Popen[bytes] | None = None
        self._sampling: ProcessSampling | None = None

    def _environment(self) -> dict[str, str]:
        return {name: os.environ[name] for name in ENVIRONMENT if name in os.environ} | self._more

    def free_port(self) -> int:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((HOST, 0))
            port: int = probe.getsockname()[1]
            return port

    @contextlib.contextmanager
    def server(self, spec: ServerSpec, log: Path) -> Iterator[ProcessServer]:
        if not spec.command:
            raise EngineError(f"{spec.name} runs only in a container.", "Take the engine docker for it.")
        if not port_is_free(spec.port):
            raise PortInUseError(
                f"Port {spec.port} is in use on {HOST}.",
                f"End the program that listens there: ss -ltnp 'sport = :{spec.port}' names it.",
            )
        child: subprocess.Popen[bytes] | None = None
        with _own_folders(spec) as folders:
            try:
                with log.open("wb") as output, holding_interrupts():
                    more = {**spec.environment, **folders}
                    child = self._spawn(_command(spec), stdout=output, stderr=subprocess.STDOUT, more=more)
                self._server = child
                yield ProcessServer(child, spec, log)
            finally:
                self._server = None
                if child is not None:
                    _end(child, POLITE_S)

    def look(self, accelerators: Iterable[Accelerator]) -> Look:  # noqa: ARG002 - it sees what there is
        return look_here()

    def run_load(self, load: Path, out: Path, on_line: OnLine) -> int:
        command = [sys.executable, "-m", "kit.loadgen", str(load), str(out)]
        errors = out / LOADGEN_LOG
        child: subprocess.Popen[bytes] | None = None
        try:
            with errors.open("wb") as output, holding_interrupts():
                child = self._spawn(command, stdout=subprocess.PIPE, stderr=output)
            if self._sampling is not None:
                self._sampling.watch("loadgen", child)
            for line in child.stdout or ():
                on_line(line.decode("utf-8", "replace"))
            return child.wait()
        except BaseException:
            if child is not None:
                child.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
                    child.communicate(timeout=LOAD_END_S)
            raise
        finally:
            if child is not None:
                _end(child, POLITE_S)
                if child.stdout is not None:
                    child.stdout.close()
            if errors.exists() and errors.stat().st_size == 0:
                errors.unlink()

    @contextlib.contextmanager
    def telemetry(self, out: Path, accelerator: Accelerator = "none") -> Iterator[ProcessSampling]:
        del accelerator  # what this machine has is seen by every process
        self._sampling = ProcessSampling(out)
        if self._server is not None:
            self._sampling.watch("server", self._server)
        try:
            with holding_interrupts():
                try:
                    command = [sys.executable, "-m", "kit.telemetry", str(out / WATCH)]
                    self._sampling.child = self._spawn(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                except EngineError as error:
                    self._sampling.ended = plain_text(error.what, MAX_REASON_CHARS)
            yield self._sampling
        finally:
            sampling, self._sampling = self._sampling, None
            sampling.stop()

    @logged("process", lambda _, command, **__: command[0])
    def _spawn(
        self,
        command: list[str],
        stdout: IO[bytes] | int,
        stderr: IO[bytes] | int,
        more: Mapping[str, str] = NOTHING_MORE,
    ) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=stdout,
                stderr=stderr,
                env={**self._environment(), **more},
                start_new_session=True,  # a Ctrl-C in the terminal reaches us alone; we end our children
            )
        except OSError as error:
            raise EngineError(
                f"The program {command[0]} could not be started: {error.strerror or error}.",
                "Check that the kit is installed completely.",
            ) from None


class ProcessSampling:
    """A sampler in a child process. It is told whom to watch in a file, which it reads again when it changes."""

    def __init__(self, out: Path) -> None:
        self.child: subprocess.Popen[bytes] | None = None
        self.ended = SAMPLED
        self._file = out / WATCH
        self._watch = Watch(INTERVAL_NS, until_input_closes=True, roles={"own": [f"{PROCESS}:{os.getpid()}"]})
        self._tell()

    def watch(self, role: str, child: subprocess.Popen[bytes]) -> None:
        """Let a process and all below it count as this role, too."""
        self._watch.roles.setdefault(role, []).append(f"{TREE}:{child.pid}")
        self._tell()

    def stop(self) -> None:
        """End it; `ended` says how it went."""
        child = self.child
        if child is not None:
            died = child.poll()
            _end(child, POLITE_S)
            words = (child.stderr.read() if child.stderr else b"").decode("utf-8", "replace").strip()
            if child.stderr is not None:
                child.stderr.close()
            if died is not None or child.returncode:
                self.ended = ended_words(child.returncode, words)
        self._file.unlink(missing_ok=True)

    def _tell(self) -> None:
        partial = self._file.with_name(f"{WATCH}.partial")
        try:
            partial.write_bytes(self._watch.document())
            partial.replace(self._file)
        except OSError as error:
            self.ended = f"could not be told whom to watch: {error.strerror or error}"


def ended_words(code: int | None, words: str) -> str:
    """Why a sampler ended by itself, in a line."""
    last = f": {words.splitlines()[-1]}" if words else ""
    return plain_text(f"the sampler ended with exit code {code}{last}", MAX_REASON_CHARS)


@logged("process", lambda child, _: child.args[0])
def _end(child: subprocess.Popen[bytes], patience_s: float) -> None:
    """End a child: close its input, then SIGTERM, then SIGKILL; it is gone when this returns."""
    if child.stdin is not None:
        with contextlib.suppress(OSError):
            child.stdin.close()
    with holding_interrupts():
        for ask in (None, child.terminate, child.kill):
            if child.poll() is None and ask is not None:
                ask()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=patience_s)
                return
        child.wait()
