"""Every command line that a help text or a page shows, and what some of them need that CI has not.

In a page a command is a line of a fenced block that begins with `kit` or `make`; words behind two blanks or a #
are its description. A comment directly before the block, invisible on the page, says what its commands need:
`<!-- needs docker -->`, or `<!-- needs network 2 3; time 1 -->` for some of them by their number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from kit.cli import COMMANDS, cli

ROOT = Path(__file__).resolve().parents[2]
NEEDS = ("docker", "network", "gpu", "time")
# What the examples of help texts need: a page says it itself, a help text has no place for it. What needs time is
# run by tests of its own (test_demo, test_own_model, test_own_servers, test_nightly, test_selftest).
HELP_NEEDS = {
    "kit clean": "docker",
    "kit down": "docker",
    "kit fetch oci://ghcr.io/name/results:smol -o bundles": "network",
    "kit images base trixie": "docker",
    "kit images build llamacpp/cpu --from-source": "docker",
    "kit images build loadgen llamacpp/cpu": "docker",
    "kit images list --json": "docker",
    "kit images lock -o images.lock.json": "docker",
    "kit models prepare smollm2-135m-instruct-bf16": "docker",
    "kit nightly demo --accepted nightly/accepted --accept": "time",
    "kit publish smol.tar.gz oci://ghcr.io/name/results": "network",
    "kit reproduce demo --until-decided --budget 20m": "time",
    "kit run ./model.gguf --slo ttft=500ms,tpot=50ms --budget 20m": "time",
    "kit runtimes check runtimes/transformers --model my-model": "network",
    "kit selftest demo": "time",
    "kit up smol llamacpp --port 8080": "docker",
}
_MADE = re.compile(r"<!-- made by: [^\n]*? -->\n.*?<!-- end -->", re.DOTALL)
_BLOCK = re.compile(
    r"(?:^<!-- needs (?P<needs>[a-z0-9; ]+) -->\n\n?)?"
    r"^[ ]*```(?:sh|console|)\n(?P<text>.*?)^[ ]*```$",
    re.MULTILINE | re.DOTALL,
)
_LINE = re.compile(r"^(?:\$ )?((?:kit|make) (?!\()(?:[^\n]*\\\n)*[^\n]*)", re.MULTILINE)
_DESCRIPTION = re.compile(r"\s{2,}(?!-)\S.*$|\s+#(?:\s.*)?$")


@dataclass(frozen=True, slots=True)
class Example:
    """One command line, where it stands, and what it needs that CI has not (nothing: None)."""

    command: str
    where: str
    needs: str | None = None


def commands_in(text: str, where: str) -> Iterator[Example]:
    """The commands of a page. `ValueError` for a mark that is none."""
    for block in _BLOCK.finditer(_MADE.sub("", text)):
        found = [_command(line) for line in _LINE.findall(block["text"])]
        needs = _needs(block["needs"] or "", len(found), where)
        yield from (Example(command, where, needs.get(number)) for number, command in enumerate(found, 1))


def _needs(mark: str, commands: int, where: str) -> dict[int, str]:
    """What each command of a block needs, by the mark before it: `network 2 3; time 1`."""
    needs: dict[int, str] = {}
    for part in filter(None, mark.split(";")):
        kind, *numbers = part.split()
        if kind not in NEEDS:
            raise ValueError(f"{where}: unknown mark {kind!r}; there are {', '.join(NEEDS)}")
        which = [int(number) for number in numbers] or list(range(1, commands + 1))
        if max(which) > commands:
            raise ValueError(f"{where}: the mark {kind} names a command that the block has not")
        needs |= dict.fromkeys(which, kind)
    return needs


def _command(line: str) -> str:
    joined = re.sub(r"\s*\\\n\s*", " ", line)
    return _DESCRIPTION.sub("", joined).strip()


def pages() -> list[Path]:
    """README, the documents and what contributors read."""
    return [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "SECURITY.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    ]


def page_examples() -> list[Example]:
    """Of all pages, in their order."""
    found: list[Example] = []
    for page in pages():
        found += commands_in(page.read_text(encoding="utf-8"), page.relative_to(ROOT).as_posix())
    return found


def help_examples() -> list[Example]:
    """Of all help texts."""
    found: list[Example] = []
    for words, command in commands_of(cli, ("kit",), list(COMMANDS)):
        for line in re.findall(r"^\s*Example: (kit [^\n]*)$", command.help or "", re.MULTILINE):
            found.append(Example(line.strip(), " ".join(words), HELP_NEEDS.get(line.strip())))
    return found


def commands_of(
    group: click.Group, words: tuple[str, ...], names: list[str]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    yield words, group
    for name in names:
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands_of(command, (*words, name), command.list_commands(context))
        else:
            yield (*words, name), command
