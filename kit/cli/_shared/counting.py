"""How many of many are done: a bar on a terminal once it takes longer than two seconds, nothing elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from threading import Timer

from kit.output import drawing_error
from kit.text import plain_text

SHOW_AFTER_S = 2.0


@contextlib.contextmanager
def counting(what: str, total: int, *, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Yields the function to call with the name of each that is done."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = [BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    words = [
        TextColumn("{task.description}", markup=False),
        *columns,
        TextColumn("{task.fields[last]}", markup=False),
    ]
    console = Console(file=drawing_error(), highlight=False, markup=False)
    progress = Progress(*words, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
    task = progress.add_task(what, total=total, last="")
    later = Timer(SHOW_AFTER_S, progress.start)
    later.start()
    try:
        yield lambda name: progress.update(task, advance=1, last=plain_text(name, 40))
    finally:
        later.cancel()
        later.join()
        progress.stop()
