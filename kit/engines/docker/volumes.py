"""Volumes: of models, named by hash, filled once, kept for the next run; and for what a run's servers compile."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import docker

from kit.documents.container import Mount
from kit.engines.docker.client import RUN_LABEL, engine_errors
from kit.engines.docker.config import Place, container_config, kit_program
from kit.engines.docker.containers import container, new_name, remove_volume, volume
from kit.engines.docker.transfer import Member, fetch_file, put_files
from kit.engines.protocol import OnBytes
from kit.errors import EngineError, StorageError

MODEL_LABEL = "org.kit.model"
FOLDER = "/models"
# Written after everything else: a volume without it was never filled to its end.
COMPLETE = ".kit-complete"
ROOT = 0  # owns the model; servers run as others and can only read


def volume_name(sha256: str) -> str:
    """The volume of a model by the sha256 of its file or folder."""
    return f"kit-model-{sha256[:16]}"


def model_volume(
    client: docker.DockerClient,
    run: str,
    image: str,
    sha256: str,
    source: Path,
    name: str,
    on_bytes: OnBytes | None = None,
) -> str:
    """See `ContainerHost.model_volume`."""
    made = volume_name(sha256)
    members = tuple(_members(source, name))
    with engine_errors(f"make the volume {made}"):
        client.api.create_volume(name=made, labels={MODEL_LABEL: sha256})
    spec = kit_program(image, ("-c", "pass"), mounts=(Mount(made, FOLDER, read_only=False),))
    config = container_config(spec, Place("none", None, {RUN_LABEL: run}))
    complete = False
    try:
        with container(client, config, new_name("fill")) as helper:
            complete = _is_complete(client, helper, sha256)
            if not complete:
                put_files(client, helper, FOLDER, members, ROOT, on_bytes)
                # Of its own, when all else has arrived.
                put_files(client, helper, FOLDER, (Member(COMPLETE, sha256.encode()),), ROOT)
                complete = True
    finally:
        if not complete:
            with contextlib.suppress(EngineError):
                remove_volume(client, made)
    return made


def _is_complete(client: docker.DockerClient, helper: str, sha256: str) -> bool:
    with tempfile.TemporaryDirectory(prefix="kit-") as folder:
        mark = Path(folder) / COMPLETE
        there = fetch_file(client, helper, f"{FOLDER}/{COMPLETE}", mark, limit_bytes=len(sha256))
        return there and mark.read_bytes() == sha256.encode()


def _members(source: Path, name: str) -> Iterator[Member]:
    """The file, or the folder with all below it; what a link names is taken for what it is."""
    if source.is_file():
        yield Member(name, source)
        return
    if not source.is_dir():
        raise StorageError(f"The model {source} is not there.", "Fetch it: kit models fetch")
    yield Member(name, None)
    for path in sorted(source.rglob("*")):
        inside = f"{name}/{path.relative_to(source).as_posix()}"
        if path.is_dir():
            yield Member(inside, None)
        elif path.is_file():
            yield Member(inside, path)


@contextlib.contextmanager
def cache_volumes(client: docker.DockerClient, run: str, names: Iterable[str]) -> Iterator[None]:
    """See `ContainerHost.cache_volumes`."""
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(volume(client, name, {RUN_LABEL: run}))
        yield
