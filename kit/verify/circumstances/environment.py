"""Rules about what surrounds a server in its container: variables beside the planned ones, Dockerfile, run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import sha256

from kit import __version__
from kit.assets import asset
from kit.errors import KitError
from kit.runtimes import OWN
from kit.runtimes.launch import image_variant
from kit.verify.evidence import Evidence
from kit.verify.expected import LABEL, planned_container
from kit.verify.rule import Issue, Steps, rule
from kit.verify.rules_containers import Contained, contained_cells

# Variables by which runtimes and what they are built on are set, beside their command line.
TELLING = re.compile(
    r"(?:LLAMA|GGML|VLLM|OLLAMA|APR|REALIZAR|RAYON|OMP|GOMP|KMP|MKL|OPENBLAS|BLIS|CUDA|CUBLAS|NCCL|HIP|ROCR|HSA|GPU|"
    r"VK|MESA|LP|TORCH|TORCHINDUCTOR|PYTORCH|TRITON|XLA|INDUCTOR|MALLOC|GLIBC|LD|PYTHON|GO)_?[A-Z0-9_]*"
)
# Of an official image its maker sets what libraries need, which is not known here; these are the runtimes' own.
TELLING_OFFICIAL = re.compile(r"(?:LLAMA|GGML|VLLM|OLLAMA|LD)_[A-Z0-9_]*|PYTHONPATH")
OFFICIAL = frozenset({"LLAMA_ARG_HOST", "VLLM_USAGE_SOURCE", "VLLM_ENABLE_CUDA_COMPATIBILITY", "OLLAMA_HOST"})
FROM_BASES = frozenset({"CUDA_VERSION"})
SYSTEM_PATHS = re.compile(r"(?:/usr(?:/local)?/(?:nvidia|cuda[0-9.-]*|lib)[A-Za-z0-9_./-]*:?)+")
# Versions whose Dockerfiles are those of this one; of others they are not known here.
SAME_DOCKERFILES = frozenset({"0.1.0", __version__})
MAX_NAMES = 5


@rule(
    "container.environment",
    "flag",
    "containers",
    "No variable changes the runtime beside those that plan and Dockerfile set",
)
def container_environment(evidence: Evidence) -> Steps:
    told: set[tuple[str, tuple[str, ...]]] = set()
    for each in contained_cells(evidence):
        spec = planned_container(each.found.plan, each.entry)
        if spec is None:
            continue  # refused by container.command, or not known here
        yield 1
        names = tuple(sorted(_unplanned(each, spec.environment)))
        if names and (key := (each.entry.name, names)) not in told:
            told.add(key)
            more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
            words = f"environment has what neither plan nor Dockerfile sets: {', '.join(names[:MAX_NAMES])}{more}"
            yield Issue(each.where, words)


def _unplanned(each: Contained, planned: Mapping[str, str]) -> Iterator[str]:
    official = each.container.labels.get(f"{LABEL}target") == "official"
    telling, known = (TELLING_OFFICIAL, OFFICIAL) if official else (TELLING, FROM_BASES)
    own = image_environment(each.entry.runtime, image_variant(each.entry))
    for name, value in each.container.environment.items():
        expected = name in planned or name in known or value in own.get(name, ())
        of_the_system = name == "LD_LIBRARY_PATH" and SYSTEM_PATHS.fullmatch(value)
        if telling.fullmatch(name) and not expected and not of_the_system:
            yield name


@lru_cache(maxsize=64)
def image_environment(runtime: str, variant: str) -> Mapping[str, frozenset[str]]:
    """The values that the kit's Dockerfile of an image gives to variables, in any of its stages."""
    text = dockerfile(runtime, variant).decode("utf-8", "replace").replace("\\\n", " ")
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        if line.startswith("ENV "):
            for word in line.split()[1:]:
                name, _, value = word.partition("=")
                found.setdefault(name, set()).add(value)
    return {name: frozenset(values) for name, values in found.items()}


@lru_cache(maxsize=64)
def dockerfile(runtime: str, variant: str) -> bytes:
    """The kit's own Dockerfile of an image; nothing if it has none."""
    try:
        return asset("images", runtime, f"{variant}.Dockerfile").read_bytes()
    except (OSError, KitError):
        return b""


@rule("container.dockerfile", "flag", "containers", "The image's label names the kit's own Dockerfile of it")
def container_dockerfile(evidence: Evidence) -> Steps:
    told: set[str] = set()
    for each, label in _by_version(evidence, known=True):
        yield 1
        wanted = sha256(dockerfile(each.entry.runtime, image_variant(each.entry))).hexdigest()
        if label != wanted and each.entry.name not in told:
            told.add(each.entry.name)
            yield Issue(each.where, f"label {LABEL}dockerfile is not the sha256 of the kit's Dockerfile")


@rule("container.version", "note", "containers", "Images were built by a kit whose Dockerfiles are known here")
def container_version(evidence: Evidence) -> Steps:
    told: set[str] = set()
    for each, _ in _by_version(evidence, known=False):
        yield 1
        version = each.container.labels[f"{LABEL}kit_version"]
        if each.entry.name not in told:
            told.add(each.entry.name)
            words = f"image was built by kit {version[:40]!a}, whose Dockerfile is not known to this one"
            yield Issue(each.where, words)


def _by_version(evidence: Evidence, *, known: bool) -> Iterator[tuple[Contained, str]]:
    """Containers with what their image says of its Dockerfile; one that names no version is of a known one."""
    for each in contained_cells(evidence):
        if each.entry.runtime not in OWN:
            continue  # its Dockerfile is not the kit's: runtime.outside says so
        version = each.container.labels.get(f"{LABEL}kit_version", __version__)
        if (version in SAME_DOCKERFILES) == known:
            yield each, each.container.labels.get(f"{LABEL}dockerfile", "")


@rule("container.run", "flag", "containers", "All containers bear the label of one run")
def container_run(evidence: Evidence) -> Steps:
    runs: dict[str, Contained] = {}
    for each in contained_cells(evidence):
        yield 1
        name = each.container.labels.get(f"{LABEL}run", "")
        if name not in runs:
            runs[name] = each
            if len(runs) > 1 or not name:
                words = "is of another run than the first container" if name else "names no run"
                yield Issue(each.where, f"label {LABEL}run {words}")


RULES = (container_environment, container_dockerfile, container_version, container_run)
