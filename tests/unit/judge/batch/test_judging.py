"""kit.judge.batch.judging: what a bundle does to its judge is that bundle's verdict, and stops no other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from kit.documents import Verdict
from kit.errors import InputError, InternalError
from kit.judge.batch.gathering import Item, gathered
from kit.judge.batch.judging import judged
from kit.judge.batch.statement import policy, statement
from kit.judge.batch.verifying import verdicts_of
from kit.strict import plain, write_json
from kit.verify import verify_bundle
from tests.support.good_bundle import good_bundle

GOOD = verify_bundle(good_bundle())


class Scripted:
    """A judge that does to a bundle what its name says."""

    closed = 0

    def verdict(self, path: Path) -> Verdict:
        if path.name == "gone":
            raise InputError(f"{path} cannot be read: gone.", "Check the path.")
        if path.name == "deadly":
            raise InternalError("The process that judges ended without a verdict.", "Try again.")
        return GOOD

    def close(self) -> None:
        Scripted.closed += 1


def items(*names: str) -> list[Item]:
    return [Item(name, Path("/secret/place") / name) for name in names]


def test_a_bundle_that_ends_its_judge_or_cannot_be_read_is_rejected_and_the_others_are_judged() -> None:
    """In the order in which they were given, whichever ends first; no path of this machine is told."""
    names = ("a", "deadly", "b", "gone", "c")
    told: list[str] = []
    found = judged(items(*names), 2, lambda item, _: told.append(item.name), Scripted)
    assert [verdict.label for verdict in found] == [GOOD.label, "rejected", GOOD.label, "rejected", GOOD.label]
    assert sorted(told) == sorted(names)
    assert found[1].findings[0].rule == "verifier.crashed"
    assert found[3].findings[0].message == "gone cannot be read: gone."


def test_no_more_judges_than_bundles_and_all_are_ended() -> None:
    """Also where there is nothing to judge."""
    made: list[Scripted] = []

    def make() -> Scripted:
        made.append(Scripted())
        return made[-1]

    Scripted.closed = 0
    assert judged(items("a", "b"), 8, make=make)
    assert judged([], 8, make=make) == ()
    assert (len(made), Scripted.closed) == (3, 3)


def test_an_interrupt_ends_the_judges_at_once() -> None:
    """Nobody waits for the verdict of a bundle that takes minutes."""
    started, ended = threading.Event(), threading.Event()

    class Slow(Scripted):
        def verdict(self, path: Path) -> Verdict:
            if path.name == "quick":
                assert started.wait(20)
                return GOOD
            started.set()
            assert ended.wait(20)
            raise InternalError("The process that judges ended without a verdict.", "Try again.")

        def close(self) -> None:
            ended.set()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judged(items("slow", "quick", "later", "later"), 2, interrupt, Slow)
    assert ended.is_set()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good bundle, one that was cut off, one that is none, an empty one, and a run folder's remains."""
    good = good_bundle()
    for name, data in (("good", good), ("cut", good[:-100]), ("none", b"no archive"), ("empty", b"")):
        (tmp_path / f"{name}.tar.gz").write_bytes(data)
    return tmp_path


def test_real_judges_give_each_bundle_the_verdict_it_has_alone(folder: Path) -> None:
    """One at a time or three; and the document of both is the same, byte for byte."""
    found = gathered([folder])
    one, three = (verdicts_of(found, jobs, None, lambda *_: None) for jobs in (1, 3))
    assert write_json(plain(one)) == write_json(plain(three))
    for item, stated in zip(found.items, one.statements, strict=True):
        alone = verify_bundle(item.path.read_bytes())
        assert (stated.predicate.name, stated.predicate.label) == (item.name, alone.label)
        assert stated.predicate.findings == alone.findings
        assert stated.predicate.checked == alone.checked


def test_a_statement_is_about_the_manifest_or_else_about_the_bytes_that_came(folder: Path) -> None:
    """And holds nothing of the place where they lay, nor of the time."""
    by_name = {item.name: item for item in gathered([folder]).items}

    def of(name: str) -> bytes:
        item = by_name[name]
        return write_json(plain(statement(item.name, item.path, verify_bundle(item.path.read_bytes()))))

    good, cut = of("good.tar.gz"), of("cut.tar.gz")
    assert GOOD.identity is not None
    assert b'"name": "manifest.json"' in good
    assert good.count(GOOD.identity.encode()) == 2  # the subject, and the predicate's identity
    assert b'"name": "cut.tar.gz"' in cut
    assert b'"identity": null' in cut
    for text in (good, cut):
        assert str(folder).encode() not in text
    assert of("good.tar.gz") == good


def test_the_policy_changes_with_a_rule_and_with_a_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever compares two summaries sees that they were not made by the same rules."""
    module: Any = import_module("kit.judge.batch.statement")
    fresh: Callable[[], object] = policy.__wrapped__
    before = fresh()
    assert fresh() == before
    softer = (replace(module.RULES[0], level="note"), *module.RULES[1:])
    monkeypatch.setattr(module, "RULES", softer)
    assert fresh() != before
    monkeypatch.undo()
    monkeypatch.setattr(module, "DOCUMENTS", module.DOCUMENTS - {"verdict"})
    assert fresh() != before
