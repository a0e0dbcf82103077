"""What an engine can do: start a server, run the load generator, end both. Engines decide nothing.

An engine with containers can do more: it has images, volumes with models, and a lock for one kit at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from kit.documents import EngineFacts
from kit.documents.container import Accelerator, ContainerFacts, ContainerSpec, Mount
from kit.engines.conversation import Confined, Conversation
from kit.machine.look import Look
from kit.runtimes.protocol import ServerSpec

OnLine = Callable[[str], None]
OnBytes = Callable[[int, int | None], None]  # bytes so far, bytes in all
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

    def log_tail(self, lines: int = 15) -> tuple[str, ...]:
        """The last lines of its log, safe to print."""

    def log_start(self) -> str:
        """What it has written so far, from the start on and as it came: at most `LOG_START_BYTES`."""

    def run_inside(self, command: tuple[str, ...]) -> tuple[int, str]:
        """Run a command in the server's own container: exit code and what it printed, as it came.

        `EngineError` where it cannot be run; an engine without containers never can.
        """

    def facts(self) -> ContainerFacts | None:
        """What the engine says it runs, or after the end of the context, ran; None without a container."""


class Sampling(Protocol):
    """A sampler that runs beside a load, or has run."""

    @property
    def ended(self) -> str:
        """After the end of the context: "stopped", or why it has no more samples."""
        ...


SAMPLED = "stopped"  # as it should


class Engine(Protocol):
    """Starts servers and load generators; whatever it starts ends with the context, whatever happens."""

    def free_port(self) -> int:
        """A port on which a server may listen."""

    def server(self, spec: ServerSpec, log: Path) -> AbstractContextManager[Running]:
        """Start a server, its output going to `log`. `PortInUseError` or `EngineError` if it cannot start.

        The log is complete when the context has ended; before, `log_tail` knows the newest lines.
        """

    def run_load(self, load: Path, out: Path, on_line: OnLine) -> int:
        """Run the load generator on a load document; blocks; returns its exit code.

        On KeyboardInterrupt the load generator is asked to end, writes what it has, and the interrupt goes on.
        """

    def telemetry(self, out: Path, accelerator: Accelerator = "none") -> AbstractContextManager[Sampling]:
        """Sample the machine while the block runs: the server of now, if there is one, and loads in the block.

        Afterwards telemetry.jsonl and sampler.json lie in `out`, as far as the sampler came. What goes wrong with
        it stands in `Sampling.ended` and is no error; `accelerator` says whether GPUs are to be seen.
        """


class RunEngine(Engine, Protocol):
    """An engine for whole runs: it also describes the machine that its servers run on."""

    def look(self, accelerators: Iterable[Accelerator]) -> Look:
        """That machine as the kit's own code sees it there, with the GPUs that servers with these would see."""


# --- engines with containers ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What the engine says of one image. `repo_digests` are "repository@sha256:..." and empty for local builds."""

    tags: tuple[str, ...]
    image_id: str
    repo_digests: tuple[str, ...]
    os: str
    architecture: str
    created_utc: str
    size_bytes: int
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """One build: `dockerfile` is its path inside the context, `target` the stage to end with."""

    tag: str
    dockerfile: str
    target: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    no_cache: bool = False


@dataclass(frozen=True, slots=True)
class RegistryAnswer:
    """The digest of a reference as its registry gives it now, or None and why."""

    digest: str | None
    problem: str = ""


class ImageStore(Protocol):
    """The images of a container engine. Every method raises `EngineError` if the engine refuses or is gone."""

    def facts(self, reference: str) -> ImageFacts | None:
        """Facts about an image, or None if the engine does not have it."""

    def with_label(self, label: str) -> list[ImageFacts]:
        """Every tagged image that bears `label`, in the order of its tag."""

    def architecture(self) -> str:
        """The machine that images are built for as `uname -m` has it, e.g. "x86_64" or "aarch64"."""

    def registry_digest(self, reference: str) -> RegistryAnswer:
        """What the registry of `reference` says its digest is; asked through the engine, which would also pull."""

    def build(self, request: BuildRequest, context: IO[bytes], on_line: OnLine) -> str:
        """Build out of a tar `context`; returns the image id. `EngineError` has the last lines of a failure."""

    def take_file(self, image: str, path: str, target: Path) -> bool:
        """Copy one plain file out of an image; False if it has none of that path."""

    def import_root(self, archive: Path, tag: str, labels: Mapping[str, str]) -> str:
        """Make an image out of a tar of its root folder; returns its id."""

    def scratch(self) -> str:
        """The tag of an image without anything in it, made if it is not here: enough to be refused a device."""


@dataclass(frozen=True, slots=True)
class Program:
    """A Python program that an image runs once, without a network. Its last argument is its folder for files.

    `announced` gives the name of the file that a line it prints says it wrote there, or None.
    """

    image: str
    code: bytes
    arguments: tuple[str, ...]
    mounts: tuple[Mount, ...]
    environment: Mapping[str, str]
    announced: Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds an engine's lock; the texts are safe to print. `dead`: it ran on this machine and is gone."""

    run: str
    host: str
    pid: str
    since_utc: str
    dead: bool


@dataclass(frozen=True, slots=True)
class Removed:
    """How many containers, networks and volumes were removed, and in the engine's words what could not be."""

    containers: int
    networks: int
    volumes: int
    problems: tuple[str, ...] = ()


class ContainerEngine(RunEngine, Protocol):
    """Servers and load generators in containers."""

    @property
    def server_cpu_count(self) -> int:
        """How many CPUs a server gets: all, or all but those of the load generator."""

    @property
    def server_memory_bytes(self) -> int | None:
        """The most memory that a server gets: all but a reserve; None where the engine can limit none."""


class ContainerHost(Protocol):
    """A container engine at hand for one run, whose name everything bears that is made on it.

    Every method raises `EngineError` if the engine refuses or is gone.
    """

    @property
    def images(self) -> ImageStore: ...

    def engine(self, loadgen_image: str) -> ContainerEngine:
        """What measures, with the load generator of this image."""

    def version(self) -> str:
        """Its version, that of its API and its system, in its own words."""

    def describe(self) -> EngineFacts:
        """What it says of itself and its machine; texts are safe to print."""

    def only_kit(self) -> AbstractContextManager[None]:
        """Hold the engine's lock in the block; `EngineError` naming who holds it already."""

    def holder(self) -> Holder | None:
        """Who holds the engine's lock, or None."""

    def clean(self, run: str | None, *, models: bool = False) -> Removed:
        """Remove every container, network and volume of one run, or of all runs if `run` is None.

        It does not ask whether a run still goes on: see `holder`. Volumes with models stay unless `models` is
        true; then all of them go, of whatever run.
        """

    def check_accelerator(self, accelerator: Accelerator, image: str) -> None:
        """`EngineError` with the remedy if it has no way into containers, tried with any image on the engine."""

    def model_volume(self, image: str, sha256: str, source: Path, name: str, on_bytes: OnBytes) -> str:
        """The name of a volume with the file or folder `source` as `name` in it, filled if it is not there yet.

        `image` is any image the engine has. What is in the volume was right once: hash it inside its mount before
        use (`kit.probe`). `StorageError` if `source` cannot be read.
        """

    def cache_volumes(self, names: Iterable[str]) -> AbstractContextManager[None]:
        """Writable volumes of these names while the block runs: what one server compiles, the next one finds."""

    def run_program(self, program: Program, out: Path, on_line: OnLine) -> None:
        """Run a program to its end; the files it announced land in `out`. `EngineError` with its last lines."""

    def confined(self, program: Confined) -> AbstractContextManager[Conversation]:
        """Start a program in a container that ends with the block, with all that the program started.

        `EngineError` if the engine cannot limit memory and processes.
        """

    def stand_up(self, spec: ContainerSpec, host_port: int) -> str:
        """Start a server that stays and listens on 127.0.0.1:`host_port` of the engine's machine; its URL."""
