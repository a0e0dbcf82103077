"""From the bytes of a compose file to a checked document; variables are not filled in yet."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kit.errors import InputError
from kit.runtimes.compose.grammar import (
    NETWORK,
    REFUSED_AT_TOP,
    SERVICE,
    VOLUME,
    Shape,
    keys,
    text,
)
from kit.runtimes.compose.interpolate import TemplateError, parse
from kit.runtimes.compose.oneyaml import doubtful
from kit.runtimes.compose.place import DOCS, Place
from kit.strict import Located, read_yaml
from kit.text import did_you_mean, plain_text

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class ComposeFile:
    """A compose file whose keys, shapes and variables are in order; `where` is its name in error messages."""

    where: str
    document: Located

    @property
    def services(self) -> tuple[str, ...]:
        """The names of its services in their order."""
        return tuple(self.part("services"))

    def part(self, key: str) -> dict[str, Place]:
        """The entries of one top-level mapping, empty where the file has none."""
        root = Place(self.document.value, (), self.where, self.document).fields()
        return root[key].fields() if key in root else {}

    def service(self, name: str) -> Place:
        """One service; `InputError` names those that there are."""
        services = self.part("services")
        if name not in services:
            what = f'{self.where} has no service "{plain_text(name, 60)}"{did_you_mean(name, services)}'
            raise InputError(what + "." * (not what.endswith("?")), f"It has: {', '.join(services)}.")
        return services[name]


def read_compose(data: bytes, where: str) -> ComposeFile:
    """The compose file in `data`; `where` names it in errors.

    `StrictError` (an `InputError`) for what is not strict YAML; `InputError` with file, line, key and remedy for
    every key that is not supported, every value of a wrong kind and every variable that is written wrongly.
    """
    document = read_yaml(data, where)
    root = Place(document.value, (), where, document)
    _FILE(root)
    if odd := doubtful(data.decode(), document.value):
        line, word = odd
        raise InputError(
            f'{where}, line {line}: "{plain_text(word, 60)}" means different things to different readers of YAML.',
            "Put it in quotes.",
        )
    file = ComposeFile(where, document)
    if not file.services:
        root.refuse("there are no services", "Write at least one under services.")
    for part in ("services", "volumes", "networks"):
        for place in file.part(part).values():
            _check_templates(place)
    return file


def _named(shape: Shape) -> Shape:
    """Entries of that shape under names of their own."""

    def check(place: Place) -> None:
        for name, entry in place.fields().items():
            if not _NAME.fullmatch(name):
                entry.refuse("a name of other characters than letters, digits, dot, dash and underscore", DOCS)
            shape(entry)

    return check


_FILE = keys(
    {"name": text, "services": _named(SERVICE), "volumes": _named(VOLUME), "networks": _named(NETWORK)},
    REFUSED_AT_TOP,
    extensions=True,
)


def _check_templates(place: Place) -> None:
    if isinstance(place.value, dict):
        for value in place.fields().values():
            _check_templates(value)
    elif isinstance(place.value, list):
        for item in place.items():
            _check_templates(item)
    elif isinstance(place.value, str):
        try:
            parse(place.value)
        except TemplateError as error:
            place.refuse(error.what, error.remedy)
