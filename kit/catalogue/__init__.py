"""What the kit knows of the world outside: models with their hashes and where they come from."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from kit.errors import InputError
from kit.schema import check
from kit.strict import read_yaml
from kit.text import nearest
from kit.typed import typed


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model file can be had: https (`url`), a member of a package archive, or a local file (`path`)."""

    kind: Literal["https", "package", "file"]
    url: str | None = None
    package: str | None = None
    version: str | None = None
    member: str | None = None
    package_sha256: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model of the catalogue. `confirmed`: hash and size were seen by us, not only read somewhere."""

    name: str
    file: str
    title: str
    license: str
    sha256: str | None
    bytes: int | None
    confirmed: bool
    source: Source
    confirmed_by: str | None = None


@dataclass(frozen=True, slots=True)
class _Models:
    schema: Literal["kit/models/1"]
    models: tuple[ModelEntry, ...]


def models() -> tuple[ModelEntry, ...]:
    """Every model of the catalogue."""
    where = "kit/catalogue/models.yaml"
    document = read_yaml(files("kit.catalogue").joinpath("models.yaml").read_bytes(), where)
    check(document.value, "models", where, document.line)
    return typed(_Models, document.value, where).models


def model(name: str) -> ModelEntry:
    """One model by name; `InputError` naming the nearest if there is none."""
    known = {entry.name: entry for entry in models()}
    if name not in known:
        like = nearest(name, list(known))
        raise InputError(
            f"The catalogue has no model {name!r}.",
            f"Did you mean {like!r}?" if like else "`kit models list` names those it has.",
        )
    return known[name]
