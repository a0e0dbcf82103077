"""The sampler as a container of its own beside servers and loads, without a network and without rights.

It sees containers by their cgroups, which the engine's machine shows it in a folder that it cannot write to.
What it wrote is fetched at the end, also when it died.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import docker

from kit.engines.docker.config import KIT_USER, WORK, Place, container_config, kit_program
from kit.engines.docker.containers import container, inspect, new_name, start, stop
from kit.engines.docker.facts import exit_code
from kit.engines.docker.transfer import Member, fetch_file, put_files
from kit.engines.docker.wire import log_tail
from kit.engines.interrupts import holding_interrupts
from kit.engines.protocol import SAMPLED
from kit.errors import EngineError
from kit.storage.names import SAMPLER, TELEMETRY, WATCH
from kit.telemetry.watching import CONTAINER, INTERVAL_NS, Watch
from kit.text import plain_text

CGROUPS, SEEN_AT = "/sys/fs/cgroup", "/machine/cgroup"
MEMORY_BYTES = 256 << 20
GRACE_S = 5.0
MAX_FETCHED_BYTES = 1 << 30  # a day of samples
MAX_REASON_CHARS = 200
UTILITY = {"NVIDIA_DRIVER_CAPABILITIES": "utility"}  # with it NVIDIA's hooks bring NVML into a container


class DockerSampling:
    """A sampler in a container, or none where it could not be started."""

    def __init__(self, client: docker.DockerClient) -> None:
        self.ended = SAMPLED
        self._client = client
        self._container: str | None = None
        self._watch = Watch(INTERVAL_NS, until_input_closes=False, cgroups=SEEN_AT)

    def watch(self, role: str, made: str) -> None:
        """Let a container count as this role, too; a sampler that cannot be told goes on without it."""
        self._watch.roles.setdefault(role, []).append(f"{CONTAINER}:{made}")
        if self._container is not None:
            with self._kept():
                self._tell(self._container)

    def begin(self, made: str) -> None:
        """Tell the new container whom to watch, and start it."""
        self.watch("own", made)
        with self._kept():
            self._tell(made)
            start(self._client, made, "the sampler")
            self._container = made

    def end(self, out: Path) -> None:
        """Ask it to end, and fetch what it wrote."""
        made, self._container = self._container, None
        if made is None:
            return
        with self._kept():
            code = exit_code(inspect(self._client, made))
            stop(self._client, made, GRACE_S)
            if code is not None:
                last = log_tail(self._client, made, 1)
                words = f": {last[0]}" if last else ""
                self._fail(f"the sampler ended with exit code {code}{words}")
        for name in (TELEMETRY, SAMPLER):
            with self._kept():
                fetch_file(self._client, made, f"{WORK}/{name}", out / name, MAX_FETCHED_BYTES)

    @contextlib.contextmanager
    def failing(self) -> Iterator[None]:
        """Let what the engine refuses in the block be why there are no samples."""
        with self._kept():
            yield

    def _tell(self, made: str) -> None:
        put_files(self._client, made, WORK, (Member(WATCH, self._watch.document()),), KIT_USER)

    @contextlib.contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            yield
        except EngineError as error:
            self._fail(error.what)

    def _fail(self, words: str) -> None:
        """What went wrong first is told."""
        if self.ended == SAMPLED:
            self.ended = plain_text(words, MAX_REASON_CHARS)


def sampler_config(
    image: str, labels: Mapping[str, str], cpuset: str | None, accelerator: Mapping[str, Any], *, limited: bool
) -> dict[str, Any]:
    """What the engine is asked for. `accelerator` is as for a server; of a GPU only the tools are wanted."""
    arguments = ("-m", "kit.telemetry", f"{WORK}/{WATCH}")
    program = kit_program(image, arguments, memory_bytes=MEMORY_BYTES if limited else None)
    requests = [_for_tools(each) for each in accelerator.get("device_requests", ())]
    wanted = {"device_requests": requests, "environment": UTILITY if requests else {}}
    config = container_config(program, Place("none", None, labels, cpuset=cpuset, accelerator=wanted, work=True))
    seen = {"Type": "bind", "Source": CGROUPS, "Target": SEEN_AT, "ReadOnly": True}
    config["HostConfig"]["Mounts"] = [*config["HostConfig"]["Mounts"], seen]
    return config


def _for_tools(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request for GPUs with NVIDIA's tools; one by CDI brings everything anyway."""
    return {**request, "capabilities": [["gpu", "utility"]]} if "capabilities" in request else dict(request)


@contextlib.contextmanager
def sampler(
    client: docker.DockerClient, config: dict[str, Any], sampling: DockerSampling, out: Path
) -> Iterator[None]:
    """A sampler that runs while the block does. Without one the block runs all the same."""
    with contextlib.ExitStack() as stack:
        with sampling.failing():
            made = stack.enter_context(container(client, config, new_name("telemetry")))
            stack.callback(_at_the_end, sampling, out)
            sampling.begin(made)
        yield


def _at_the_end(sampling: DockerSampling, out: Path) -> None:
    with holding_interrupts():
        sampling.end(out)
