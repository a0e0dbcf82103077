"""Bundles with a runtime from outside: accepted by its declaration in the plan, refused where it does not fit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.documents.pins import RuntimePin
from tests.support.forge import Change, changed, derive, in_server
from tests.support.outside_bundles import DECLARATION, as_module, pinned, with_runtime
from tests.support.sealed import bundle_verdict

NOTES = {"runtime.outside", "program.origin"}


def edited(old: str, new: str) -> RuntimePin:
    """The runtime with another declaration."""
    assert DECLARATION.count(old) == 1
    return pinned(DECLARATION.replace(old, new))


def found(*changes: Change) -> tuple[str, dict[str, str]]:
    """The label, and each rule that found something with its first words."""
    verdict = bundle_verdict(changed(*changes))
    words: dict[str, str] = {}
    for finding in verdict.findings:
        words.setdefault(finding.rule, finding.message)
    return verdict.label, words


def test_a_declared_runtime_is_accepted_by_who_has_never_seen_it() -> None:
    """Settings, command and counters are judged by what the plan carries; two notes say what it is."""
    label, words = found(with_runtime(), derive)
    assert label == "consistent"
    assert words.keys() == NOTES
    assert "none of the kit's" in words["runtime.outside"]
    assert "were checked by its declaration" in words["runtime.outside"]


def test_a_module_is_accepted_and_said_to_be_unchecked() -> None:
    """Nobody else's code is run to judge."""
    label, words = found(with_runtime(as_module), derive)
    assert label == "rejected"  # its program cannot be known: a module starts none
    assert "plan.programs" in words
    assert "were not checked" in words["runtime.outside"]


@pytest.mark.parametrize(
    ("change", "rule", "words"),
    [
        (lambda pin: replace(pin, sha256="0" * 64), "runtime.pinned", "not that of its files"),
        (
            lambda pin: replace(pin, declaration=DECLARATION + "# more\n"),
            "runtime.pinned",
            "not the file of that hash",
        ),
        (lambda _: pinned("schema: kit/runtime/1\n"), "runtime.pinned", "not in order"),
        (
            lambda _: edited("name: acme", "name: other"),
            "runtime.pinned",
            "declares itself as",
        ),
        (lambda _: edited("low: 1, high: 64", "low: 0, high: 1"), "plan.consistent", "slots"),
        (
            lambda _: edited("ignore_eos: true", "ignore_eos: false"),
            "cell.identity",
            "extra_body",
        ),
    ],
)
def test_a_declaration_that_does_not_fit_is_refused(change: object, rule: str, words: str) -> None:
    """Its hashes, its name, its ranges, and what it says that the API can do."""
    assert callable(change)
    label, said = found(with_runtime(change), derive)
    assert label == "rejected"
    assert words in said[rule]


def test_a_runtime_that_no_entry_runs_is_refused() -> None:
    """Of its name there must be just what the entries need."""

    def renamed(pin: RuntimePin) -> RuntimePin:
        return replace(pin, name="zeta")

    label, said = found(with_runtime(renamed), derive)
    assert label == "rejected"
    assert "the entries need acme" in said["runtime.pinned"]


def test_flags_are_held_to_the_command() -> None:
    """With the plan's flags it is good; with one more, or without them, it is not what was planned."""
    flags = ("--fast", "2")
    assert found(with_runtime(flags=flags), derive)[0] == "consistent"
    label, said = found(with_runtime(), in_server(command=("acme-server", "model", "--fast")), derive)
    assert label == "rejected"
    assert "command" in said["process.command"]
    label, said = found(with_runtime(flags=("--slots", "9")), derive)
    assert label == "rejected"
    assert "the flag --slots is not free" in said["plan.consistent"]
