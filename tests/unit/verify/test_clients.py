"""A load by several clients, verified: the whole follows from what each left, and nothing of it can be moved."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from kit.storage.bundle import pack_files
from kit.verify.evidence import open_bundle
from kit.verify.verdict import verify
from tests.support.good_bundle import Files
from tests.support.good_clients import CELL, derived, merged_files, with_cell

RECORDS = f"cells/{CELL}/records.jsonl"


def refused(data: bytes) -> set[str]:
    """The rules that refuse a bundle."""
    return {each.rule for each in verify(open_bundle(data)).findings if each.level == "reject"}


def with_plan(change: Callable[[Any], None]) -> bytes:
    files = merged_files()
    document = json.loads(files["plan.json"])
    change(document)
    return pack_files(derived({**files, "plan.json": json.dumps(document, indent=2).encode() + b"\n"})).data


def without_the_last(files: Files) -> Files:
    """The last request of the file taken out."""
    return {**files, RECORDS: b"".join(files[RECORDS].splitlines(keepends=True)[:-1])}


def test_the_honest_bundle_is_refused_by_no_rule() -> None:
    """Every rule looked at it, those about clients at two of them."""
    verdict = verify(open_bundle(pack_files(merged_files()).data))
    assert [each for each in verdict.findings if each.level == "reject"] == []
    assert (verdict.checked["load.clients"], verdict.checked["time.clients"]) == (2, 2)
    assert verdict.label == "self-reported"


def test_a_request_taken_out_is_found() -> None:
    """By its client's count and hash."""
    assert "load.clients" in refused(pack_files(without_the_last(merged_files())).data)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda cell: cell["load"].update(client=1), "load.clients"),
        (lambda cell: cell["load"].update(clients=3), "load.clients"),
        (lambda cell: cell["load"].pop("at_utc"), "load.clients"),
        (lambda cell: cell["facts"].update(utc_error_ns=1), "load.clients"),
        (lambda cell: cell["facts"]["clients"].append(cell["facts"]["clients"][0]), "load.clients"),
        (lambda cell: cell["facts"]["clients"][0]["host"].update(cpus=64), "load.clients"),
        (lambda cell: cell["facts"]["clients"][1]["host"].update(cpus_usable=10**5), "load.clients"),
    ],
)
def test_what_does_not_fit_the_clients_is_refused(change: Callable[[Any], None], rule: str) -> None:
    """In load or facts, whatever else follows from it."""
    assert rule in refused(with_cell(change))


@pytest.mark.parametrize(
    "change",
    [
        lambda plan: plan["loads"][0].update(client=1),
        lambda plan: plan["loads"][0].update(clients=4),
        lambda plan: plan["loads"][0].pop("at_utc"),
        lambda plan: plan["loads"][0].pop("clients"),
    ],
)
def test_a_plan_of_other_clients_is_refused(change: Callable[[Any], None]) -> None:
    """More clients than users, the share of one, a start that not all share."""
    assert refused(with_plan(change)) & {"plan.consistent", "cell.identity"}
