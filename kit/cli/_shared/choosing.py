"""From a model or addresses and a few wishes to a platform with the reasons: shared by `run` and `init`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kit.cli._shared.durations import Duration
from kit.cli._shared.options import Concurrencies, users_option
from kit.cli._shared.percent import Percent
from kit.cli._shared.planning import asked_search
from kit.cli._shared.words import completing
from kit.cli._shared.words.numbers import Whole

if TYPE_CHECKING:
    from kit.documents import SearchWish
    from kit.plan.choosing.choice import Chosen
    from kit.plan.choosing.wishes import KnownModel

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.argument("model", required=False, metavar="[MODEL]", shell_complete=completing.models),
    click.option(
        "--url",
        "urls",
        multiple=True,
        metavar="URL",
        help="A server that already runs, in place of MODEL. Repeatable.",
    ),
    click.option(
        "--served-model", metavar="NAME", help="With --url: the model to ask for. Default: the first listed."
    ),
    users_option(Concurrencies(), "Numbers of concurrent users. Default 1,2,4,8, as far as fits."),
    click.option(
        "--slo",
        metavar="LIMITS",
        help="Look for the most users within limits like ttft=500ms,tpot=50ms; with --users, recommend by them.",
    ),
    click.option(
        "--max-users",
        type=Whole(1, 4096),
        metavar="N",
        help="With --slo alone: look up to N users. Default 64.",
    ),
    click.option("--share", type=Percent(), help="With --slo alone: requests that must meet them. Default 95%."),
    click.option(
        "--runtime",
        "runtimes",
        metavar="NAME,...",
        shell_complete=completing.runtime_list,
        help="Only these runtimes: llamacpp, ollama, vllm, realizar.",
    ),
    click.option(
        "--engine",
        type=click.Choice(["process", "docker"]),
        help="Run servers as processes or in containers. Default: containers where an engine answers.",
    ),
    click.option(
        "--budget",
        type=Duration(10, 31 * 86_400),
        metavar="TIME",
        help="How long the run may take, e.g. 20m; sets windows and replicates.",
    ),
)


def choosing_options(function: F) -> F:
    """The argument MODEL and the wishes that a platform is chosen by."""
    return reduce(lambda inner, option: option(inner), reversed(_OPTIONS), function)


def chosen_by(
    *,
    model: str | None,
    urls: tuple[str, ...],
    served_model: str | None,
    users: tuple[int, ...] | None,
    slo: str | None,
    max_users: int | None,
    share: float | None,
    runtimes: str | None,
    engine: str | None,
    budget: float | None,
    quiet: bool = False,
) -> Chosen:
    """The platform for what the options say; `InputError` with the remedy if nothing here can measure it."""
    from kit.plan.choosing.choice import chosen
    from kit.plan.choosing.server_choice import chosen_servers
    from kit.plan.choosing.wishes import Wishes
    from kit.plan.platforms import platform_names

    if (model is None) == (not urls):
        raise click.UsageError("Give either MODEL (a .gguf file, hf:ORG/REPO or a name), or --url URL.")
    if served_model is not None and not urls:
        raise click.UsageError("--served-model needs --url.")
    wishes = Wishes(
        users=users,
        runtimes=tuple(runtimes.split(",")) if runtimes else None,
        engine="docker" if engine == "docker" else "process" if engine == "process" else None,
        budget_s=budget,
        known_platforms=tuple(platform_names()),
        search=_search(users, slo, max_users, share),
    )
    if model is None:
        return chosen_servers(urls, served_model, wishes)
    from kit.run.around.surroundings import look_around

    known = known_model(model, quiet=quiet)  # first: a wrong word needs no look at the machine
    return chosen(look_around(containers=engine != "process"), known, wishes)


def _search(
    users: tuple[int, ...] | None, slo: str | None, max_users: int | None, share: float | None
) -> SearchWish | None:
    """Limits without numbers of users are searched for the most."""
    if users is None:
        return asked_search(None, slo, max_users, share, levels_given=False)
    if max_users is not None or share is not None:
        raise click.UsageError("--max-users and --share need --slo without --users.")
    return None


def known_model(word: str, *, quiet: bool) -> KnownModel:
    """What is known of a model that is a file, in a repository, behind an address, or in the catalogue."""
    from kit.catalogue import model as catalogue_model
    from kit.cli.showing.transfers import transfer
    from kit.gguf.memory import kv_bytes
    from kit.plan.choosing.wishes import KnownModel
    from kit.plan.sources import source_name, source_of
    from kit.supply.own_model import own_model

    source = source_of(word)
    if source is None:
        entry = catalogue_model(word)
        return KnownModel(entry.name, entry.is_folder, entry.bytes)
    with transfer("model: looking it up", quiet=quiet or not sys.stderr.isatty()) as on_bytes:
        own = own_model(source, may_download=True, on_bytes=on_bytes)
    facts = own.facts
    return KnownModel(
        name=source_name(source),
        bytes=own.entry.bytes,
        context_tokens=facts.context if facts else None,
        kv_bytes_per_token=kv_bytes(facts, 1) if facts else None,
        source=source,
    )
