"""Which images there are: one recipe for each runtime, variant and target. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kit.errors import InputError
from kit.text import nearest, plain_text

Target = Literal["official", "source"]

REPOSITORY = "kit"
# The name of the input that is this kit's own code, and not in the catalogue.
OWN_CODE = "kit"
SUITES = ("bookworm", "trixie", "forky")
APR = "/usr/local/bin/apr"
TARGET_WORDS = {"official": "official image", "source": "from source"}


@dataclass(frozen=True, slots=True)
class ImageRecipe:
    """How one image is made.

    `dockerfile` is relative to images/. `base` is what the target stage starts from: a Debian suite, or the name
    of an image in the catalogue; `builder` likewise for a stage before it. `inputs` are names of the catalogue.
    `index` says that a build step needs a package index, so it gets the extra certificates and proxies' help.
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
