"""What a schema complains about is found, named with its place, and safe to print; nothing is ever fetched."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing.exceptions import Unresolvable

from kit.errors import InputError, InternalError
from kit.strict import Json, read_yaml, typed
from kit.strict.schema import DOCUMENTS, SHARED, check, problems, registry
from tests.support.documents import MODELS, good

# --- happy rows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_a_good_document_has_no_problem(name: str) -> None:
    """The good example of each document passes, and `check` says nothing."""
    assert problems(good(name), name) == []
    check(good(name), name, "a file")


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_good_document_becomes_its_class_again(name: str) -> None:
    """`typed` undoes `plain` on every class that has a document."""
    assert typed(type(MODELS[name]), good(name), name) == MODELS[name]


# --- sad rows -------------------------------------------------------------------------------------------

SAD: list[tuple[str, tuple[str | int, ...], Any, str]] = [
    ("answer", ("round",), "both", 'expected "single" or "concurrent", found "both"'),
    ("calibrated", ("left", 0), 0.5, "expected an integer, found 0.5"),
    ("calibration", ("steps", 0, "faults", 0), "slow", 'expected "ttft_error", "gap_error", "lost" or "pace"'),
    ("calibration", ("ceiling", "streams"), 0, "must be at least 1, found 0"),
    ("cell", ("failure",), "x", 'expected an object, found "x"'),
    ("cell", ("metrics", "error_rate"), 1.5, "must be at most 1, found 1.5"),
    (
        "cell",
        ("server", "reported", "slots"),
        None,
        "expected an integer or a string or true or false, found null",
    ),
    ("claims", ("claims", 0, "relation"), "more", "expected"),
    ("comparison", ("lines", 0, "verdict"), "best", "expected"),
    ("contract", ("algorithm",), "kit-3", 'expected "kit-1", "kit-2" or "probador-2.0", found "kit-3"'),
    ("correctness", ("levels", 0, "tests", 0, "checks", 0, "kind"), "patern", 'did you mean "pattern"?'),
    ("differences", ("entries", 0, "ended_early"), 1.5, "must be at most 1, found 1.5"),
    ("eval", ("score", "pass_at_1", "share"), 1.5, "must be at most 1, found 1.5"),
    ("eval-answer", ("number",), -1, "must be at least 0, found -1"),
    ("eval-task", ("entry_point",), "a b", "does not have the form"),
    ("eval-verdict", ("status",), "pased", 'did you mean "passed"?'),
    ("examination", ("checks", 0, "round"), "both", 'expected "single" or "concurrent", found "both"'),
    ("finding", ("level",), "fatal", 'expected "reject", "flag" or "note", found "fatal"'),
    ("runtime", ("api",), "grpc", 'expected "openai", found "grpc"'),
    ("host", ("cpus",), "2", 'expected an integer, found "2"'),
    (
        "load",
        ("url",),
        "file:///etc/passwd",
        '"file:///etc/passwd" does not have the form of an address that begins with http',
    ),
    ("load", ("loop", "concurrency"), 0, "must be at least 1, found 0"),
    ("load", ("slo",), {"tpt_ns": 1}, 'did you mean "tpot_ns"?'),
    ("load", ("slo", "ttft_ns"), 0, "must be at least 1, found 0"),
    ("load", ("trace", "speed_milli"), 0, "must be at least 1, found 0"),
    ("load", ("validate",), "", "the number of characters must be at least 1, found 0"),
    ("images", ("images", 0, "digest"), "sha256:abc", "does not have the form"),
    ("inputs", ("inputs", 0, "kind"), "wheel", 'did you mean "wheels"?'),
    ("builds", ("builds", 0, "sha256"), "abc", "does not have the form"),
    ("index", ("bundles", 0, "path"), "../a.tar.gz", "does not have the form"),
    ("index", ("bundles", 0, "path"), "a/../b.tar.gz", "does not have the form"),
    ("index", ("bundles", 0, "label"), "rejected", 'expected "self-reported" or "consistent"'),
    ("index", ("bundles", 0, "cards", 0, "users"), 0, "must be at least 1, found 0"),
    ("manifest", ("files", 0, "path"), "a/../b", "does not have the form"),
    ("manifest", ("files", 0, "path"), "/a", "does not have the form"),
    ("manifest", ("files", 0, "path"), "a/", "does not have the form"),
    ("manifest", ("files", 0, "sha256"), "0" * 63 + "\n", "does not have the form"),
    ("metrics", ("window_s",), -1, "must be at least 0, found -1"),
    ("metrics", ("errors_by_kind",), {"timout_idle": 1}, 'did you mean "timeout_idle"?'),
    ("metrics", ("goodput_share",), 1.5, "must be at most 1, found 1.5"),
    ("metrics", ("validation", "failed_by_reason"), {"emty": 1}, 'did you mean "empty"?'),
    ("folders", ("models", 1, "source"), {"kind": "folder", "url": "https://a.example"}, 'missing key "files"'),
    ("folders", ("models", 1, "source", "url"), "http://example.org/", "does not have the form"),
    ("folders", ("models", 0, "source"), {"kind": "derived", "made_from": "a"}, 'missing key "made_by"'),
    ("folders", ("models", 0, "source", "kind"), "https", "expected"),
    ("models", ("models", 1, "source", "url"), "http://example.org/", "does not have the form"),
    ("models", ("models", 1, "source"), {"kind": "https"}, 'missing key "url"'),
    ("nightly", ("exit_code",), 9, "must be at most 8, found 9"),
    ("nightly", ("platforms", 0, "verdict"), "quicker", 'expected "first", "same"'),
    ("plan", ("cells", 0, "order"), 10**15 + 1, "must be at most 1000000000000000, found 1000000000000001"),
    ("plan", ("schema",), "kit/plan/0", 'expected "kit/plan/1", found "kit/plan/0"; did you mean "kit/plan/1"?'),
    (
        "platform",
        ("name",),
        "demo\n",
        "does not have the form of a name of a-z, 0-9, dots, hyphens and underscores",
    ),
    ("platform", ("name",), "١٢", "does not have the form"),
    ("platform", ("workload", "concurrencies"), [], "the number of items must be at least 1, found 0"),
    ("platform", ("workload", "window_s"), 0, "must be more than 0, found 0"),
    ("platform", ("title",), "x" * 201, "the number of characters must be at most 200, found 201"),
    ("probador-load", ("concurrency",), 0, "must be at least 1, found 0"),
    ("prompts", ("prompts", 0), "Hello", 'expected an object, found "Hello"'),
    ("published", ("published", 0, "tables", 0, "metric"), "throughput", 'did you mean "throughput_tok_s"?'),
    ("quality", ("pairs", 0, "high"), 0, "must be at least 1, found 0"),
    ("reference-answers", ("questions",), [], "the number of items must be at least 1, found 0"),
    ("record", ("chunks", 0), [1, 2, 0, 4], "too many items, found 4"),
    ("record", ("chunks", 0), [1, 2, 3], "must be at most 2, found 3"),
    ("record", ("status",), True, "expected an integer or null, found true"),
    ("reproduction", ("outcome",), "same", 'expected "reproduced", "agrees"'),
    ("result", ("rows", 0, "spreads"), {"x y": {"n": 1, "median": None, "low": None, "high": None}}, "as a key"),
    ("runs", ("runs", 0, "kind"), "folder", 'expected "run" or "bundle", found "folder"'),
    ("scorecard", ("cards", 0, "composite"), 100.5, "must be at most 100"),
    ("selftest", ("host", "cpus"), "2", "expected an integer"),
    ("selftest", ("entries", 0, "levels", 0, "status"), "fine", "expected"),
    ("statement", ("_type",), "https://in-toto.io/Statement/v2", "did you mean"),
    ("status", ("state",), "done", 'expected "running", "stopped" or "complete", found "done"'),
    ("status", ("running", "cell_ns"), -1, "must be at least 0"),
    ("study", ("origin",), "measured", 'expected "run" or "imported", found "measured"'),
    ("study", ("subjects", 0, "concurrency"), 0, "must be at least 1, found 0"),
    ("suite", ("tasks", 0, "id"), "a b", "does not have the form"),
    ("sweep", ("ended",), "stopped", 'expected "complete", "saturated"'),
    ("sweep", ("asked",), [], "the number of items must be at least 1, found 0"),
    ("telemetry", ("busy_ns",), -1, "must be at least 0, found -1"),
    ("telemetry", ("gpus", 0, "power_mw"), 0.5, "expected an integer or null, found 0.5"),
    ("text", ("id",), -1, "must be at least 0, found -1"),
    ("truth", ("sent", 0), [1], "must be at least 2, found 1"),
    ("users", ("machines", 0, "found", "share"), 1.5, "must be at most 1, found 1.5"),
    ("verdict", ("identity",), "abc", '"abc" does not have the form of a sha256: 64 digits of 0-9 and a-f'),
    ("verdicts", ("shard", "index"), 0, "must be at least 1, found 0"),
    ("witness", ("round",), "twice", 'expected "again", "repeat", "changed" or "reference", found "twice"'),
]


def changed(document: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """`document` with another value at `path`."""
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return document


def test_there_is_a_sad_row_for_every_document() -> None:
    """No schema is only ever shown good documents."""
    assert {name for name, *_ in SAD} == DOCUMENTS


@pytest.mark.parametrize(("name", "path", "value", "words"), SAD)
def test_a_bad_value_is_named_with_its_place(
    name: str, path: tuple[str | int, ...], value: Any, words: str
) -> None:
    """The first problem lies at or below the changed place, and says what was expected."""
    found = problems(changed(good(name), path, value), name)
    assert found
    assert found[0].path[: len(path)] == path
    assert words in found[0].message


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_a_document_that_is_no_object_is_refused(name: str) -> None:
    """A list, a string or nothing at all is one problem at the top."""
    values: tuple[Json, ...] = ([], "x", None)
    for value in values:
        assert [problem.path for problem in problems(value, name)] == [()]


def test_an_unknown_key_has_its_own_path_and_the_nearest_known_one() -> None:
    """So `line` can find the very line on which the key stands."""
    document = good("platform")
    document["workload"]["windw_s"] = document["workload"].pop("window_s")
    found = problems(document, "platform")
    assert [(p.path, p.message) for p in found] == [
        (("workload",), 'missing key "window_s"'),
        (("workload", "windw_s"), 'unknown key "windw_s"; did you mean "window_s"?'),
    ]


def test_problems_stop_at_the_limit_and_come_in_the_order_of_the_document() -> None:
    """A million errors are twenty problems, always the same ones."""
    document = good("host")
    document["packages"] = {f"p{n}": n for n in range(1000)}
    found = problems(document, "host")
    assert [problem.path for problem in found] == [("packages", f"p{n}") for n in range(20)]
    assert len(problems(document, "host", limit=3)) == 3


@pytest.mark.parametrize("hostile", ["\x1b[2J" + "x" * 10_000, "\u202e" * 500, "|" * 500, "\ud800" * 100])
@pytest.mark.parametrize("place", ["value", "key", "map key", "pattern"])
def test_messages_are_short_and_harmless(hostile: str, place: str) -> None:
    """Whatever a document holds, a message quotes at most 60 printable characters of it."""
    document = good("host")
    if place == "value":
        document["cpus"] = hostile
    elif place == "key":
        document[hostile] = 1
    elif place == "map key":
        document["packages"][hostile] = "1"
    else:
        document["packages"]["x"] = hostile
    for problem in problems(document, "host"):
        assert problem.message.isprintable()
        assert len(problem.message) < 200
        assert not re.search(r"[x|\ufffd]{61}", problem.message)


@pytest.mark.parametrize("name", ["nothing", SHARED, "../plan", "http://example.org/schema.json"])
def test_an_unknown_name_is_our_own_mistake(name: str) -> None:
    """Names come from the kit; a document cannot choose its schema."""
    with pytest.raises(InternalError, match="no document called"):
        problems({}, name)


def test_a_document_cannot_bring_its_own_schema() -> None:
    """`$schema` and `$ref` in a document are unknown keys like any other."""
    document = {**good("text"), "$schema": "http://example.org/s.json", "$ref": "file:///etc/passwd"}
    assert [p.message for p in problems(document, "text")] == ['unknown key "$schema"', 'unknown key "$ref"']


@pytest.mark.parametrize(
    "reference", ["http://127.0.0.1:9/x.json", "file:///etc/passwd", "urn:kit:schema:other:1"]
)
def test_a_foreign_reference_is_refused_and_not_fetched(reference: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither network nor disk is touched for a `$ref` that is none of ours."""

    def never(*_: object, **__: object) -> None:
        pytest.fail("a connection or file was opened")

    closed = registry()
    monkeypatch.setattr(socket, "socket", never)
    monkeypatch.setattr("urllib.request.urlopen", never)
    monkeypatch.setattr(Path, "open", never)
    with pytest.raises(Unresolvable, match="Unresolvable"):
        Draft202012Validator({"$ref": reference}, registry=closed).is_valid({})


# --- check ----------------------------------------------------------------------------------------------


def test_check_names_file_line_place_and_remedy() -> None:
    """What people see of a wrong YAML file is enough to correct it."""
    data = b"schema: kit/prompts/1\nname: short\ntitle: Short\nprompts:\n  - id: a\n    txt: b\n"
    located = read_yaml(data, "short.yaml")
    with pytest.raises(InputError) as raised:
        check(located.value, "prompts", "short.yaml", located.line)
    assert {raised.value.what, *raised.value.detail} == {
        'short.yaml: line 5: prompts[0]: missing key "text".',
        'short.yaml: line 6: prompts[0].txt: unknown key "txt"; did you mean "text"?',
    }
    assert "schemas/prompts.v1.json" in raised.value.remedy
    assert raised.value.exit_code == 2


def test_check_without_lines_names_the_place_alone() -> None:
    """A JSON document has no lines worth naming."""
    with pytest.raises(InputError) as raised:
        check({"id": "0", "text": ""}, "text", "texts.jsonl")
    assert raised.value.what == 'texts.jsonl: id: expected an integer, found "0".'
    assert raised.value.detail == ()


def test_jsonschema_is_loaded_only_when_a_document_is_checked() -> None:
    """`kit --help` must answer at once, and jsonschema alone takes half of the time it has."""
    code = "import sys, kit.strict.schema; sys.exit('jsonschema' in sys.modules or 'referencing' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
