"""What images are made of: sources and wheels with their hashes (inputs.yaml), images of others (images.yaml)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Literal, TypeVar

from kit.errors import InputError
from kit.strict import read_yaml
from kit.strict.decode import typed
from kit.text import hint, plain_text

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BuildInput:
    """A thing that goes into a build, fetched on the host.

    `sdist`: the source archive `file` of `package`, with its hash; `crate` and `module` likewise, from the
    registries of Rust and Go. A module is believed by its `sum` too, as go.sum has it: proxies may pack it
    differently. `wheels`: every wheel of the requirements file `file` under images/, each with its hash there, for
    `python`. `data`: a wheel of `package` of which a file is wanted, and no image. `arguments` are facts about it
    that the Dockerfile takes as build arguments. `images` are those that are built from it ("llamacpp/cpu").
    """

    name: str
    kind: Literal["sdist", "crate", "module", "wheels", "data"]
    title: str
    license: str
    file: str
    package: str | None = None
    version: str | None = None
    sha256: str | None = None
    sum: str | None = None
    bytes: int | None = None
    python: str | None = None
    images: tuple[str, ...] = ()
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PinnedImage:
    """An image of others: `digest` is that of the index, `platforms` those of single platforms ("linux/amd64").

    `confirmed`: a machine of ours has resolved it; otherwise `read_in` independent repositories state it.
    """

    name: str
    repository: str
    tag: str
    digest: str | None
    confirmed: bool
    read_in: int
    platforms: Mapping[str, str] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """What to pull: repository:tag, with the digest where one is pinned."""
        return f"{self.repository}:{self.tag}" + (f"@{self.digest}" if self.digest else "")

    @property
    def tagged(self) -> str:
        """repository:tag, to ask a registry what the digest is now."""
        return f"{self.repository}:{self.tag}"


@dataclass(frozen=True, slots=True)
class ReadyMade:
    """A compiled `program`, packed as `file`, from the `input` of that hash; `sha256` is that of the program."""

    name: str
    program: str
    file: str
    machine: str
    input: str
    input_sha256: str
    sha256: str
    made_by: str


@dataclass(frozen=True, slots=True)
class _Inputs:
    schema: Literal["kit/inputs/1"]
    inputs: tuple[BuildInput, ...]


@dataclass(frozen=True, slots=True)
class _Images:
    schema: Literal["kit/images/1"]
    images: tuple[PinnedImage, ...]


@dataclass(frozen=True, slots=True)
class _Builds:
    schema: Literal["kit/builds/1"]
    builds: tuple[ReadyMade, ...]


@dataclass(frozen=True, slots=True)
class WheelPin:
    """One line of a requirements file: a package, its version, and the hashes of the wheels that may come."""

    name: str
    version: str
    sha256s: tuple[str, ...]


def _document(cls: type[T], file: str) -> T:
    # Checked by the exact types of the class; the schema beside it is for readers outside and is tested to agree.
    where = f"kit/catalogue/{file}"
    return typed(cls, read_yaml(files("kit.catalogue").joinpath(file).read_bytes(), where).value, where)


@cache
def build_inputs() -> Mapping[str, BuildInput]:
    """Every input of the catalogue by name."""
    return {entry.name: entry for entry in _document(_Inputs, "inputs.yaml").inputs}


@cache
def pinned_images() -> Mapping[str, PinnedImage]:
    """Every image of others by name: bases, and `RUNTIME/VARIANT` for those that a runtime publishes itself."""
    return {entry.name: entry for entry in _document(_Images, "images.yaml").images}


@cache
def ready_made() -> tuple[ReadyMade, ...]:
    """Every ready-made program of the catalogue."""
    return _document(_Builds, "builds.yaml").builds


def build_input(name: str) -> BuildInput:
    """One input by name; `InputError` naming the nearest if there is none."""
    return _named(build_inputs(), name, "input")


def pinned_image(name: str) -> PinnedImage:
    """One image of others by name; `InputError` naming the nearest if there is none."""
    return _named(pinned_images(), name, "image")


def _named(known: Mapping[str, T], name: str, kind: str) -> T:
    if name not in known:
        raise InputError(f"The catalogue has no {kind} {plain_text(name)!r}.", hint(name, known))
    return known[name]


_PIN = re.compile(r"([a-z0-9][a-z0-9._-]*)==([0-9A-Za-z][0-9A-Za-z.+_-]*)((?: --hash=sha256:[0-9a-f]{64})+)")


def wheel_pins(text: str, where: str) -> tuple[WheelPin, ...]:
    """The lines `name==version --hash=sha256:...` of a requirements file; `InputError` at any other line."""
    pins = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split(" #")[0].strip()
        if not words or words.startswith("#"):
            continue
        found = _PIN.fullmatch(words)
        if not found:
            raise InputError(
                f"{where}: line {number}: not a package with version and hash: {plain_text(line)}.",
                "Each line has the form name==version --hash=sha256:HEX, with as many hashes as wheels may come.",
            )
        pins.append(WheelPin(found[1], found[2], tuple(re.findall(r"sha256:([0-9a-f]{64})", found[3]))))
    return tuple(pins)
