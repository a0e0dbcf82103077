"""The images of a Docker Engine: facts about those it has, builds with their lines, what a registry says."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import docker
import requests
from docker.errors import DockerException, ImageNotFound

from kit.engines.docker.client import RUN_LABEL, engine_errors
from kit.engines.docker.containers import container, new_name
from kit.engines.docker.transfer import fetch_file
from kit.engines.docker.wire import MAX_LINE_BYTES
from kit.engines.protocol import BuildRequest, ImageFacts, OnLine, RegistryAnswer
from kit.errors import EngineError
from kit.text import plain_text

LAST_LINES = 15
LINE_LIMIT = 300
# A compiler for half an hour yields to whatever else wants the CPUs (an engine's default is 1024).
CPU_SHARES = 256
# Whether a registry answers is asked before each build: a closed network must not make that a long wait.
PROBE_TIMEOUT_S = 10
SCRATCH = "kit/scratch:empty"


class DockerImages:
    """See `kit.engines.protocol.ImageStore`."""

    def __init__(self, client: docker.DockerClient) -> None:
        self._client = client
        self._api: Any = client.api

    def facts(self, reference: str) -> ImageFacts | None:
        with engine_errors(f"look at the image {plain_text(reference, 200)}"):
            try:
                found = self._api.inspect_image(reference)
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

    def with_label(self, label: str) -> list[ImageFacts]:
        with engine_errors("list its images"):
            found = self._api.images(filters={"label": label})
        tags = sorted({tag for image in found for tag in image.get("RepoTags") or () if tag != "<none>:<none>"})
        return [facts for facts in map(self.facts, tags) if facts]

    def architecture(self) -> str:
        with engine_errors("describe itself"):
            return str(self._client.info().get("Architecture", ""))

    def registry_digest(self, reference: str) -> RegistryAnswer:
        before, self._api.timeout = self._api.timeout, PROBE_TIMEOUT_S
        try:
            answer = self._api.inspect_distribution(reference)
        except (DockerException, requests.RequestException, OSError) as error:
            words = getattr(error, "explanation", None) or str(error)
            return RegistryAnswer(None, plain_text(str(words), 200))
        finally:
            self._api.timeout = before
        descriptor = answer.get("Descriptor") or {}
        return RegistryAnswer(str(descriptor.get("digest") or "") or None)

    def build(self, request: BuildRequest, context: IO[bytes], on_line: OnLine) -> str:
        """With the classic builder."""
        last: list[str] = []

        def line(text: str) -> None:
            last[:] = [*last[1 - LAST_LINES :], plain_text(text, LINE_LIMIT)]
            on_line(text)

        with engine_errors(f"build {request.tag}"):
            events = self._api.build(
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
                "Its last lines are above. docs/images.md says what each image needs; behind a proxy that "
                "re-signs TLS see KIT_CA_BUNDLE there.",
                tuple(last),
            )
        facts = self.facts(request.tag)
        if facts is None:
            raise EngineError(f"The engine built {request.tag} but does not have it.", "Build it again.")
        return facts.image_id

    def take_file(self, image: str, path: str, target: Path) -> bool:
        config = {"Image": image, "Cmd": ["/none"], "Labels": {RUN_LABEL: "images"}}
        with container(self._client, config, new_name("file")) as made:  # never started
            return fetch_file(self._client, made, path, target)

    def import_root(self, archive: Path, tag: str, labels: Mapping[str, str]) -> str:
        repository, _, name = tag.partition(":")
        changes = ['CMD ["bash"]', *(f'LABEL {key}="{value}"' for key, value in labels.items())]
        with engine_errors(f"import {tag}"):
            answer = self._api.import_image_from_file(
                str(archive), repository=repository, tag=name, changes=changes
            )
        facts = self.facts(tag)
        if facts is None or not labels.items() <= facts.labels.items():
            raise EngineError(f"The engine did not import the image {tag}: {plain_text(str(answer), 300)}.")
        return facts.image_id

    def scratch(self) -> str:
        if self.facts(SCRATCH) is None:
            empty = io.BytesIO()
            tarfile.open(fileobj=empty, mode="w").close()
            repository, _, name = SCRATCH.partition(":")
            with engine_errors("import an empty image"):
                # A container of it can be made, and never started.
                self._api.import_image_from_data(
                    empty.getvalue(), repository=repository, tag=name, changes=['CMD ["/none"]']
                )
        return SCRATCH


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
            rest = rest[:MAX_LINE_BYTES]
            for text in lines:
                if text.strip():
                    on_line(text.rstrip("\r"))
        elif "status" in event and not event.get("progressDetail"):
            on_line(f"{event['status']} {event.get('id', '')}".strip())
    return problem
