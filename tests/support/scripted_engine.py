"""An engine for tests that is a script: what docker-py's low-level API is asked about images, and its answers."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError, ImageNotFound

from kit.engines.docker.images import DockerImages
from kit.errors import EngineError


def contents(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(info)
    assert file is not None
    return file.read()


class ScriptedApi:
    """What the low-level API of docker-py is asked, answered out of a script."""

    def __init__(self) -> None:
        self.timeout = 120
        self.images_here: dict[str, dict[str, Any]] = {}
        self.registry: dict[str, str] = {}
        self.events: list[dict[str, Any]] = [{"stream": "Step 1/1 : FROM x\n"}]
        self.builds: list[dict[str, Any]] = []
        self.context: dict[str, bytes] = {}

    def have(self, tag: str, **labels: str) -> None:
        self.images_here[tag] = {
            "Id": "sha256:" + sha256(tag.encode()).hexdigest(),
            "RepoTags": [tag],
            "RepoDigests": [],
            "Os": "linux",
            "Architecture": "amd64",
            "Created": "2026-11-22T00:00:00Z",
            "Size": 5,
            "Config": {"Labels": labels},
        }

    def inspect_image(self, reference: str) -> dict[str, Any]:
        if reference not in self.images_here:
            raise ImageNotFound("no such image")
        return self.images_here[reference]

    def images(self, filters: dict[str, str]) -> list[dict[str, Any]]:
        return [one for one in self.images_here.values() if filters["label"] in one["Config"]["Labels"]]

    def inspect_distribution(self, reference: str) -> dict[str, Any]:
        assert self.timeout < 120, "a closed network would hold everybody up"
        if reference not in self.registry:
            raise APIError("500", explanation="dial tcp: lookup registry: no such host\x1b[2J")
        return {"Descriptor": {"digest": self.registry[reference]}}

    def build(self, **asked: Any) -> Iterator[dict[str, Any]]:
        self.builds.append(asked)
        with tarfile.open(fileobj=asked["fileobj"]) as tar:
            self.context = {info.name: contents(tar, info) for info in tar}
        if not any("error" in event for event in self.events):
            self.have(asked["tag"], **asked["labels"])
        return iter(self.events)


class ScriptedImages(DockerImages):
    """The images of such an engine; it is its own client."""

    def __init__(self) -> None:
        self.api = ScriptedApi()
        client: Any = self
        super().__init__(client)

    def info(self) -> dict[str, str]:
        return {"Architecture": "x86_64"}


@pytest.fixture(name="own_cache")
def cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing of this machine's settings takes part."""
    for name in ("KIT_CA_BUNDLE", "KIT_WHEELHOUSE", "http_proxy", "https_proxy", "no_proxy", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def silent(_: str) -> None:
    pass


def error_of(action: Callable[[], object], kind: type[Exception] = EngineError) -> Any:
    with pytest.raises(kind) as caught:
        action()
    return caught.value
