"""The commands of `kit --help` in groups; a command's module is imported only when that command runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import click

GROUPS: Mapping[str, Sequence[str]] = {
    "Measure": (
        *("run", "reproduce", "load", "merge", "sweep", "test", "eval", "answer"),
        *("init", "plan", "doctor", "selftest", "nightly", "status", "runs"),
    ),
    "Judge": ("table", "report", "recommend", "compare", "score", "gate", "claims", "verify"),
    "Share": ("bundle", "sign", "publish", "fetch", "results", "site", "badge", "import", "export"),
    "Instrument": ("calibrate", "reference"),
    "Containers and models": ("models", "runtimes", "images", "up", "down", "clean"),
    "Shell": ("completion",),
}
MORE = "More"


def in_groups(names: Sequence[str]) -> dict[str, list[str]]:
    """These names under the headings of their groups, in the order of the groups; the others under `MORE`."""
    known = {name for group in GROUPS.values() for name in group}
    groups = {heading: [name for name in group if name in names] for heading, group in GROUPS.items()}
    groups[MORE] = [name for name in names if name not in known]
    return {heading: group for heading, group in groups.items() if group}


class LazyGroup(click.Group):
    """`lazy` has the module and the summary of each command."""

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]], **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return [name for group in in_groups(list(self.lazy)).values() for name in group]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in self.lazy:
            return None
        command: click.Command = import_module(self.lazy[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        widest = max(map(len, self.lazy))
        for heading, names in in_groups(list(self.lazy)).items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(widest), self.lazy[name][1]) for name in names])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[click.shell_completion.CompletionItem]:
        """With the summaries of the list, so that completing a word imports no command."""
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=self.lazy[name][1])
            for name in self.list_commands(ctx)
            if name.startswith(incomplete)
        ]
        return found or super().shell_complete(ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from kit.text import hint

            asked = hint(args[0], self.lazy)
            if not asked:
                raise
            raise click.UsageError(f"{error.message.rstrip('.')}. {asked}", ctx) from None
