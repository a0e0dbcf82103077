"""What the kit knows of the world outside: models with their hashes and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Literal

from kit.documents.pins import ChatFamily
from kit.errors import InputError
from kit.strict import read_yaml
from kit.strict.decode import typed
from kit.strict.schema import check
from kit.text import hint


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model can be had: https (`url`), a member of a package archive, or a local file (`path`).

    A folder: `files` below the address `url`. A file or folder that is made on this machine: of the model
    `made_from`, in the way `made_by`.
    """

    kind: Literal["https", "package", "file", "folder", "derived"]
    url: str | None = None
    package: str | None = None
    version: str | None = None
    member: str | None = None
    package_sha256: str | None = None
    path: str | None = None
    files: tuple[str, ...] = ()
    made_from: str | None = None
    made_by: str | None = None


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model of the catalogue. `confirmed`: hash and size were seen by us, not only read somewhere.

    `file` is a file, or the name of a folder if `is_folder`; the sha256 of a folder is `folder_sha256`, its bytes
    are those of all its files. `layers`: how many the network has, from its published configuration.
    `chat_template` is the family of its own template (kit.runtimes.chat_templates), `default_system` the system
    message which that puts in where a chat has none.

    A model that is not of the `catalogue` has the same fields, made by kit.supply.own_model: `origin` as in a
    plan's pin, `path` where it lies if that is not in the cache.
    """

    name: str
    file: str
    title: str
    license: str
    sha256: str | None
    bytes: int | None
    confirmed: bool
    source: Source
    confirmed_by: str | None = None
    layers: int | None = None
    chat_template: ChatFamily | None = None
    default_system: str | None = None
    catalogue: bool = True
    origin: str | None = None
    path: str | None = None

    @property
    def is_folder(self) -> bool:
        """Whether the model is a folder of files instead of one file."""
        return self.source.kind == "folder" or (self.source.kind == "derived" and not self.file.endswith(".gguf"))


@dataclass(frozen=True, slots=True)
class _Models:
    schema: Literal["kit/models/1", "kit/folders/1"]
    models: tuple[ModelEntry, ...]


@cache
def models() -> tuple[ModelEntry, ...]:
    """Every model of the catalogue: first the files, then the folders."""
    return _read("models") + _read("folders")


def _read(name: str) -> tuple[ModelEntry, ...]:
    where = f"kit/catalogue/{name}.yaml"
    document = read_yaml(files("kit.catalogue").joinpath(f"{name}.yaml").read_bytes(), where)
    check(document.value, name, where, document.line)
    return typed(_Models, document.value, where).models


def folder_sha256(hashes: Mapping[str, str]) -> str:
    """The sha256 of a folder, from those of its files by their path inside it ("config.json", "a/b.json").

    It is the sha256 of what `sha256sum` prints for them in the order of their paths, byte by byte: for each file
    its hash, two spaces, its path, a line feed.
    """
    ordered = sorted(hashes.items(), key=lambda item: item[0].encode())
    return sha256("".join(f"{digest}  {path}\n" for path, digest in ordered).encode()).hexdigest()


def find_layers(name: str) -> int | None:
    """How many layers a model has, if the catalogue knows: of the model itself, or of what it is made of."""
    known = {entry.name: entry for entry in models()}
    entry = known.get(name)
    if entry and entry.layers is None and entry.source.made_from:
        entry = known.get(entry.source.made_from)
    return entry.layers if entry else None


def find_chat(entry: ModelEntry) -> tuple[str | None, str | None]:
    """Chat template and default system message of a model: its own, or of what it is made of."""
    if entry.chat_template is None and entry.source.made_from is not None:
        return find_chat(model(entry.source.made_from))
    return entry.chat_template, entry.default_system


def model(name: str) -> ModelEntry:
    """One model by name; `InputError` naming the nearest if there is none."""
    known = {entry.name: entry for entry in models()}
    if name not in known:
        remedy = hint(name, known, "`kit models list` names those it has.")
        raise InputError(f"The catalogue has no model {name!r}.", remedy)
    return known[name]


@dataclass(frozen=True, slots=True)
class Models:
    """The models that a run can name: its `own`, and all of the catalogue."""

    own: Mapping[str, ModelEntry] = field(default_factory=dict)

    def named(self, name: str) -> ModelEntry:
        """One by name; `InputError` naming the nearest if there is none."""
        return self.own[name] if name in self.own else model(name)


CATALOGUE = Models()
