"""The Docker Engine at hand, as `kit.engines.protocol` describes it: the one way into this package."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import docker

from kit.documents import EngineFacts
from kit.documents.container import Accelerator, ContainerSpec
from kit.engines.conversation import Confined, Conversation
from kit.engines.docker.accelerators import probe
from kit.engines.docker.cleaning import clean
from kit.engines.docker.client import connect, engine_errors
from kit.engines.docker.confined import confined
from kit.engines.docker.engine import DockerEngine
from kit.engines.docker.facts import engine_facts
from kit.engines.docker.images import DockerImages
from kit.engines.docker.lock import holder, only_kit
from kit.engines.docker.programs import run_program
from kit.engines.docker.standing import stand_up
from kit.engines.docker.volumes import cache_volumes, model_volume
from kit.engines.protocol import Holder, OnBytes, OnLine, Program, Removed


@contextlib.contextmanager
def connected(run: str) -> Iterator[DockerHost]:
    """See `kit.engines.connect`."""
    with contextlib.closing(connect()) as client:
        yield DockerHost(client, run)


@dataclass(frozen=True, slots=True)
class DockerHost:
    """See `kit.engines.protocol.ContainerHost`."""

    client: docker.DockerClient
    run: str

    @property
    def images(self) -> DockerImages:
        return DockerImages(self.client)

    def engine(self, loadgen_image: str) -> DockerEngine:
        return DockerEngine(self.client, self.run, loadgen_image)

    def version(self) -> str:
        with engine_errors("describe itself"):
            info, version = self.client.info(), self.client.version()
        return f"{version.get('Version')}, API {version.get('ApiVersion')}, {info.get('OperatingSystem')}"

    def describe(self) -> EngineFacts:
        with engine_errors("describe itself"):
            return engine_facts(self.client.version(), self.client.info())

    def only_kit(self) -> contextlib.AbstractContextManager[None]:
        return only_kit(self.client, self.run, self.images.scratch())

    def holder(self) -> Holder | None:
        return holder(self.client)

    def clean(self, run: str | None, *, models: bool = False) -> Removed:
        return clean(self.client, run, models=models)

    def check_accelerator(self, accelerator: Accelerator, image: str) -> None:
        probe(self.client, accelerator, image, self.run)

    def model_volume(self, image: str, sha256: str, source: Path, name: str, on_bytes: OnBytes) -> str:
        return model_volume(self.client, self.run, image, sha256, source, name, on_bytes)

    def cache_volumes(self, names: Iterable[str]) -> contextlib.AbstractContextManager[None]:
        return cache_volumes(self.client, self.run, names)

    def run_program(self, program: Program, out: Path, on_line: OnLine) -> None:
        run_program(self.client, self.run, program, out, on_line)

    def confined(self, program: Confined) -> contextlib.AbstractContextManager[Conversation]:
        return confined(self.client, self.run, program)

    def stand_up(self, spec: ContainerSpec, host_port: int) -> str:
        return stand_up(self.client, self.run, spec, host_port)
