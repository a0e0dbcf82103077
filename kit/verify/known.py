"""What this kit itself knows: prompt sets, correctness suites, models. Bundles are held against these, by name."""

from __future__ import annotations

from functools import lru_cache

from kit.catalogue import ModelEntry, model, models
from kit.documents import Plan, TextPin, TracePin
from kit.errors import KitError
from kit.plan.correctness import SuiteLevel, load_suite
from kit.plan.workloads.corpus import planned_prompts
from kit.plan.workloads.kit_traces import pinned_of_kit


@lru_cache(maxsize=64)
def known_prompts(name: str) -> TextPin | None:
    """The prompt set of that name as a plan pins it, or None."""
    try:
        prompts = planned_prompts(name)
    except KitError:
        return None
    return TextPin(prompts.name, prompts.sha256, len(prompts.texts))


@lru_cache(maxsize=64)
def known_trace(name: str) -> TracePin | None:
    """The trace of that name as a plan pins it, or None."""
    try:
        return pinned_of_kit(name)
    except KitError:
        return None


@lru_cache(maxsize=64)
def known_suite(name: str, level: str) -> SuiteLevel | None:
    """That level of the correctness suite of that name, or None."""
    try:
        return load_suite(name, level)
    except KitError:
        return None


@lru_cache(maxsize=64)
def known_model(name: str) -> ModelEntry | None:
    """The model of that name in the catalogue, or None."""
    try:
        return model(name)
    except KitError:
        return None


def known_by_hash(sha256: str | None) -> ModelEntry | None:
    """The model of the catalogue that has this sha256, whatever it is called."""
    return next((entry for entry in models() if sha256 is not None and entry.sha256 == sha256), None)


def has_own_prompts(plan: Plan) -> bool:
    """Whether the plan's prompts are this kit's own, so that their number can be trusted too."""
    return plan.prompts == known_prompts(plan.prompts.name)
