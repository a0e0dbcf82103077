"""The engine at hand, the kit's image on it, and the promise that nothing of a test stays there."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from kit.engines.docker.client import connect
from kit.engines.docker.engine import DockerEngine
from kit.errors import EngineError
from tests.integration.containers.images import built
from tests.integration.containers.servers import leftovers
from tests.support.not_tested import not_tested

WHOLE_RUNS = "test_whole_runs.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole runs first: they build the images that others look into."""
    items.sort(key=lambda item: item.path.name != WHOLE_RUNS)


@pytest.fixture(scope="session")
def client(request: pytest.FixtureRequest) -> Iterator[docker.DockerClient]:
    """The engine at hand. Where there is none: fails in CI, is skipped in red elsewhere."""
    try:
        found = connect()
    except EngineError as error:
        not_tested(request, str(error))
    yield found
    found.close()


@pytest.fixture(scope="session")
def loadgen_image(client: docker.DockerClient) -> str:
    """The load generator's image with the code that is tested now."""
    return built(client, "loadgen", "cpu")


@pytest.fixture
def run(client: docker.DockerClient) -> Iterator[str]:
    """A run of its own, of which nothing is left when the test ends, whatever happened in it."""
    name = f"engine-{secrets.token_hex(4)}"
    yield name
    assert leftovers(client, name) == []


@pytest.fixture
def engine(client: docker.DockerClient, loadgen_image: str, run: str) -> DockerEngine:
    return DockerEngine(client, run, loadgen_image)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a cell would keep its files."""
    made = tmp_path / "cell"
    made.mkdir()
    return made
