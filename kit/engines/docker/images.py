"""Images at the engine's door: facts about those it has, builds with their lines, what a registry says."""

from __future__ import annotations

import contextlib
import io
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

import docker
import requests
from docker.errors import DockerException, ImageNotFound, NotFound

from kit.engines.docker.client import engine_errors
from kit.errors import EngineError
from kit.text import plain_text

OnLine = Callable[[str], None]

LAST_LINES = 15
LINE_LIMIT = 300
# A compiler for half an hour yields to whatever else wants the CPUs (an engine's default is 1024).
CPU_SHARES = 256
# Whether a registry answers is asked before each build: a closed network must not make that a long wait.
PROBE_TIMEOUT_S = 10
SCRATCH = "kit/scratch:empty"


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


def image_facts(client: docker.DockerClient, reference: str) -> ImageFacts | None:
    """Facts about the image, or None if the engine does not have it."""
    api: Any = client.api
    with engine_errors(f"look at the image {plain_text(reference, 200)}"):
        try:
            found = api.inspect_image(reference)
        except ImageNotFound:
            return None
    config = found.get("Config") or {}
    return ImageFacts(
        tags=tuple(found.get("RepoTags") or ()),
        image_id=str(found["Id"]),
        repo_digests=tuple(found.get("RepoDigests") or ()),
        os=str(found.get("Os", "")),
        architecture=str(found.get("Architecture", "")),
        created_utc=str(found.get("Created", "")),
        size_bytes=int(found.get("Size", 0)),
        labels=dict(config.get("Labels") or {}),
    )


def images_with_label(client: docker.DockerClient, label: str) -> list[ImageFacts]:
    """Every tagged image that bears `label`, in the order of its tag."""
    with engine_errors("list its images"):
        found = client.api.images(filters={"label": label})
    tags = sorted({tag for image in found for tag in image.get("RepoTags") or () if tag != "<none>:<none>"})
    return [facts for facts in (image_facts(client, tag) for tag in tags) if facts]


def engine_architecture(client: docker.DockerClient) -> str:
    """The machine of the engine as `uname -m` has it, e.g. "x86_64" or "aarch64"."""
    with engine_errors("describe itself"):
        return str(client.info().get("Architecture", ""))


def build_image(client: docker.DockerClient, request: BuildRequest, context: IO[bytes], on_line: OnLine) -> str:
    """Build with the classic builder out of a tar `context`; returns the image id.

    `on_line` gets each line of the build. `EngineError` with the last lines if a step fails.
    """
    last: list[str] = []

    def line(text: str) -> None:
        last[:] = [*last[1 - LAST_LINES :], plain_text(text, LINE_LIMIT)]
        on_line(text)

    with engine_errors(f"build {request.tag}"):
        events = client.api.build(
            fileobj=context,
            custom_context=True,
            dockerfile=request.dockerfile,
            tag=request.tag,
            target=request.target,
            buildargs=dict(request.arguments),
            labels=dict(request.labels),
            nocache=request.no_cache,
            container_limits={"cpushares": CPU_SHARES},
            rm=True,
            forcerm=True,
            decode=True,
        )
        problem = _followed(events, line)
    if problem:
        raise EngineError(
            f"The build of {request.tag} failed: {plain_text(problem, LINE_LIMIT)}.",
            "Its last lines are above. docs/images.md says what each image needs; behind a proxy that re-signs "
            "TLS see KIT_CA_BUNDLE there.",
            tuple(last),
        )
    facts = image_facts(client, request.tag)
    if facts is None:
        raise EngineError(f"The engine built {request.tag} but does not have it.", "Build it again.")
    return facts.image_id


def _followed(events: Iterable[Mapping[str, Any]], on_line: OnLine) -> str | None:
    """Pass the text of build events on, line by line; returns the error that ended the build, if one did."""
    rest, problem = "", None
    for event in events:  # to its end, also after an error: a connection that is left in the middle stays open
        if "error" in event:
            if rest.strip():
                on_line(rest)
            problem, rest = str(event["error"]).strip().rstrip("."), ""
        elif "stream" in event:
            *lines, rest = (rest + str(event["stream"])).split("\n")
            for text in lines:
                if text.strip():
                    on_line(text.rstrip("\r"))
        elif "status" in event and not event.get("progressDetail"):
            on_line(f"{event['status']} {event.get('id', '')}".strip())
    return problem


def remove_image(client: docker.DockerClient, tag: str) -> None:
    """Take `tag` away; nothing happens if it is not there."""
    api: Any = client.api
    with engine_errors(f"remove the image {plain_text(tag, 200)}"), contextlib.suppress(NotFound):
        api.remove_image(tag)


# --- registries -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _timeout(client: docker.DockerClient, seconds: int) -> Iterator[None]:
    api: Any = client.api
    before = api.timeout
    api.timeout = seconds
    try:
        yield
    finally:
        api.timeout = before


def registry_digest(client: docker.DockerClient, reference: str) -> RegistryAnswer:
    """What the registry of `reference` says its digest is; asks through the engine, which would also pull it."""
    api: Any = client.api
    try:
        with _timeout(client, PROBE_TIMEOUT_S):
            answer = api.inspect_distribution(reference)
    except (DockerException, requests.RequestException, OSError) as error:
        words = getattr(error, "explanation", None) or str(error)
        return RegistryAnswer(None, plain_text(str(words), 200))
    descriptor = answer.get("Descriptor") or {}
    return RegistryAnswer(str(descriptor.get("digest") or "") or None)


def scratch_image(client: docker.DockerClient) -> str:
    """The tag of an image without anything in it, made if it is not here: enough to be refused a device."""
    api: Any = client.api
    with engine_errors("import an empty image"):
        if image_facts(client, SCRATCH) is None:
            empty = io.BytesIO()
            tarfile.open(fileobj=empty, mode="w").close()
            # A container of it can be made, and never started.
            api.import_image_from_data(
                empty.getvalue(), repository=SCRATCH.partition(":")[0], tag="empty", changes=['CMD ["/none"]']
            )
    return SCRATCH
