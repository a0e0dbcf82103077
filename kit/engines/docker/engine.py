"""The engine `docker`: servers and the load generator in containers, on a network of their own without a way out.

Works the same with an engine on another machine: no path is mounted, no port is published, everything travels
through the engine.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import docker

from kit.documents.container import Accelerator, ContainerSpec, Mount
from kit.engines.docker.accelerators import probe
from kit.engines.docker.client import RUN_LABEL, engine_errors
from kit.engines.docker.config import (
    AHEAD,
    KIT_MEMORY_BYTES,
    KIT_USER,
    LOAD_MEMORY_BYTES,
    SERVER_ALIAS,
    WORK,
    Place,
    container_config,
    cpu_shares,
    kit_program,
    server_memory_bytes,
)
from kit.engines.docker.containers import at_the_end, container, network, new_name, start, volume, volume_exists
from kit.engines.docker.passthrough import Passthrough, host_config_of
from kit.engines.docker.running import DockerServer
from kit.engines.docker.sidecar import DockerSampling, sampler, sampler_config
from kit.engines.docker.transfer import Member, fetch_file, put_files
from kit.engines.docker.wire import follow_lines, keep_log
from kit.engines.protocol import OnLine
from kit.errors import EngineError, InternalError, KitError
from kit.runtimes.protocol import ServerSpec
from kit.storage.names import FACTS, LOAD, LOADGEN_LOG, METRICS, PROMPTS, RECORDS, TEXTS, TRACE

CELL_LABEL, ROLE_LABEL = "org.kit.cell", "org.kit.role"
PORT = 8080  # every server has a network of its own
LOAD_END_S = 60.0  # parsing what an interrupted load left may take a while
# What a load generator reads and leaves (see kit.loadgen); nothing else is taken from its container.
BESIDE_LOAD, RESULTS = (PROMPTS, TRACE), (RECORDS, TEXTS, FACTS, METRICS)
OUT = "out"
WAITING = ("-c", "import signal; signal.pause()")


class DockerEngine:
    """Servers one at a time, each on a network of its own, and loads against the one that runs."""

    def __init__(self, client: docker.DockerClient, run: str, loadgen_image: str) -> None:
        self.client = client
        self.run = run
        self.loadgen_image = loadgen_image
        self._ways: dict[tuple[str, str], Passthrough] = {}
        self._network: str | None = None
        self._labels: dict[str, str] = {RUN_LABEL: run}
        self._started: dict[str, list[str]] = {}  # the containers of the server that runs, by the sampler's role
        self._sampling: DockerSampling | None = None
        with engine_errors("describe itself"):
            info: dict[str, Any] = client.info()
        self.ncpu = int(info.get("NCPU") or 1)
        self.server_cpus, self.load_cpus = cpu_shares(self.ncpu) if info.get("CPUSet", True) else (None, None)
        self.server_memory_bytes = server_memory_bytes(info)

    @property
    def server_cpu_count(self) -> int:
        if self.server_cpus is None:
            return self.ncpu
        return int(self.server_cpus.rpartition("-")[2]) + 1  # they begin with 0

    def _own(self, memory_bytes: int) -> int | None:
        """The limit of a container of the kit's own; none where the engine can limit none."""
        return None if self.server_memory_bytes is None else memory_bytes

    def free_port(self) -> int:
        return PORT

    def _passthrough(self, spec: ContainerSpec) -> Passthrough:
        """The way for a server's accelerator; the engine is asked once for each image."""
        key = (spec.accelerator, spec.image)
        if key not in self._ways:
            self._ways[key] = probe(self.client, spec.accelerator, spec.image, self.run)
        return self._ways[key]

    @contextlib.contextmanager
    def server(self, spec: ServerSpec, log: Path) -> Iterator[DockerServer]:
        if self._network is not None:
            raise InternalError("One server at a time: the previous one has not ended.")
        self._labels = {RUN_LABEL: self.run, CELL_LABEL: spec.name}
        with contextlib.ExitStack() as stack:
            self._network = stack.enter_context(network(self.client, self._labels))
            stack.callback(self._forget)
            if spec.container is None:
                running = self._kit_server(stack, spec, log)
            else:
                running = self._server(stack, spec.container, log)
            yield running

    def _forget(self) -> None:
        self._network = None
        self._labels = {RUN_LABEL: self.run}
        self._started = {}

    def _place(self, role: str, **more: Any) -> Place:
        if self._network is None:
            raise EngineError("There is no server to load.", "Start one first.")
        return Place(self._network, labels={**self._labels, ROLE_LABEL: role}, **more)

    def _made(self, stack: contextlib.ExitStack, spec: ContainerSpec, place: Place) -> str:
        role = place.labels[ROLE_LABEL]
        return stack.enter_context(container(self.client, container_config(spec, place), new_name(role)))

    # --- servers ----------------------------------------------------------------------------------------

    def _server(self, stack: contextlib.ExitStack, spec: ContainerSpec, log: Path) -> DockerServer:
        """A runtime's own container, and beside it one with the kit's code that waits to be asked."""
        for mount in spec.mounts:
            self._provide(stack, mount)
        passthrough = self._passthrough(spec)
        wanted = host_config_of(passthrough, spec)
        place = self._place("server", alias=SERVER_ALIAS, cpuset=self.server_cpus, accelerator=wanted)
        made = self._made(stack, spec, place)
        readable = tuple(mount for mount in spec.mounts if mount.read_only)
        own = self._own(KIT_MEMORY_BYTES)
        waiting = kit_program(self.loadgen_image, WAITING, mounts=readable, memory_bytes=own)
        attendant = self._made(
            stack, waiting, self._place("attendant", alias=None, cpuset=self.load_cpus, work=True)
        )
        start(self.client, attendant, "the container beside the server")
        start(self.client, made, "the server")
        self._started = {"server": [made], "own": [attendant]}
        running = DockerServer(self.client, made, attendant, spec.port, passthrough.path, log)
        stack.enter_context(at_the_end(partial(running.end, spec.stop_grace_s)))
        return running

    def _provide(self, stack: contextlib.ExitStack, mount: Mount) -> None:
        """The engine would make a volume that is missing, and it would stay behind."""
        if volume_exists(self.client, mount.volume):
            return
        if mount.read_only:
            raise EngineError(f"There is no volume {mount.volume} on this engine.", "Give it the model first.")
        stack.enter_context(volume(self.client, mount.volume, self._labels))

    def _kit_server(self, stack: contextlib.ExitStack, spec: ServerSpec, log: Path) -> DockerServer:
        """A program of the kit itself, in the load generator's image; it is asked in its own container."""
        arguments, files = inside(spec.command, log.parent)
        program = kit_program(self.loadgen_image, arguments, spec.port, memory_bytes=self._own(LOAD_MEMORY_BYTES))
        place = self._place("server", alias=SERVER_ALIAS, cpuset=self.server_cpus, work=True, stdin=True)
        made = self._made(stack, program, place)
        start(self.client, made, "the server")
        self._started = {"server": [made]}
        running = DockerServer(self.client, made, made, spec.port, "none", log)
        stack.enter_context(at_the_end(partial(running.end, program.stop_grace_s, files)))
        return running

    # --- loads ------------------------------------------------------------------------------------------

    def run_load(self, load: Path, out: Path, on_line: OnLine) -> int:
        arguments = ("-m", "kit.loadgen", f"{WORK}/{LOAD}", f"{WORK}/{OUT}")
        program = kit_program(self.loadgen_image, arguments, memory_bytes=self._own(LOAD_MEMORY_BYTES))
        place = self._place("loadgen", alias=None, cpuset=self.load_cpus, cpu_weight=AHEAD, work=True)
        given = [Member(LOAD, load), Member(OUT, None)]
        given += [Member(name, load.parent / name) for name in BESIDE_LOAD if (load.parent / name).is_file()]
        with contextlib.ExitStack() as stack:
            made = self._made(stack, program, place)
            put_files(self.client, made, WORK, given, KIT_USER)
            if self._sampling is not None:
                self._sampling.watch("loadgen", made)
            start(self.client, made, "the load generator")
            try:
                for line in follow_lines(self.client, made, "pass on what the load generator says"):
                    on_line(line)
                code = self._wait(made)
            except BaseException:
                # A second Ctrl-C means that nobody wants to wait for what it still has.
                with contextlib.suppress(KitError, KeyboardInterrupt):
                    self._ask_to_end(made)
                    self._fetch(made, out)
                raise
            self._fetch(made, out)
            return code

    @contextlib.contextmanager
    def telemetry(self, out: Path, accelerator: Accelerator = "none") -> Iterator[DockerSampling]:
        sampling = DockerSampling(self.client)
        wanted: dict[str, Any] = {}
        with sampling.failing():
            if accelerator != "rocm":  # AMD's driver shows itself in /sys, to containers without a device too
                spec = ContainerSpec("sampler", self.loadgen_image, (), 0, accelerator=accelerator)
                wanted = host_config_of(self._passthrough(spec), spec)
        for role, containers in self._started.items():
            for made in containers:
                sampling.watch(role, made)
        labels = {**self._labels, ROLE_LABEL: "telemetry"}
        limited = self.server_memory_bytes is not None
        config = sampler_config(self.loadgen_image, labels, self.load_cpus, wanted, limited=limited)
        with sampler(self.client, config, sampling, out):
            self._sampling = sampling
            try:
                yield sampling
            finally:
                self._sampling = None

    def _wait(self, made: str, limit_s: float | None = None) -> int:
        api: Any = self.client.api
        with engine_errors("wait for the load generator"):
            return int(api.wait(made, timeout=limit_s)["StatusCode"])

    def _ask_to_end(self, made: str) -> None:
        # It may have ended by itself meanwhile, which the engine calls a conflict.
        with contextlib.suppress(EngineError), engine_errors("end the load generator"):
            self.client.api.kill(made, "SIGTERM")
        self._wait(made, LOAD_END_S)

    def _fetch(self, made: str, out: Path) -> None:
        for name in RESULTS:
            fetch_file(self.client, made, f"{WORK}/{OUT}/{name}", out / name)
        keep_log(self.client, made, out / LOADGEN_LOG, errors_only=True)
        if (out / LOADGEN_LOG).stat().st_size == 0:
            (out / LOADGEN_LOG).unlink()


def inside(command: tuple[str, ...], folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The arguments of a program of the kit as it runs in a container, and the files of `folder` that it names.

    Those lie in /cell there and come back when it ends. It listens on all addresses of the container's network.
    """
    if command[:3] != (sys.executable, "-m", "kit"):
        name = " ".join(command[:1]) or "What was to be started"
        raise EngineError(f"{name} is a program of this machine.", "Take the engine process for it.")
    arguments, files = [], []
    for part in command[1:]:
        path = Path(part)
        if path.is_absolute() and path.parent == folder:
            files.append(path.name)
            arguments.append(f"{WORK}/{path.name}")
        else:
            arguments.append(part)
    return (*arguments, "--host", "0.0.0.0"), tuple(files)
