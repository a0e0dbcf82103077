"""The engine at hand with the images of the runtimes that take long to compile."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import pytest

from kit.engines.docker.client import connect
from tests.integration.containers.images import built
from tests.integration.containers.test_whole_runs import of_the_kit

IMAGES = (("loadgen", "cpu"), ("gguf", "cpu"), ("ollama", "cpu"), ("realizar", "cpu"), ("realizar", "vulkan"))


@pytest.fixture(scope="session")
def client() -> Iterator[docker.DockerClient]:
    found = connect()
    for runtime, variant in IMAGES:
        built(found, runtime, variant)
    yield found
    found.close()


@pytest.fixture
def nothing_left(client: docker.DockerClient) -> Iterator[None]:
    assert of_the_kit(client) == [], "kit clean"
    yield
    assert of_the_kit(client) == []
