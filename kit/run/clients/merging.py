"""The shares of one load that several clients carried out, put together: one folder, a run where one can be."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from hashlib import file_digest
from heapq import merge
from io import BufferedReader
from pathlib import Path

from kit.documents import Cell, Host, Load, LoadFacts, Window
from kit.errors import InputError
from kit.metrics.clients import client_facts, last_to_end, whole_facts, whole_load
from kit.metrics.disturbance import EMPTY_WINDOW
from kit.metrics.failures import failures
from kit.plan.by_hand import plan_by_hand
from kit.run.by_hand import end_by_hand
from kit.run.load import make_folder, outcome, refuse_used
from kit.storage.cell_folder import MAX_RECORD_LINE_BYTES, metrics_of, read_records, write_cell
from kit.storage.names import CELL, HOST, PLAN, PROMPTS_SOURCE, RECORDS, TEXTS, TRACE
from kit.storage.run_folder import MAX_FILE_BYTES, read_document, write_document
from kit.strict import StrictError, read_jsonl
from kit.text import listed, plain_text
from kit.verify.difference import differences

GIVE = "Give the folders that all clients of one load left: kit load --shard 1/N, 2/N, ..."
_MOST_BYTES = 4 << 20  # of cell.json and host.json


@dataclass(frozen=True, slots=True)
class Share:
    """What one client left: a folder, and what of it was read."""

    folder: Path
    cell: Cell
    load: Load
    facts: LoadFacts
    window: Window
    host: Host


def merge_loads(folders: Sequence[Path], out: Path) -> Cell:
    """Put the shares in these folders together in a new one; returns the cell of the whole load.

    `InputError` names the folder that is no share, is of another load, is there twice or is changed, and the
    client that is missing.
    """
    shares = sorted(map(read_share, folders), key=lambda share: share.load.client)
    _check_together(shares)
    refuse_used(out)
    make_folder(out)
    try:
        return _put_together(shares, out)
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)  # what is half there would look like a load
        raise


def read_share(folder: Path) -> Share:
    """What a client left in a folder; `InputError` if that is not the whole share of one."""
    shown = plain_text(str(folder), 300)
    cell = read_document(_small(folder / CELL, shown), Cell, "cell", str(folder / CELL))
    load, facts = cell.load, cell.facts
    if load is None or not load.client:
        raise InputError(f"{shown} is no share of a load by several clients.", GIVE)
    if cell.status != "measured" or facts is None or facts.window is None:
        raise InputError(
            f"{shown}: the load of client {load.client} did not run to its end ({cell.status}).",
            "Start all clients again, with a later --at.",
        )
    host = read_document(_small(folder / HOST, shown), Host, "host", str(folder / HOST))
    for name, digest in ((RECORDS, facts.records_sha256), (TEXTS, facts.texts_sha256)):
        if _sha256(folder / name, shown) != digest:
            raise InputError(f"{folder / name} is not the file that the load left.", "Copy the folder again.")
    return Share(folder, cell, load, facts, facts.window, host)


def _small(path: Path, shown: str) -> bytes:
    try:
        with _opened(path, shown) as file:
            return file.read(_MOST_BYTES)  # a longer one is no JSON then
    except OSError as error:
        raise InputError(f"{shown} has no {path.name} that can be read: {error.strerror}.", GIVE) from None


def _opened(path: Path, shown: str) -> BufferedReader:
    """A file for reading; nothing waits for whoever might write into a pipe."""
    if not path.is_file():
        raise InputError(f"{shown} has no {path.name}.", GIVE)
    return path.open("rb")


def _sha256(path: Path, shown: str) -> str:
    try:
        with _opened(path, shown) as file:
            if path.stat().st_size > MAX_FILE_BYTES:
                raise InputError(f"{path} is larger than {MAX_FILE_BYTES} bytes.", "Measure for a shorter time.")
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{shown} has no {path.name} that can be read: {error.strerror}.", GIVE) from None


def _check_together(shares: Sequence[Share]) -> None:
    """All shares of one load, each once, of one server."""
    first = shares[0]
    for share in shares[1:]:
        other = next(differences(whole_load(first.load), whole_load(share.load)), None)
        if other is not None:
            raise InputError(f"{share.folder} is of another load than {first.folder}: {other}.", GIVE)
        if _software(share) != _software(first):
            raise InputError(
                f"{share.folder} is of another server than {first.folder}: {_software(share)}, "
                f"not {_software(first)}.",
                "Load one server; behind one address there are two.",
            )
    by_client: dict[int, Share] = {}
    for share in shares:
        known = by_client.setdefault(share.load.client, share)
        if known is not share:
            words = f"{share.folder} and {known.folder} are both of client {share.load.client}."
            raise InputError(words, "Give each folder once.")
    missing = [f"client {number}" for number in range(1, first.load.clients + 1) if number not in by_client]
    if missing:
        there = listed([f"client {share.load.client} ({share.folder})" for share in shares])
        raise InputError(
            f"The load is by {first.load.clients} clients. Missing: {listed(missing)}; given: {there}.",
            "Give the folders of all: without one the figures are of another load.",
        )


def _software(share: Share) -> str:
    found = share.cell.found
    words = (found.software, found.version) if found else ()
    return plain_text(" ".join(word for word in words if word), 200) or "unknown"


# --- the whole --------------------------------------------------------------------------------------------


def _put_together(shares: Sequence[Share], out: Path) -> Cell:
    first, load = shares[0], whole_load(shares[0].load)
    digests = {name: _join([share.folder / name for share in shares], out / name) for name in (RECORDS, TEXTS)}
    clients = [client_facts(share.facts, share.host) for share in shares]
    facts = whole_facts(
        clients,
        first.window,
        failures(read_records(out / RECORDS), first.window),
        digests[RECORDS],
        digests[TEXTS],
    )
    metrics = metrics_of(out, facts, load)
    status, failure = outcome(facts, load, out, metrics)
    # One clock for all times of the cell: that of the client which went on longest.
    cell = replace(
        shares[last_to_end(clients)].cell,
        status=status,
        failure=failure,
        load=load,
        facts=facts,
        metrics=None if failure is not None and failure.kind == EMPTY_WINDOW else metrics,
        found=first.cell.found,
    )
    for name in (TRACE, PROMPTS_SOURCE):
        if (first.folder / name).is_file():
            shutil.copyfile(first.folder / name, out / name)
    write_document(out / HOST, first.host, "host")
    write_cell(out, cell)
    plan = plan_by_hand([load])
    if plan is not None:
        write_document(out / PLAN, plan, "plan")
        end_by_hand(plan, out)
    return cell


def _join(parts: Sequence[Path], target: Path) -> str:
    """The lines of all parts in the order of their ids, as they are; returns the sha256 of the file."""
    with ExitStack() as stack, target.open("wb") as file:
        sources = [_lines(stack, part) for part in parts]
        for _, line in merge(*sources, key=lambda each: each[0]):
            file.write(line)
    with target.open("rb") as written:
        return file_digest(written, "sha256").hexdigest()


def _lines(stack: ExitStack, path: Path) -> Iterator[tuple[int, bytes]]:
    """Each line with the id that it begins with."""
    file = stack.enter_context(path.open("rb"))
    for line in iter(partial(file.readline, MAX_RECORD_LINE_BYTES + 1), b""):
        for _, value in read_jsonl(line, str(path), max_line_bytes=MAX_RECORD_LINE_BYTES):
            number = value.get("id") if isinstance(value, dict) else None
            if type(number) is not int:
                raise StrictError(str(path), "", "has a line without an id")
            yield number, line
