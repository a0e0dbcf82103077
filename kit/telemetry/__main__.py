"""python -m kit.telemetry WATCH.json: samples until SIGTERM, or until its input closes.

Beside WATCH.json it writes telemetry.jsonl, each sample at once, and sampler.json, which says what it is.
WATCH.json is read again when it changes. Ends with 0; 2 without something to watch, 5 where it cannot write.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from pathlib import Path

from kit.storage.names import SAMPLER, TELEMETRY
from kit.telemetry.sampling import Sampler, line
from kit.telemetry.watching import Watch, read_watch

NS_PER_MS = 1_000_000
INPUT_FD = 0


class _Told:
    """The document that says whom to watch, as it is now."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] = (-1, -1)

    def news(self) -> Watch | None:
        """The document if it changed; None while it has not, or is half written."""
        try:
            stat = self._path.stat()
            seen = (stat.st_mtime_ns, stat.st_size)
            if seen == self._seen:
                return None
            watch = read_watch(self._path.read_bytes())
        except (OSError, ValueError, KeyError, TypeError):
            return None
        self._seen = seen
        return watch


class _End:
    """Whether it is time to end: SIGTERM came, or the input closed."""

    def __init__(self, *, until_input_closes: bool) -> None:
        self._woken, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        self._poll = select.poll()
        self._poll.register(self._woken, select.POLLIN)
        if until_input_closes:
            self._poll.register(INPUT_FD, select.POLLIN)

    def within(self, wait_ns: int) -> bool:
        """Wait so long; True as soon as it is time."""
        return any(
            fd == self._woken or not os.read(fd, 4096)
            for fd, _ in self._poll.poll(max(0, -(-wait_ns // NS_PER_MS)))
        )


def main(arguments: list[str]) -> int:
    path = Path(arguments[0]) if len(arguments) == 1 else Path()
    told = _Told(path)
    watch = told.news()
    if watch is None:
        sys.stderr.write(f"{path} does not say what to watch.\n")
        return 2
    end = _End(until_input_closes=watch.until_input_closes)
    try:
        return _sample(path.parent, watch, told, end)
    except OSError as error:
        sys.stderr.write(f"no sample can be written: {error.strerror or error}\n")
        return 5


def _sample(folder: Path, watch: Watch, told: _Told, end: _End) -> int:
    sampler = Sampler(watch)
    out = os.open(folder / TELEMETRY, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o644)
    said: dict[str, str] | None = None
    origin_ns, ticks, over = time.monotonic_ns(), 0, False
    while True:
        os.write(out, line(sampler.sample(always=over or ticks == 0)))
        if said != sampler.sources:
            said = dict(sampler.sources)
            _say(folder / SAMPLER, watch, sampler.cpus, said)
        if over:
            break
        # What was missed, because the whole machine stood still, is not made up for.
        ticks = max(ticks + 1, (time.monotonic_ns() - origin_ns) // watch.interval_ns + 1)
        over = end.within(origin_ns + ticks * watch.interval_ns - time.monotonic_ns())
        if (newer := told.news()) is not None:
            sampler.follow(newer)
    sampler.close()
    return 0


def _say(path: Path, watch: Watch, cpus: int, sources: dict[str, str]) -> None:
    """Replaced in one step: whoever reads it finds a whole document."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps({"cpus": cpus, "interval_ns": watch.interval_ns, "sources": sources}))
    partial.replace(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
