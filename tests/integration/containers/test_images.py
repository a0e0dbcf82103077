"""Images on a real engine: the load generator's runs isolated, failing builds show why, targets stay apart."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import ImageNotFound

import kit.supply.images.building as building
from kit import __version__
from kit.assets import asset
from kit.engines.docker.client import RUN_LABEL
from kit.engines.docker.images import DockerImages
from kit.engines.protocol import BuildRequest
from kit.errors import EngineError
from kit.supply.images import ImageRecipe, build, lock, needed, present, recipe, recipes
from kit.supply.images.bases import base_tag
from kit.supply.images.context import DOCKERFILE, write_context
from tests.integration.containers.images import built

pytestmark = pytest.mark.integration

BASE = base_tag("bookworm")
Built = Callable[..., str]


@pytest.fixture
def store(client: docker.DockerClient) -> DockerImages:
    return DockerImages(client)


@pytest.fixture
def loadgen(client: docker.DockerClient) -> str:
    return built(client, "loadgen", "cpu")


@pytest.fixture
def build_tiny(client: docker.DockerClient, store: DockerImages, tmp_path: Path) -> Iterator[Built]:
    """Builds a Dockerfile of the test; the image is gone afterwards."""
    tag = f"kit/test-images:{secrets.token_hex(4)}"

    def make(dockerfile: str, target: str = "source", on_line: Callable[[str], None] = print) -> str:
        with (tmp_path / "context").open("w+b") as context:
            write_context(context, dockerfile.encode(), {}, None)
            context.seek(0)
            store.build(BuildRequest(tag, DOCKERFILE, target), context, on_line)
        return tag

    yield make
    with contextlib.suppress(ImageNotFound):
        client.images.remove(tag)


def run(client: docker.DockerClient, image: str, *command: str, entrypoint: str | None = None) -> tuple[int, str]:
    """Exit code and output of a container that is as isolated as the kit's own."""
    container = client.containers.create(
        image,
        list(command),
        entrypoint=entrypoint,
        network_mode="none",
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges:true"],
        labels={RUN_LABEL: "test-images"},
    )
    try:
        container.start()
        code = int(container.wait(timeout=60)["StatusCode"])
        return code, str(container.logs().decode())
    finally:
        container.remove(force=True, v=True)


def test_a_base_says_how_it_was_made(store: DockerImages, loadgen: str) -> None:
    """Its labels hold hashes that do not depend on the mirror; what is built on it inherits them."""
    facts = store.facts(BASE)
    if facts is None:
        pytest.skip("the base came from a registry")
    assert facts.labels["org.kit.base"] == "debootstrap"
    assert facts.labels["org.kit.base.suite"] == "bookworm"
    for name in ("in_release_sha256", "packages_sha256"):
        assert len(facts.labels[f"org.kit.base.{name}"]) == 64
    child = store.facts(loadgen)
    assert child is not None
    assert child.labels["org.kit.base.packages_sha256"] == facts.labels["org.kit.base.packages_sha256"]


def test_the_load_generator_runs_isolated(client: docker.DockerClient, loadgen: str) -> None:
    """Not root, nothing writable, no network: it says how it is used, and leaves with the code for wrong use."""
    code, output = run(client, loadgen, "-m", "kit.loadgen")
    assert (code, output) == (2, "usage: python -m kit.loadgen LOAD.json OUT_DIR\n")
    _, who = run(client, loadgen, entrypoint="id")
    assert who.startswith("uid=10001 gid=10001")


def test_the_load_generator_has_this_kits_code_compiled(client: docker.DockerClient, loadgen: str) -> None:
    """Its version, its prompts and schemas; and nothing is compiled when it starts, for nothing can be written."""
    code = (
        "import kit, kit.loadgen.session as s, kit.assets as a;"
        "print(kit.__version__, s.__cached__.endswith('.pyc'), a.asset('prompts').is_dir());"
        "import pathlib; print(pathlib.Path(s.__cached__).is_file())"
    )
    assert run(client, loadgen, "-c", code) == (0, f"{__version__} True True\nTrue\n")


def test_a_module_in_the_volume_is_not_imported(client: docker.DockerClient, loadgen: str) -> None:
    """The working folder is a volume of data: its files are no modules."""
    assert run(client, loadgen, "-c", "import sys; print('' in sys.path, '/cell' in sys.path)") == (
        0,
        "False False\n",
    )


def test_an_image_is_built_once(store: DockerImages, loadgen: str) -> None:
    """The same recipe is not needed again, and building it anyway gives the same image out of the cache."""
    assert not needed(store, recipe("loadgen", "cpu", "source"))
    before = store.facts(loadgen)
    again = build(store, recipe("loadgen", "cpu", "source"), lambda _: None)
    assert before is not None
    assert again.image_id == before.image_id
    assert loadgen in [tag for facts in present(store) for tag in facts.tags]
    locked = next(image for image in lock(store).images if image.tag == loadgen)
    assert locked.image_id == again.image_id
    assert locked.inputs == again.inputs


def test_a_failing_step_shows_its_last_lines(build_tiny: Built) -> None:
    """What the step said, and the code it ended with."""
    lines: list[str] = []
    with pytest.raises(EngineError) as caught:
        build_tiny(f"FROM {BASE} AS source\nRUN echo what it said; exit 7\n", on_line=lines.append)
    assert "what it said" in caught.value.detail
    assert "7" in caught.value.what
    assert "what it said" in lines


def test_the_scratch_stage_costs_a_build_from_source_nothing(
    client: docker.DockerClient, build_tiny: Built
) -> None:
    """The trick of the two targets: `official` from scratch stands first, with everything it has in real files."""
    official = (
        "ARG OFFICIAL=scratch\n"
        "FROM ${OFFICIAL} AS official\n"
        "COPY --chown=10001:10001 extra-ca/README /cache/README\n"
        "ENV HOME=/tmp\n"
        "VOLUME /cache\n"
        "USER 10001:10001\n"
    )
    tag = build_tiny(official + f"FROM {BASE} AS source\nUSER 10001:10001\n")
    assert run(client, tag, "id", "-u") == (0, "10001\n")


@pytest.mark.parametrize("dockerfile", sorted({each.dockerfile for each in recipes()}))
def test_the_engine_understands_every_dockerfile(store: DockerImages, tmp_path: Path, dockerfile: str) -> None:
    """Also those that cannot be built here: the builder reads the whole file before it looks for the target."""
    with (tmp_path / "context").open("w+b") as context:
        write_context(context, asset("images", *dockerfile.split("/")).read_bytes(), {}, None)
        context.seek(0)
        request = BuildRequest("kit/test-images:parsed", DOCKERFILE, "no-such-stage")
        with pytest.raises(EngineError, match="failed to reach build target"):
            store.build(request, context, print)


@pytest.mark.parametrize(
    "name", [each.dockerfile for each in recipes() if each.target == "official" and each.name != "ollama/vulkan"]
)
def test_an_official_image_gets_the_kits_user_and_nothing_else_to_compile(
    client: docker.DockerClient, build_tiny: Built, name: str
) -> None:
    """With a base in the place of the runtime's own image, which no registry gives here."""
    dockerfile = asset("images", *name.split("/")).read_text(encoding="utf-8")
    lines: list[str] = []
    tag = build_tiny(dockerfile.replace("OFFICIAL=scratch", f"OFFICIAL={BASE}"), "official", lines.append)
    assert run(client, tag, "id", "-u") == (0, "10001\n")
    assert not [line for line in lines if " : RUN" in line]


def test_a_missing_base_offers_to_make_it(store: DockerImages, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no registry has it either: the remedy is a command."""
    monkeypatch.setattr(building, "base_tag", lambda _: "kit/base:nowhere")
    monkeypatch.setattr(building, "_can_be_had", lambda *_: False)
    with pytest.raises(EngineError, match="kit/base:nowhere") as caught:
        build(store, recipe("loadgen", "cpu", "source"), lambda _: None)
    assert "kit images base bookworm" in caught.value.remedy


def test_an_image_that_no_registry_gives_is_named(store: DockerImages) -> None:
    """With the engine's own words, and within seconds."""
    nowhere = ImageRecipe("ollama", "cpu", "official", "ollama/cpu.Dockerfile", "cuda13-devel")
    if store.facts("docker.io/nvidia/cuda:13.0.1-devel-ubuntu24.04") or building._can_be_had(
        store, "docker.io/nvidia/cuda:13.0.1-devel-ubuntu24.04"
    ):
        pytest.skip("a registry answers here")
    with pytest.raises(EngineError, match=r"cuda:13\.0\.1-devel-ubuntu24\.04 is not here"):
        build(store, nowhere, lambda _: None)
