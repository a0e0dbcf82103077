"""The bars of long things on a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from kit.output import drawing_error

if TYPE_CHECKING:
    from rich.progress import Progress

BAR_WIDTH = 20


def watched(*, quiet: bool) -> bool:
    """Whether somebody looks at a terminal; elsewhere rich is not even imported, which takes a while."""
    return not quiet and sys.stderr.isatty()


def bar() -> Progress:
    """A bar with its description before it, and what is left behind it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.table import Column

    # The words give way on a narrow terminal, the time left does not.
    words = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
    left = TextColumn("{task.fields[left]}", markup=False, table_column=Column(no_wrap=True))
    columns = [words, BarColumn(bar_width=BAR_WIDTH), left]
    console = Console(file=drawing_error(), highlight=False, markup=False)
    # What is printed meanwhile goes through kit.output, not through the bar.
    return Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)


def remaining_text(seconds: float) -> str:
    """Time left as m:ss."""
    whole = max(0, int(seconds))
    return f"{whole // 60}:{whole % 60:02d}"
