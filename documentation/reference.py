"""Tables of the reference, made from the code: `python -m documentation.reference metrics|exit-codes|...`."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click

from kit.assets import asset
from kit.cli import COMMANDS, EXIT_CODES, cli
from kit.metrics.registry import METRICS, PARTS, TIMES, Metric

ROOT = Path(__file__).resolve().parents[1]


def table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    names = list(headings)
    lines = [names, ["---"] * len(names), *(list(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def metrics_table() -> str:
    """Every figure by its path, distributions in one row each."""
    parts = ", ".join(f"`.{part}`" for part in PARTS if part != "n")
    rows = [_metric_row(metric) for path, metric in METRICS.items() if path.partition(".")[0] not in TIMES]
    times = [
        [f"`{name}.PART`", f"{word}; PART is one of {parts}; `{name}.n` counts the samples", "ms", "lower"]
        for name, (word, _) in TIMES.items()
    ]
    lengths = [_metric_row(metric) for path, metric in METRICS.items() if path.startswith("tpot_ms.by_output.")]
    return table(("`--metric`", "figure", "unit", "better"), [*rows[:7], *times, *lengths, *rows[7:]])


def _metric_row(metric: Metric) -> list[str]:
    name = metric.title if metric.title != metric.path else metric.path.replace("_", " ").replace(".", ": ")
    return [f"`{metric.path}`", name, metric.unit or "–", metric.better]  # noqa: RUF001


def exit_codes_table() -> str:
    """The exit codes of `kit --help`."""
    text = " ".join(EXIT_CODES.partition("Exit codes:")[2].partition("KIT_DEBUG")[0].split()).rstrip(".")
    rows = [part.strip().partition(" ")[::2] for part in text.split(";")]
    return table(("code", "meaning"), [[f"`{code}`", meaning] for code, meaning in rows])


def schemas_table() -> str:
    """The documents that have a JSON Schema."""
    rows = []
    for path in sorted(asset("schemas").glob("*.json")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        name = path.name.partition(".")[0]
        rows.append([f"`kit/{name}/1`", f"[{path.name}](../schemas/{path.name})", schema["description"]])
    return table(("`schema`", "file", "document"), rows)


def json_table() -> str:
    """The ids of what `--json` prints that is no document of the table of schemas, with the command."""
    modules = {module: name for name, (module, _) in COMMANDS.items()}
    rows = []
    for path in sorted((ROOT / "kit" / "cli").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        command = modules.get(module, "reproduce`, `kit run")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "show_document":
                name = node.args[0]
                if isinstance(name, ast.Constant):
                    rows.append([f"`kit/{name.value!s}/1`", f"`kit {command}`"])
    unique = sorted({tuple(row) for row in rows})
    return table(("`schema`", "printed by"), unique)


def commands_page() -> str:
    """Every command with its help, as the site shows it."""
    parts = ["# Commands", "", "What `kit COMMAND --help` prints, for each command."]
    for words, text in helps():
        parts += ["", f"{'#' * min(len(words) + 1, 3)} {' '.join(words)}", "", "```text", text.rstrip(), "```"]
    return "\n".join(parts) + "\n"


def helps() -> Iterator[tuple[tuple[str, ...], str]]:
    """Each command and its help text at 100 columns."""
    from click.testing import CliRunner

    def walk(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield words
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                yield from walk(inner, (*words, name))

    for words in walk(cli, ("kit",)):
        done = CliRunner().invoke(cli, [*words[1:], "--help"], prog_name="kit", terminal_width=100, color=False)
        yield words, re.sub(r" +$", "", done.output, flags=re.MULTILINE)


TABLES: dict[str, Callable[[], str]] = {
    "metrics": metrics_table,
    "exit-codes": exit_codes_table,
    "schemas": schemas_table,
    "json": json_table,
}

if __name__ == "__main__":
    sys.stdout.write(TABLES[sys.argv[1]]() + "\n")
