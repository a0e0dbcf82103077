"""Every command's help is the golden one, has an example, and `kit --help` does not load what it does not need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from kit.cli import COMMANDS, cli

GOLDEN = Path(__file__).parent / "golden"


def commands() -> list[tuple[str, ...]]:
    """Every command line that has a help, subcommands included."""
    context = click.Context(cli)
    found: list[tuple[str, ...]] = [()]
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        found.append((name,))
        if isinstance(command, click.Group):
            found += [(name, sub) for sub in command.list_commands(context)]
    return found


def help_of(words: tuple[str, ...]) -> str:
    done = CliRunner().invoke(cli, [*words, "--help"], prog_name="kit", terminal_width=100, color=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_the_help_is_the_golden_one(words: tuple[str, ...]) -> None:
    """`make golden` writes them anew after a wanted change."""
    path = GOLDEN / f"{'-'.join(('kit', *words))}.txt"
    if os.environ.get("KIT_WRITE_GOLDEN"):
        path.write_text(help_of(words), encoding="utf-8")
    assert path.is_file(), f"no golden help for {' '.join(words)}: run `make golden`"
    assert help_of(words) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_help_has_an_example_of_its_own_command(words: tuple[str, ...]) -> None:
    """A line `Example: kit <command> ...`."""
    text = " ".join(help_of(words).split())
    assert f"Example: {' '.join(('kit', *words))}" in text


def test_no_golden_help_is_left_over() -> None:
    """One file for each command, no more."""
    assert {path.stem for path in GOLDEN.glob("kit*.txt")} == {"-".join(("kit", *words)) for words in commands()}


def test_the_summaries_are_the_commands_own_first_lines_in_short() -> None:
    """Every command that exists is listed and importable."""
    text = help_of(())
    for name in COMMANDS:
        assert f"  {name} " in text


def test_help_loads_no_heavy_library() -> None:
    """`kit --help` answers at once: no jsonschema, httpx, rich, yaml, jinja2 or tabulate on its way."""
    code = (
        "import sys; from kit.cli import run; run(['--help']);"
        "heavy = {'jsonschema', 'httpx', 'rich', 'yaml', 'jinja2', 'tabulate', 'referencing'} & set(sys.modules);"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
