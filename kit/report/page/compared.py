"""What was compared: runtime, version, image, weights and settings of every entry, what differs first. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kit.documents import Entry
from kit.documents.vocabulary import Setting
from kit.report.page.inputs import PageInput
from kit.text import NO_DATA, plain_text

MAX_VALUE = 120
SHORT_HASH = 12


@dataclass(frozen=True, slots=True)
class Compared:
    """`differing` holds a row for each thing that is not the same for all `entries`, `same` all that is."""

    entries: tuple[str, ...]
    differing: tuple[tuple[str, ...], ...]
    same: tuple[tuple[str, str], ...]


def compared(given: PageInput) -> Compared | None:
    """Of the entries of a run; None for what has no plan."""
    plan = given.plan
    if plan is None or not plan.entries:
        return None
    of_each = [dict(_said(entry, given)) for entry in plan.entries]
    names = list(dict.fromkeys(name for said in of_each for name in said))
    rows = [(name, tuple(said.get(name, NO_DATA) for said in of_each)) for name in names]
    differing = tuple((name, *values) for name, values in rows if len(set(values)) > 1)
    same = tuple((name, values[0]) for name, values in rows if len(set(values)) == 1)
    return Compared(tuple(plain_text(entry.name, 60) for entry in plan.entries), differing, same)


def _said(entry: Entry, given: PageInput) -> Iterator[tuple[str, str]]:
    """(name, value) of everything that decides what an entry is; plain text."""
    server, running = given.servers.get(entry.name), given.running.get(entry.name)
    subject = next((each for each in given.study.subjects if each.entry == entry.name), None)
    yield "runtime", f"{entry.runtime} / {entry.variant}"
    if running is not None:
        words = (running.software, running.version)
        yield "version", plain_text(" ".join(word for word in words if word) or NO_DATA, MAX_VALUE)
    elif server is not None and server.version:
        yield "version", plain_text(server.version, MAX_VALUE)
    if server is not None and server.container is not None:
        image = server.container.image_id.removeprefix("sha256:")
        yield "image", plain_text(f"{_reference(entry, given)} {image[:SHORT_HASH]}".strip(), MAX_VALUE)
    if subject is not None and subject.model:
        digest = f" (sha256 {subject.model_sha256[:SHORT_HASH]})" if subject.model_sha256 else ""
        yield "weights", plain_text(subject.model, MAX_VALUE) + plain_text(digest, 40)
    if server is not None and server.device:
        yield "computes on", plain_text(server.device, MAX_VALUE)
    if entry.url is not None:
        yield "address", plain_text(entry.url, MAX_VALUE)
    settings: Mapping[str, Setting] = entry.settings or (running.settings if running else None) or {}
    for name, value in sorted(settings.items()):
        yield plain_text(name, 60), plain_text(_shown(value), MAX_VALUE)
    if entry.flags:
        yield "more flags", plain_text(" ".join(entry.flags), MAX_VALUE)
    if entry.gpus:
        yield "GPUs used", ", ".join(map(str, entry.gpus))
    if entry.max_concurrency is not None:
        yield "measured up to", f"{entry.max_concurrency} users"


def _reference(entry: Entry, given: PageInput) -> str:
    images = given.plan.images if given.plan is not None else ()
    return next((pin.reference for pin in images if pin.entry == entry.name), "")


def _shown(value: Setting) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
