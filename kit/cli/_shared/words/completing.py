"""What a shell offers for a word: names that the kit knows, then files.

Each is a `shell_complete` of click. A file is offered first, because bash forgets what stands before it, and is
looked for by the shell only where no name fits. Nothing here may fail: a shell that completes shows no errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Complete = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]
Names = Callable[[click.Context], Iterable[str]]


def _completing(names: Names, *, files: bool = False, listed: bool = False) -> Complete:
    """Names that begin with the word; `listed` completes the last of several with commas between them."""

    def complete(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        from kit.errors import KitError

        before, comma, word = incomplete.rpartition(",") if listed else ("", "", incomplete)
        try:
            found = [name for name in names(context) if name.startswith(word)]
        except (KitError, OSError):
            found = []
        kept = set(before.split(","))
        items = [CompletionItem(f"{before}{comma}{name}") for name in found if not (comma and name in kept)]
        return [*([CompletionItem(incomplete, type="file")] if files else []), *items]

    return complete


def _platforms(_: click.Context) -> list[str]:
    from kit.plan.platforms import platform_names

    return platform_names()


def _entries(context: click.Context) -> list[str]:
    from kit.plan.platforms import load_platform

    # An option that still lacks its value ends click's reading of the line before the platform is taken.
    words = [word for word in context.args if not word.startswith("-")]
    platform = context.params.get("platform") or next(iter(words), None)
    return [entry.name for entry in load_platform(platform).entries] if platform else []


def _models(_: click.Context) -> list[str]:
    from kit.catalogue import models

    return [entry.name for entry in models()]


def _runtimes(_: click.Context) -> list[str]:
    from kit.runtimes import runtime_names

    return list(runtime_names())


def _metrics(_: click.Context) -> list[str]:
    from kit.metrics.registry import METRICS

    return list(METRICS)


def _tables(_: click.Context) -> list[str]:
    from kit.metrics.registry import MORE_TABLES, SESSION_TABLES, TABLES

    return [each.path for each in (*TABLES, *MORE_TABLES, *SESSION_TABLES)]


def _contracts(_: click.Context) -> list[str]:
    from kit.judge.score.loading import contract_names

    return list(contract_names())


def _grades(context: click.Context) -> list[str]:
    from kit.judge.score import load_contract
    from kit.judge.score.loading import OURS

    return [each.grade for each in load_contract(str(context.params.get("contract_name") or OURS)).grades]


def _prompt_sets(_: click.Context) -> list[str]:
    from kit.plan.prompts import prompt_set_names

    return prompt_set_names()


def _images(_: click.Context) -> list[str]:
    from kit.supply.images import recipes

    return sorted({each.name for each in recipes()})


def _published(_: click.Context) -> list[str]:
    from kit.catalogue.published import all_published

    return ["published", *(f"published:{each.name}" for each in all_published())]


def _runs(_: click.Context) -> list[str]:
    """The run folders of runs/, the newest first."""
    from kit.storage.names import PLAN

    return sorted((str(each) for each in Path("runs").glob("*") if (each / PLAN).is_file()), reverse=True)


platforms = _completing(_platforms, files=True)
entries = _completing(_entries)
entry_list = _completing(_entries, listed=True)
models = _completing(_models, files=True)
runtimes = _completing(_runtimes)
runtime_list = _completing(_runtimes, listed=True)
metrics = _completing(_metrics)
tables = _completing(_tables)
contracts = _completing(_contracts, files=True)
grades = _completing(_grades)
prompt_sets = _completing(_prompt_sets, files=True)
images = _completing(_images)
published = _completing(_published)
runs = _completing(_runs, files=True)
levels = _completing(lambda _: ("standard", "tiny"))
slo_limits = _completing(lambda _: ("ttft=", "tpot=", "itl=", "e2e="), listed=True)
