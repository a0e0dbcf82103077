"""Self tests as one table: what was seen, on which machine, when, by which version. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tabulate import tabulate

from kit.documents import Host
from kit.documents.selftest import SelfTest, SelfTestEntry, SelfTestLevel
from kit.judge.selftest import level_passed
from kit.text import NO_DATA, bytes_text, cell, number, plain_text

_PLAIN = re.compile(r"[A-Za-z0-9 ,.%/:;–()-]*")  # noqa: RUF001
MAX_REASON = 120
BUSY = 0.5  # of the CPUs, in the minute before


def selftest_table(tests: Sequence[SelfTest]) -> str:
    """A row for each entry of each self test, by platform, entry and day; without a line feed at its end."""
    levels = sorted({level.users for test in tests for entry in test.entries for level in entry.levels})
    headers = ["platform", "entry", "runtime", "version", *map(_users, levels), "machine", "seen"]
    ordered = sorted(tests, key=lambda test: (test.platform, test.ended_utc))
    rows = [_row(test, entry, levels) for test in ordered for entry in test.entries]
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def _users(count: int) -> str:
    return f"{count} user{'s' * (count != 1)}"


def _row(test: SelfTest, entry: SelfTestEntry, levels: Sequence[int]) -> list[str]:
    found = {level.users: level for level in entry.levels}
    device = f", {entry.device}" if entry.device and entry.device != "cpu" else ""
    words = [
        test.platform,
        entry.entry,
        f"{entry.runtime} {entry.variant}",
        entry.version or NO_DATA,
        *(_level(found.get(users)) for users in levels),
        machine_text(test.host) + device,
        f"{test.ended_utc[:10]}, kit {test.kit_version}{_busy(test)}",
    ]
    return [_safe(each) for each in words]


def _busy(test: SelfTest) -> str:
    """Whether something else wanted the machine too; figures are lower then."""
    load = test.load_average
    return f", busy (load {number(load, 1)})" if load is not None and load > BUSY * test.host.cpus_usable else ""


def _level(level: SelfTestLevel | None) -> str:
    if level is None:
        return NO_DATA
    if not level_passed(level):
        return _outcome(level)
    doubt = " (SUSPECT)" if level.suspect else ""
    return f"{number(level.throughput_tok_s, 1)} tok/s, TTFT {number(level.ttft_p50_ms, 0)} ms{doubt}"


def machine_text(host: Host) -> str:
    """A machine in a few words: CPU, how many are usable, memory."""
    name = re.sub(r"\((R|TM|tm|r)\)", "", host.cpu_model or host.architecture)
    return f"{name}, {host.cpus_usable} CPU{'s' * (host.cpus_usable != 1)}, {bytes_text(host.memory_bytes)}"


def failure_lines(test: SelfTest) -> list[str]:
    """One line for each entry and number of users that failed, with the reason."""
    lines = []
    for entry in test.entries:
        for level in entry.levels:
            if not level_passed(level):
                reason = f": {level.failure.reason}" if level.failure else ""
                words = f"{entry.entry} at {_users(level.users)}: {_outcome(level)}{reason}"
                lines.append(plain_text(words, 500))
    return lines


def _outcome(level: SelfTestLevel) -> str:
    if level.status == "measured":
        return "no answer ended in the window"
    return f"{level.status} in {level.failure.phase}" if level.failure else level.status


def _safe(words: str) -> str:
    """Ordinary words as they are, whatever else escaped: files of others have them, too."""
    return words if _PLAIN.fullmatch(words) and len(words) <= MAX_REASON else cell(words)
