"""Figures that others published, with their source and what to think of them (published.yaml)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from kit.errors import InputError
from kit.strict import read_yaml
from kit.strict.decode import typed
from kit.text import hint

# What a figure is; "unstated": its source does not say, so nothing can be compared with it.
Figure = Literal[
    "throughput_tok_s",
    "decode_tok_s",
    "decode_times_concurrency",
    "ttft_ms.p50",
    "probador_score",
    "pass_at_1",
    "unstated_tok_s",
]


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """One column of somebody's table: (concurrency, value) pairs, and our entries that measure the same thing.

    `comparable` is False where a run of ours says nothing about these figures; `caveat` says why, or what else to
    bear in mind. A concurrency of None was not stated. Values of "pass_at_1" are percent of HumanEval's 164 tasks.
    """

    label: str
    entries: tuple[str, ...]
    comparable: bool
    caveat: str
    values: tuple[tuple[int | None, float], ...]


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """Figures of one kind, from one place."""

    name: str
    title: str
    metric: Figure
    source: str
    rows: tuple[PublishedRow, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """Everything that one origin published about one machine, and by which method."""

    name: str
    title: str
    origin: str
    method: str
    tables: tuple[PublishedTable, ...]


@dataclass(frozen=True, slots=True)
class _File:
    schema: Literal["kit/published/1"]
    published: tuple[Published, ...]


@cache
def all_published() -> tuple[Published, ...]:
    """Everything in the catalogue, in its order."""
    where = "kit/catalogue/published.yaml"
    document = read_yaml(files("kit.catalogue").joinpath("published.yaml").read_bytes(), where)
    return typed(_File, document.value, where).published


def published(name: str) -> Published:
    """The figures called `name`; `InputError` naming the nearest if there are none."""
    known = {each.name: each for each in all_published()}
    if name not in known:
        remedy = hint(name, known, f"Known: {', '.join(known)}.")
        raise InputError(f"The catalogue has no published figures {name!r}.", remedy)
    return known[name]
