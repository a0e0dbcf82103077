"""kit.verify on what logs say, and on the recipe that an image names: each row on one side of a rule."""

from __future__ import annotations

from typing import Any

import pytest

from kit.documents import LogFacts
from kit.supply.images import recipe_sha256, recipes
from kit.verify.circumstances.recipes import SOURCE, known_recipe
from tests.support.forge import changed, document, in_server
from tests.support.good_containers import (
    LLAMACPP,
    VLLM,
    containers_changed,
    in_labels,
    in_server_of,
)
from tests.support.sealed import bundle_verdict

GPU = "NVIDIA GeForce RTX 4060 Laptop GPU"


def told(data: bytes, rule: str = "evidence.log") -> list[str]:
    return [finding.message for finding in bundle_verdict(data).findings if finding.rule == rule]


@pytest.mark.parametrize(
    ("version", "said", "words"),
    [
        ("b1-abc", "b1-abc", None),
        ("0.32.0", "0.32.0+cpu", None),
        ("v0.32.0", "0.32.0", None),
        ("b2-abc", "b1-abc", 'has the version "b2-abc", the server said "b1-abc"'),
        ("0.32.0", "0.32.1+cpu", 'the server said "0.32.1+cpu"'),
        ("0.32.0", None, None),
    ],
)
def test_the_log_names_the_build_that_the_server_named(version: str, said: str | None, words: str | None) -> None:
    """Without what a builder adds to a version."""
    found = told(changed(in_server(version=said, log=LogFacts((version,)))))
    assert (words is None) == (found == [])
    assert words is None or words in found[0]


def test_a_cell_without_words_of_a_log_is_in_order() -> None:
    """Bundles from before have none."""
    assert told(changed(in_server(log=None))) == told(changed(in_server(log=LogFacts()))) == []


@pytest.mark.parametrize(
    ("device", "said", "gpus", "words"),
    [
        ("cpu", "cpu", [], None),
        (GPU, GPU, [GPU], None),
        (GPU, f"{GPU} (compute 8.9)", [GPU.replace("NVIDIA ", "")], None),
        ("cuda", GPU, [GPU], None),
        ("llvmpipe (LLVM 19.1.7, 256 bits)", "llvmpipe (LLVM 19.1.7, 256 bits)", [GPU], None),
        (GPU, "cpu", [GPU], 'the cell on "cpu"'),
        ("cpu", GPU, [GPU], 'computes on "cpu"'),
        ("NVIDIA H200", GPU, [GPU], 'computes on "NVIDIA H200"'),
        (GPU, GPU, ["NVIDIA H200"], "none of the machine's GPUs"),
        (GPU, GPU, [], None),
    ],
)
def test_the_log_names_the_device_of_the_cell_and_the_machine(
    device: str, said: str, gpus: list[str], words: str | None
) -> None:
    """Drivers add to names, so one may be within the other; a kind of device is every device of it."""

    def with_gpus(host: Any) -> None:
        host.update({"gpus": [{"name": name} for name in gpus]} if gpus else {})

    server = in_server_of(VLLM, device=said, log={"devices": [device]})
    found = told(containers_changed(server, document("host.json", with_gpus)))
    assert (words is None) == (found == []), found
    assert words is None or words in found[0]


@pytest.mark.parametrize(
    ("runtime_build", "kit_version", "words"),
    [
        ("b0-0c1e57098", None, None),
        ("b0-ffffffff", None, "the plan's image is of b0-0c1e57098"),
        ("b0-ffffffff", "0.1.0", None),
    ],
)
def test_the_log_names_the_build_of_the_sources(
    runtime_build: str, kit_version: str | None, words: str | None
) -> None:
    """Which those were that another kit had is not known here."""
    labels = in_labels(LLAMACPP, kit_version=kit_version) if kit_version else in_labels(LLAMACPP)
    server = in_server_of(LLAMACPP, version=runtime_build, log={"versions": [runtime_build]})
    found = told(containers_changed(labels, server))
    assert (words is None) == (found == []), found
    assert words is None or words in found[0]


def test_the_table_of_recipes_is_that_of_the_makers() -> None:
    """Every server of the kit, from source and official, has the hash here that its image is labelled with."""
    servers = [each for each in recipes() if each.runtime not in ("loadgen", "gguf")]
    assert {each.name for each in servers if each.target == "source"} == set(SOURCE)
    for each in servers:
        assert known_recipe(each.runtime, each.variant, each.target, None) == recipe_sha256(each), each.tag


def test_a_recipe_of_another_kit_is_not_judged() -> None:
    """container.version says that it is not known."""
    changes = (in_labels(VLLM, recipe="0" * 64, kit_version="0.1.0"),)
    assert told(containers_changed(*changes), "container.recipe") == []
    assert told(containers_changed(in_labels(VLLM, recipe="0" * 64)), "container.recipe") != []


def test_an_unknown_recipe_is_none() -> None:
    """A runtime from outside, or a target that does not exist."""
    assert known_recipe("sglang", "cpu", "source", None) is None
    assert known_recipe("llamacpp", "cpu", "odd", None) is None
    assert known_recipe("sglang", "cpu", "official", "llamacpp/cpu") is None
