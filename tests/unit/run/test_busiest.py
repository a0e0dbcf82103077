"""Who computes most: lines of /proc as they come, hostile names, and the machine of the test itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kit.run.around.busiest import Moment, busiest, moment, parse_stat

TICKS = os.sysconf("SC_CLK_TCK")
TAIL = b" S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 1 0 100 0 0\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"17 (cc1)" + TAIL, ("cc1", 300)),
        (b"17 (a) b (c)" + TAIL, ("a) b (c", 300)),
        (b"17 (\xff\x1b[31m)" + TAIL, ("\ufffd\x1b[31m", 300)),
        (b"", None),
        (b"17 cc1 S 1", None),
        (b"17 (cc1) S 1 2", None),
        (b"17 (cc1) S 1 2 3 4 5 6 7 8 9 10 x y\n", None),
    ],
)
def test_a_line_of_a_process_is_read_or_passed_over(line: bytes, expected: object) -> None:
    """The name may have brackets and any bytes."""
    assert parse_stat(line) == expected


def test_the_programs_that_computed_most_come_first_and_are_safe_to_print() -> None:
    """Processes of one name count together; the kit itself and who did little are left out."""
    before = Moment(0, {1: ("old", 9000), 2: ("make", 0), 5: ("kit", 0)})
    after = Moment(
        2 * 10**9,
        {
            1: ("old", 9000), 2: ("make", TICKS // 2), 3: ("evil\x1b[31m" + "x" * 50, TICKS), 4: ("make", TICKS),
            5: ("kit", 2 * TICKS), 6: ("idle", 1),
        },
    )  # fmt: skip
    found = busiest(before, after, without=5)
    assert found[0] == "make"
    assert found[1].startswith("evil\ufffd[31m")
    assert len(found) == 2
    assert all(name.isprintable() and len(name) <= 30 for name in found)


def test_without_proc_nobody_is_named(tmp_path: Path) -> None:
    """Not a Linux machine."""
    nothing = moment(tmp_path / "none")
    assert nothing.times == {}
    assert busiest(nothing, nothing) == ()


def test_this_machine_has_processes() -> None:
    """Our own is among them."""
    assert os.getpid() in moment().times
