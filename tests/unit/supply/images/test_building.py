"""Images through the door with an engine that is a script: builds, bases, locks, and what is fetched before."""

from __future__ import annotations

import io
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import requests

import kit.supply.images.fetching as fetching
from kit.catalogue.inputs import pinned_image
from kit.engines.protocol import BuildRequest
from kit.errors import InputError
from kit.supply.images import (
    base_missing,
    bases,
    build,
    choose_target,
    lock,
    make_bases,
    needed,
    present,
    recipe,
)
from kit.supply.images.locking import verdict
from tests.support.scripted_engine import ScriptedImages, cache_of_its_own, error_of, silent

own_cache = cache_of_its_own
pytestmark = pytest.mark.usefixtures("own_cache")

LOADGEN = recipe("loadgen", "cpu", "source")
LLAMACPP = recipe("llamacpp", "cpu", "source")


@pytest.fixture
def store() -> ScriptedImages:
    """An engine with nothing on it and no registry."""
    return ScriptedImages()


@pytest.fixture
def no_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds whose inputs are here already."""
    fetched = fetching.Fetched({}, {"some.whl": "ab" * 32})
    monkeypatch.setattr("kit.supply.images.building.fetch_inputs", lambda *_: fetched)


# --- builds ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_inputs")
def test_a_build_says_what_went_in(store: ScriptedImages) -> None:
    """Tag, id, inputs and base are returned; labels keep them with the image."""
    store.api.have("kit/base:bookworm")
    built = build(store, LOADGEN, silent)
    assert built.tag == "kit/loadgen:cpu-source"
    assert built.inputs == {"some.whl": "ab" * 32}
    assert built.base_id == store.api.images_here["kit/base:bookworm"]["Id"]
    asked = store.api.builds[0]
    assert asked["target"] == "source"
    assert asked["buildargs"] == {"BASE": "kit/base:bookworm"}
    assert json.loads(asked["labels"]["org.kit.inputs"]) == built.inputs
    assert asked["labels"]["org.kit.dockerfile"] == sha256(store.api.context["Dockerfile"]).hexdigest()
    assert {f"org.kit.{name}" for name in ("runtime", "variant", "target", "kit_version")} <= asked[
        "labels"
    ].keys()


@pytest.mark.usefixtures("no_inputs")
def test_facts_of_an_input_become_build_arguments(store: ScriptedImages) -> None:
    """llama.cpp's number and commit, which its archive does not know."""
    store.api.have("kit/base:trixie")
    build(store, LLAMACPP, silent, no_cache=True)
    asked = store.api.builds[0]
    assert asked["buildargs"]["LLAMA_BUILD_COMMIT"] == "0c1e57098"
    assert asked["nocache"] is True


@pytest.mark.usefixtures("no_inputs")
def test_lines_come_whole_and_a_failure_shows_the_last_of_them(store: ScriptedImages) -> None:
    """The engine cuts its output anywhere; of a long build the last fifteen lines are kept, made harmless."""
    store.api.have("kit/base:bookworm")
    store.api.events = [{"stream": f"line {number}\nand "} for number in range(40)]
    store.api.events += [{"stream": "\x1b[31mred\n"}, {"error": "The command returned a non-zero code: 1"}]
    lines: list[str] = []
    error = error_of(lambda: build(store, LOADGEN, lines.append))
    assert "and line 7" in lines
    assert len(error.detail) == 15
    assert error.detail[-1] == "and \ufffd[31mred"
    assert "non-zero code: 1" in error.what


@pytest.mark.usefixtures("no_inputs")
def test_of_a_line_that_never_ends_only_the_start_is_kept(store: ScriptedImages) -> None:
    """Whatever a build prints."""
    store.api.have("kit/base:bookworm")
    store.api.events = [{"stream": "x" * 100_000} for _ in range(40)] + [{"stream": "\nend\n"}]
    lines: list[str] = []
    build(store, LOADGEN, lines.append)
    assert lines[-1] == "end"
    assert len(lines[-2]) == 1 << 20


@pytest.mark.usefixtures("no_inputs")
def test_a_missing_base_without_a_registry_offers_to_make_it(store: ScriptedImages) -> None:
    """The remedy is a command."""
    error = error_of(lambda: build(store, LLAMACPP, silent))
    assert "kit/base:trixie" in error.what
    assert "kit images base trixie" in error.remedy


@pytest.mark.usefixtures("no_inputs")
def test_a_missing_base_comes_from_a_registry_that_answers(store: ScriptedImages) -> None:
    """By its digest where one is pinned."""
    reference = pinned_image("debian-trixie").reference
    store.api.registry[reference] = "sha256:" + "d" * 64
    build(store, LLAMACPP, silent)
    assert store.api.builds[0]["buildargs"]["BASE"] == reference
    assert "@sha256:" in reference


@pytest.mark.usefixtures("no_inputs")
def test_an_image_that_cannot_be_had_is_named(store: ScriptedImages) -> None:
    """With what the engine said of its registry, made harmless."""
    error = error_of(lambda: build(store, recipe("ollama", "cpu", "official"), silent))
    assert "ollama/ollama:0.18.3@sha256:" in error.what
    assert "no such host" in error.what
    assert "\x1b" not in str(error)


@pytest.mark.usefixtures("no_inputs")
def test_the_official_target_names_the_image_by_digest(store: ScriptedImages) -> None:
    """And nothing else is asked for."""
    image = pinned_image("llamacpp/cuda")
    store.api.registry[image.reference] = str(image.digest)
    build(store, recipe("llamacpp", "cuda", "official"), silent)
    assert store.api.builds[0]["buildargs"] == {"OFFICIAL": image.reference}
    assert store.api.builds[0]["target"] == "official"


@pytest.mark.usefixtures("no_inputs")
def test_an_image_without_a_pinned_digest_is_taken_by_the_one_it_has_now(store: ScriptedImages) -> None:
    """A tag that moves: what it meant stands in the labels, and in the lock."""
    image = pinned_image("vllm/cpu")
    assert image.digest is None
    here, there = "sha256:" + "e" * 64, "sha256:" + "d" * 64
    store.api.registry[image.reference] = there
    build(store, recipe("vllm", "cpu", "official"), silent)
    store.api.have(image.reference)
    store.api.images_here[image.reference]["RepoDigests"] = [f"{image.repository}@{here}"]
    build(store, recipe("vllm", "cpu", "official"), silent)
    for asked, digest in zip(store.api.builds, (there, here), strict=True):
        assert asked["buildargs"] == {"OFFICIAL": f"{image.reference}@{digest}"}
        assert asked["labels"]["org.kit.official"] == f"{image.reference}@{digest}"
    (locked,) = lock(store).images
    assert locked.made_from == {"OFFICIAL": f"{image.reference}@{here}"}


@pytest.mark.usefixtures("no_inputs")
def test_a_base_of_the_engine_without_a_digest_is_taken_by_its_name(store: ScriptedImages) -> None:
    """It was made or loaded here, and has none; a base from a registry has one, pinned or not."""
    store.api.have("kit/base:bookworm")
    build(store, LOADGEN, silent)
    assert store.api.builds[0]["labels"]["org.kit.from"] == '{"BASE":"kit/base:bookworm"}'
    store.api.images_here.clear()
    reference, digest = pinned_image("debian-bookworm").reference, "sha256:" + "c" * 64
    store.api.registry[reference] = digest
    build(store, LOADGEN, silent)
    assert store.api.builds[1]["buildargs"] == {"BASE": f"{reference}@{digest}"}
    store.api.have(reference)
    build(store, LOADGEN, silent)
    assert store.api.builds[2]["buildargs"] == {"BASE": reference}


def test_an_engine_that_goes_away_in_a_build_is_an_engine_error(
    store: ScriptedImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a traceback."""

    def gone(**_: Any) -> object:
        raise requests.ConnectionError("reset by peer")

    monkeypatch.setattr(store.api, "build", gone)
    request = BuildRequest("kit/x:y", "Dockerfile", "source")
    assert "went away" in error_of(lambda: store.build(request, io.BytesIO(), silent)).what


@pytest.mark.usefixtures("no_inputs")
def test_an_image_is_needed_until_its_recipe_has_built_it(store: ScriptedImages) -> None:
    """Missing, made by another recipe, made by this one."""
    assert needed(store, LOADGEN)
    store.api.have("kit/base:bookworm")
    build(store, LOADGEN, silent)
    assert not needed(store, LOADGEN)
    store.api.have(LOADGEN.tag, **{"org.kit.recipe": "another"})
    assert needed(store, LOADGEN)


def test_the_target_is_the_wish_or_what_the_registry_allows(store: ScriptedImages) -> None:
    """Without a registry images are built from source; with one the runtime's own is taken."""
    assert choose_target(store, LLAMACPP.name, None) == "source"
    assert choose_target(store, "ollama/cuda", None) == "official"
    assert choose_target(store, LLAMACPP.name, False) == "official"
    image = pinned_image("llamacpp/cpu")
    store.api.registry[image.reference] = str(image.digest)
    assert choose_target(store, LLAMACPP.name, None) == "official"
    assert choose_target(store, LLAMACPP.name, True) == "source"
    assert store.api.timeout == 120
    with pytest.raises(InputError, match="ollama/cuda has no source recipe"):
        choose_target(store, "ollama/cuda", True)


# --- what is there --------------------------------------------------------------------------------------


def test_present_lists_the_images_of_the_kit(store: ScriptedImages) -> None:
    """By tag; other images of the engine, and bases, are none of its business."""
    store.api.have("kit/vllm:cpu-source", **{"org.kit.runtime": "vllm"})
    store.api.have("kit/llamacpp:cpu-source", **{"org.kit.runtime": "llamacpp"})
    store.api.have("postgres:16")
    assert [facts.tags for facts in present(store)] == [("kit/llamacpp:cpu-source",), ("kit/vllm:cpu-source",)]
    assert store.facts("nothing:here") is None


def test_a_lock_says_what_is_there_and_whether_registries_agree(store: ScriptedImages) -> None:
    """A registry that does not answer leaves a pin unconfirmed, and damaged labels are no inputs."""
    base = {"org.kit.base": "debootstrap", "org.kit.base.packages_sha256": "ab" * 32}
    store.api.have("kit/base:trixie", **base)
    store.api.have("kit/llamacpp:cpu-source", **{"org.kit.runtime": "llamacpp", "org.kit.inputs": "{"})
    store.api.have("somebody/else:1", **base)
    moving = pinned_image("debian-forky")
    store.api.have(moving.tagged)
    store.api.images_here[moving.tagged]["RepoDigests"] = [f"{moving.repository}@sha256:{'f' * 64}"]
    pinned, other = pinned_image("llamacpp/cuda"), pinned_image("vllm/cuda")
    store.api.registry = {pinned.tagged: str(pinned.digest), other.tagged: "sha256:" + "0" * 64}
    found = lock(store)
    assert [(image.tag, image.inputs) for image in found.bases] == [("kit/base:trixie", {"packages": "ab" * 32})]
    assert [(image.tag, image.inputs) for image in found.images] == [("kit/llamacpp:cpu-source", {})]
    verdicts = {pin.name: pin.verdict for pin in found.pins}
    assert verdicts["llamacpp/cuda"] == "agrees"
    assert verdicts["vllm/cuda"] == "differs"
    assert verdicts["llamacpp/cpu"] == "unconfirmed"
    assert verdicts["debian-forky"] == "unpinned"
    (forky,) = (pin for pin in found.pins if pin.name == "debian-forky")
    assert (forky.pinned, forky.resolved, forky.local_digests) == (None, None, ("sha256:" + "f" * 64,))
    assert store.registry_digest("x").problem.startswith("dial tcp")


@pytest.mark.parametrize(
    ("pinned", "resolved", "local", "expected"),
    [
        (None, "sha256:a", (), "unpinned"),
        ("sha256:a", "sha256:a", (), "agrees"),
        ("sha256:a", "sha256:b", (), "differs"),
        ("sha256:a", None, (), "unconfirmed"),
        ("sha256:a", "sha256:b", ("sha256:a",), "agrees"),
        ("sha256:a", None, ("sha256:b",), "differs"),
    ],
)
def test_an_image_pulled_by_digest_is_proof(
    pinned: str | None, resolved: str | None, local: tuple[str, ...], expected: str
) -> None:
    """Whatever its tag means by now."""
    assert verdict(pinned, resolved, local) == expected


# --- bases ----------------------------------------------------------------------------------------------


def test_a_base_that_is_here_is_kept(store: ScriptedImages) -> None:
    """Making it anew would throw away every cached build."""
    store.api.have("kit/base:bookworm")
    lines: list[str] = []
    assert make_bases(store, ("bookworm",), lines.append) == []
    assert lines == ["kit/base:bookworm is here already"]


def test_an_unknown_suite_is_refused(store: ScriptedImages) -> None:
    """Before anything is made."""
    with pytest.raises(InputError) as caught:
        make_bases(store, ("bookworm", "trixi"), silent)
    assert "trixie" in caught.value.remedy


@pytest.mark.parametrize(
    ("program", "user", "words"), [(None, 0, "not installed"), ("/usr/sbin/debootstrap", 1000, "as root")]
)
def test_where_debootstrap_cannot_run_the_remedy_says_so(
    store: ScriptedImages, monkeypatch: pytest.MonkeyPatch, program: str | None, user: int, words: str
) -> None:
    """Missing, or not root; and how to do without it where a registry answers."""
    monkeypatch.setattr("shutil.which", lambda _: program)
    monkeypatch.setattr("os.geteuid", lambda: user)
    error = error_of(lambda: make_bases(store, ("trixie",), silent))
    assert words in error.what
    assert "docker pull debian:trixie-slim" in error.remedy


def test_a_failing_debootstrap_shows_its_last_lines(
    store: ScriptedImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the mirror of the environment is its last word."""
    program = tmp_path / "debootstrap"
    program.write_text('#!/bin/sh\necho "E: no mirror $4"\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("KIT_DEBIAN_MIRROR", "http://mirror.example/debian")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    error = error_of(lambda: make_bases(store, ("trixie",), silent))
    assert error.detail == ("E: no mirror http://mirror.example/debian",)


def test_the_list_of_packages_is_that_of_installed_ones() -> None:
    """Sorted, whatever the order of the file; what was removed is not there."""
    status = (
        "Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.2\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n\n"
        "Package: apt\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.6\nDescription: a\n b\n"
    )
    assert bases.package_list(status) == "apt 2.6 amd64\nzlib1g 1:1.2 amd64\n"


def test_a_base_is_missing_only_where_neither_engine_nor_registry_has_it(store: ScriptedImages) -> None:
    """Making one takes minutes, and a registry's own is the better one."""
    assert base_missing(store, LLAMACPP)
    store.api.registry[pinned_image(f"debian-{LLAMACPP.base}").reference] = "sha256:" + "ab" * 32
    assert not base_missing(store, LLAMACPP)
    store.api.registry.clear()
    store.api.have(bases.base_tag(LLAMACPP.base))
    assert not base_missing(store, LLAMACPP)
