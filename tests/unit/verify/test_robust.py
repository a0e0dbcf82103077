"""kit.verify on anything at all: it never raises, never writes, and taking something away never helps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.documents import Verdict
from kit.storage.archive import ArchiveError, unpack
from kit.storage.names import MANIFEST
from kit.strict import write_json
from kit.verify.registry import CRASHED, RULES
from tests.support.forge import archive_of, changed_files, document, drop, raw, with_old_manifest
from tests.support.good_bundle import Files, good_bundle, good_files
from tests.support.mutations import MUTATIONS, Mutation
from tests.support.sealed import bundle_verdict, run_verdict

Path = tuple[str | int, ...]

EXAMPLES = settings(max_examples=10, deadline=None)
DOCUMENTS = sorted(name for name in good_files() if name.endswith(".json"))
# Words of the server or the machine, by their own names: to leave one out is not a fault of the document.
FREE = frozenset({"packages", "reported", "counters_before", "counters_after", "command"})
REJECTED = [m for m in MUTATIONS if {r.id: r.level for r in RULES}[m.rule] == "reject"]
WITH_FILES = [m for m in REJECTED if m.rule not in ("archive.canonical", "archive.manifest")]


def rules_in(verdict: Verdict) -> set[str]:
    return {finding.rule for finding in verdict.findings}


def paths_of(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every place inside a JSON value but the value itself."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in items:
        yield (*path, step)
        yield from paths_of(item, (*path, step))


FIELDS = [(name, path) for name in DOCUMENTS for path in paths_of(json.loads(good_files()[name]))]


def take_out(value: Any, path: Path) -> None:
    for step in path[:-1]:
        value = value[step]
    del value[path[-1]]


def put(value: Any, path: Path, new: Any) -> bool:
    """Put another value at a path; whether it is another one."""
    for step in path[:-1]:
        value = value[step]
    other = json.dumps(value[path[-1]]) != json.dumps(new)
    value[path[-1]] = new
    return other


def files_in(data: bytes) -> Files:
    files = unpack(data)
    del files[MANIFEST]
    return files


JSON = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 10**18), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8), st.sampled_from(["failed", "0" * 64, "2026-11-22T00:00:00.000000Z"]),
    st.lists(st.integers(0, 3), max_size=3), st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)  # fmt: skip


@EXAMPLES
@given(at=st.integers(0, len(good_bundle()) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_changes_nothing(at: int, bit: int) -> None:
    """Any bit of the archive: refused, unless deflate has another spelling of the very same files."""
    data = bytearray(good_bundle())
    data[at] ^= 1 << bit
    verdict = bundle_verdict(bytes(data))
    try:
        same = unpack(bytes(data)) == unpack(good_bundle())
    except ArchiveError:
        same = False
    assert (verdict.label == "rejected") != same
    assert CRASHED not in rules_in(verdict)


@EXAMPLES
@given(data=st.binary(max_size=600))
def test_any_bytes_are_refused(data: bytes) -> None:
    """Bytes that are no bundle give a verdict, and a bad one."""
    assert bundle_verdict(data).label == "rejected"


@EXAMPLES
@given(name=st.sampled_from(sorted(good_files())), data=st.binary(max_size=200))
def test_any_bytes_in_place_of_a_file_are_refused(name: str, data: bytes) -> None:
    """A file of garbage under a manifest that fits is refused, and no rule crashes on it."""
    verdict = bundle_verdict(archive_of({**good_files(), name: data}))
    assert verdict.label == "rejected"
    assert CRASHED not in rules_in(verdict)


@pytest.mark.parametrize("name", sorted(good_files()))
def test_a_missing_file_is_refused(name: str) -> None:
    """Without any one of its files a bundle is refused, and so is a run folder."""
    assert bundle_verdict(with_old_manifest(drop(name))).label == "rejected"
    if name != "plan.json":  # without a plan there is no manifest to be made
        assert bundle_verdict(archive_of(changed_files(drop(name)))).label == "rejected"
    assert run_verdict(changed_files(drop(name))).label == "rejected"


@EXAMPLES
@given(field=st.sampled_from(FIELDS))
def test_a_missing_field_is_refused(field: tuple[str, Path]) -> None:
    """Without any one field of any document a run is refused, even where the manifest is made to fit."""
    name, path = field
    verdict = run_verdict(changed_files(document(name, lambda value: take_out(value, path))))
    free = FREE & {step for step in path[:-1] if isinstance(step, str)}
    assert verdict.label == "rejected" or free
    assert CRASHED not in rules_in(verdict)


@EXAMPLES
@given(field=st.sampled_from(FIELDS), new=JSON)
def test_another_value_anywhere_is_refused_by_the_manifest(field: tuple[str, Path], new: Any) -> None:
    """Any other value in any field: the manifest refuses it, and no rule crashes on it."""
    name, path = field
    value = json.loads(good_files()[name])
    if not put(value, path, new):
        return
    verdict = bundle_verdict(with_old_manifest(raw(name, lambda _: write_json(value))))
    assert "archive.manifest" in rules_in(verdict)
    assert CRASHED not in rules_in(verdict)


def is_good_again(files: Files) -> bool:
    """Whether the very thing that was bad is what was taken out: nothing else may help."""
    return files == dict(good_files())


@EXAMPLES
@given(mutation=st.sampled_from(WITH_FILES), pick=st.randoms(use_true_random=False))
def test_taking_a_file_out_of_a_bad_bundle_never_helps(mutation: Mutation, pick: Any) -> None:
    """A refused bundle stays refused without any one of its files."""
    files = files_in(mutation.make())
    del files[pick.choice(sorted(files))]
    assert run_verdict(files).label == "rejected" or is_good_again(files)


@EXAMPLES
@given(mutation=st.sampled_from(WITH_FILES), pick=st.randoms(use_true_random=False))
def test_taking_a_field_out_of_a_bad_bundle_never_helps(mutation: Mutation, pick: Any) -> None:
    """A refused bundle stays refused without any one field of any document."""
    files = files_in(mutation.make())
    name = pick.choice(sorted(name for name in files if name.endswith(".json")))
    try:
        value = json.loads(files[name])
    except ValueError:
        return
    take_out(value, pick.choice(list(paths_of(value))))
    # As loosely as the mutation may have been: it can hold a NaN, which the kit's own writer refuses.
    files[name] = (json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()
    assert run_verdict(files).label == "rejected" or is_good_again(files)


@EXAMPLES
@given(mutation=st.sampled_from(WITH_FILES), pick=st.randoms(use_true_random=False))
def test_taking_a_line_out_of_a_bad_bundle_never_helps(mutation: Mutation, pick: Any) -> None:
    """A refused bundle stays refused without any one line of its records, texts or answers."""
    files = files_in(mutation.make())
    name = pick.choice(sorted(name for name in files if name.endswith(".jsonl")))
    lines = files[name].splitlines(keepends=True)
    if lines:
        del lines[pick.randrange(len(lines))]
    files[name] = b"".join(lines)
    assert run_verdict(files).label == "rejected" or is_good_again(files)
