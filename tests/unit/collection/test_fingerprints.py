"""An edited copy of a bundle is told by files of records and the rhythm of its answers; honest runs are none."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from kit.collection.fingerprints import (
    MAX_SHARE,
    Fingerprints,
    Likeness,
    fingerprints_of,
    likeness,
    request_marks,
)
from kit.verify.evidence import open_bundle
from tests.support.forge import SERIAL, Change, archive_of, changed_files, in_records
from tests.support.good_bundle import Files
from tests.support.variants import earlier, jittered, nudged, on_host, rhythm, variant

RESULTS = Path(__file__).parents[3] / "results"


def stamps(seed: int, chunks: int = 40) -> list[int]:
    """When the chunks of an answer came: a step of 20 ms that varies by some percent."""
    chance = random.Random(seed)
    found = [10**9]
    for _ in range(chunks - 1):
        found.append(found[-1] + round(20_000_000 * chance.lognormvariate(0, 0.03)))
    return found


def prints(archive: bytes) -> Fingerprints:
    return fingerprints_of(open_bundle(archive))


def edited(*changes: Change) -> bytes:
    """The run with seed 1 after these changes."""
    return archive_of(changed_files(jittered(1), *changes))


# --- one answer ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found,
        lambda found: [stamp + 12_345_678 for stamp in found],
        lambda found: [round(stamp * 0.9) for stamp in found],
        lambda found: [round(stamp * 0.2) for stamp in found],
        lambda found: [stamp * 3 for stamp in found],
        lambda found: found[:20],
        lambda found: [*found[:25], *(stamp + 50_000_000 for stamp in found[25:])],
    ],
    ids=["as it is", "shifted", "x 0.9", "x 0.2", "x 3", "cut off", "a pause put in"],
)
def test_an_edited_answer_keeps_a_mark(change: Callable[[list[int]], list[int]]) -> None:
    """Shifted, scaled, cut off or interrupted: a stretch of it is still there."""
    assert set(request_marks(stamps(1))) & set(request_marks(change(stamps(1))))


def test_no_two_answers_have_a_mark_in_common() -> None:
    """Of a thousand, each with its own chances."""
    seen: set[int] = set()
    for seed in range(1000):
        marks = request_marks(stamps(seed))
        assert len(marks) == 3
        assert seen.isdisjoint(marks)
        seen |= set(marks)


@pytest.mark.parametrize(
    "found",
    [[], [5], stamps(1, 15), list(range(0, 40 * 10**7, 10**7)), [7] * 40],
    ids=["none", "one chunk", "15 chunks", "of exact pace", "all at once"],
)
def test_an_answer_without_a_rhythm_has_no_marks(found: Sequence[int]) -> None:
    """What every server could have sent tells nothing."""
    assert request_marks(found) == ()


def test_sixteen_chunks_are_enough() -> None:
    """The row on the other side of fifteen."""
    assert len(request_marks(stamps(1, 16))) == 2


# --- two bundles --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "copy"),
    [
        (Likeness(0, 0, 0, 0, 0), False),
        (Likeness(0, 0, 0, 200, 200), False),
        (Likeness(0, 0, 1, 10, 10), False),
        (Likeness(0, 0, 2, 200, 200), False),
        (Likeness(0, 0, 3, 200, 200), True),
        (Likeness(0, 0, 3, 9000, 200), True),
        (Likeness(0, 0, 3, 9000, 9000), False),
        (Likeness(0, 1, 0, 200, 200), False),
        (Likeness(0, 2, 0, 200, 200), True),
        (Likeness(1, 0, 0, 200, 200), True),
    ],
)
def test_a_copy_is_told_by_two_requests_and_one_percent_by_two_starts_or_by_a_file(
    found: Likeness, copy: bool
) -> None:
    """Two requests that are more than 1 % of all, two starts, one file: a row on each side of each limit."""
    assert MAX_SHARE == 0.01
    assert found.is_copy is copy


def test_two_runs_of_one_plan_are_no_copies() -> None:
    """They ask the same and answer the same; when each chunk came is their own."""
    found = likeness(prints(variant(1)), prints(variant(2)))

    assert (found.files, found.starts, found.matches) == (0, 0, 0)
    assert found.requests > 20


def _without_slowest(files: Files) -> None:
    """Every tenth request gone, the others renumbered."""
    in_records(
        lambda records: [
            replace(record, id=number) for number, record in enumerate(records[: len(records) * 9 // 10])
        ],
        SERIAL,
    )(files)


@pytest.mark.parametrize(
    ("changes", "files"),
    [((on_host(cpu_model="Another"),), 4), ((_without_slowest,), 3)],
    ids=["re-badged", "edited"],
)
def test_a_copy_has_files_or_requests_of_the_original(changes: tuple[Change, ...], files: int) -> None:
    """Another machine said of it, or slow requests taken out."""
    found = likeness(prints(edited(*changes)), prints(variant(1)))

    assert found.is_copy
    assert found.files == files
    assert found.matches == found.requests


def test_a_copy_with_another_rhythm_keeps_its_times() -> None:
    """Every stamp moved at random: still the loads began in the same microseconds."""
    copy = archive_of(changed_files(earlier(1), rhythm(5)))

    found = likeness(prints(copy), prints(variant(1)))

    assert (found.files, found.matches) == (0, 0)
    assert found.starts == 4
    assert found.is_copy


def test_one_cell_of_another_run_is_enough() -> None:
    """The best cells of several runs make no new run."""
    mixed = archive_of(changed_files(jittered(1), _cell_of(2)))

    found = likeness(prints(mixed), prints(variant(2)))

    assert found.files == 0
    assert 0 < found.matches < found.requests
    assert found.is_copy


def _cell_of(seed: int) -> Change:
    """The records of one cell from another run, one of them changed so that the file is another one."""
    other = changed_files(jittered(seed))

    def apply(files: Files) -> None:
        name = f"cells/{SERIAL}/records.jsonl"
        files[name] = other[name]
        in_records(lambda records: [nudged(records[0]), *records[1:]], SERIAL)(files)

    return apply


def test_the_published_bundles_share_nothing() -> None:
    """Honest pairs: none of their requests has a mark in common, within a bundle or between two."""
    found = [prints(path.read_bytes()) for path in sorted(RESULTS.glob("*.tar.gz"))]

    seen: set[int] = set()
    for each in found:
        for marks in each.requests:
            assert seen.isdisjoint(marks)
            seen |= set(marks)
    assert sum(len(each.requests) for each in found) > 2000
