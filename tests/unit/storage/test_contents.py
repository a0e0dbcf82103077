"""kit.storage.contents: every field with its count and size, and words that stand where they should not."""

from __future__ import annotations

import pytest

from kit.storage.contents import FieldSize, contents, found_words
from kit.strict import StrictError


def test_fields_of_documents_are_found_however_deep_and_of_lines_at_their_top() -> None:
    """Sizes are those of the values as JSON; lists have one place for all their items."""
    files = {
        "host.json": b'{"cpus": 16, "packages": {"kit": "0.1.0"}, "gpus": [{"name": "A"}, {"name": "BC"}]}',
        "cells/a/texts.jsonl": b'{"id": 0, "text": "\xc3\xa9"}\n{"id": 1, "text": ""}\n',
        "cells/b/texts.jsonl": b'{"id": 10, "text": "no"}\n',
    }

    answers, machine = contents(files)

    assert [answers.name, machine.name] == ["answers", "machine"]
    assert answers.files == (("cells/a/texts.jsonl", 46), ("cells/b/texts.jsonl", 25))
    assert answers.bytes == 71
    assert answers.fields == (FieldSize("id", 3, 4), FieldSize("text", 3, 10))
    assert machine.fields == (
        FieldSize("cpus", 1, 2),
        FieldSize("gpus[].name", 2, 7),
        FieldSize("packages.kit", 1, 7),
    )


def test_a_file_that_cannot_be_read_is_not_passed_over() -> None:
    """What is not shown must not leave."""
    with pytest.raises(StrictError):
        contents({"host.json": b"{"})


def test_words_are_found_whole_and_in_any_case() -> None:
    """Short and common ones would be found everywhere and name nobody."""
    files = {"a.json": b'"/home/anna/x"', "b.json": b"banana ANNA.", "c.json": b"anna1 root abc"}

    assert found_words(files, ("anna", "root", "abc")) == {"anna": ("a.json", "b.json")}
    assert found_words(files, ("a+b.", "annab")) == {}
