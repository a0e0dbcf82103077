"""Draws a last screen: on a terminal with colours and links, as plain lines on one that has none."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from kit.output import drawing_output, harmless
from kit.report.screen.layout import Line, laid_out, plain_line
from kit.report.screen.values import Screen, Tone

STYLES: Mapping[Tone, str] = {
    "plain": "", "title": "bold", "quiet": "dim", "best": "bold green", "good": "green", "doubt": "yellow",
    "bad": "bold red",
}  # fmt: skip
WIDTH = 80  # of a terminal that does not say how wide it is
# Terminals that show links (OSC 8), by what they say of themselves; others would print the address into the text.
LINKING_PROGRAMS = frozenset({"iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "rio", "Tabby"})
LINKING_MARKS = ("KITTY_WINDOW_ID", "WT_SESSION", "KONSOLE_VERSION", "ALACRITTY_WINDOW_ID", "DOMTERM")
FIRST_LINKING_VTE = 5000  # GNOME Terminal and all that are built like it


def is_shown() -> bool:
    """Whether somebody looks at a terminal; whoever reads a pipe gets Markdown."""
    return sys.stdout.isatty()


def show_screen(screen: Screen) -> None:
    """Print a screen as wide as the terminal."""
    lines = laid_out(screen, shutil.get_terminal_size((WIDTH, 24)).columns)
    if os.environ.get("TERM") == "dumb":
        click.echo("\n".join(plain_line(line) for line in lines))
        return
    from rich.console import Console

    console = Console(file=drawing_output(), highlight=False, markup=False, emoji=False, legacy_windows=False)
    for line in lines:
        console.print(_coloured(line, links=has_links(os.environ)), soft_wrap=True)


def _coloured(line: Line, *, links: bool) -> object:
    from rich.style import Style
    from rich.text import Text

    text = Text()
    for span in line:
        style = Style.parse(STYLES[span.tone])
        if links and span.link:
            style += Style(link=span.link)
        text.append(harmless(span.text), style)
    text.rstrip()
    return text


def has_links(environment: Mapping[str, str]) -> bool:
    """Whether the terminal shows links, by what it says of itself; within tmux and screen nobody knows."""
    if "TMUX" in environment or environment.get("TERM", "").startswith(("screen", "tmux")):
        return False
    vte = environment.get("VTE_VERSION", "")
    return (
        environment.get("TERM_PROGRAM") in LINKING_PROGRAMS
        or any(mark in environment for mark in LINKING_MARKS)
        or (vte.isdecimal() and int(vte) >= FIRST_LINKING_VTE)
    )


def link_to(path: Path) -> str:
    """The address of a file for a link."""
    return path.resolve().as_uri()
