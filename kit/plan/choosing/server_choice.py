"""What is measured of servers that already run, by their addresses alone. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from kit.documents import NO_MODEL, Entry, Platform, Workload
from kit.documents.vocabulary import RUNNING, SERVER
from kit.errors import InputError
from kit.plan.budget import SHORTEST_S, USUAL_S, Effort, effort
from kit.plan.choosing.choice import DEFAULT_USERS, DRAIN_S, OUTPUT, PROMPTS, SEED, SUITE, Chosen, time_words
from kit.plan.choosing.search_choice import levels_without, search_effort, search_words
from kit.plan.choosing.wishes import Wishes
from kit.plan.target import parse_target
from kit.text import listed

NAME = "servers"


def chosen_servers(urls: Sequence[str], served_model: str | None, wishes: Wishes) -> Chosen:
    """The platform for servers that already run; `InputError` for an address that is none, or given twice."""
    targets = [parse_target(url).base_url for url in urls]
    if len(set(targets)) < len(targets):
        raise InputError("Two of the addresses are the same server.", "Give each once.")
    if wishes.engine == "docker" or wishes.runtimes:
        option = "--engine docker" if wishes.engine else "--runtime"
        raise InputError("A server that already runs was started by somebody else.", f"Leave out {option}.")
    names = _names(targets)
    entries = tuple(
        Entry(name, SERVER, RUNNING, {}, url=url, served_model=served_model)
        for name, url in zip(names, targets, strict=True)
    )
    users, work, told = _load(len(entries), wishes)
    workload = Workload(
        "own", PROMPTS, OUTPUT, "closed", users, work.warmup_s, work.window_s, DRAIN_S, work.replicates, True,
        search=wishes.search,
    )  # fmt: skip
    platform = Platform(
        schema="kit/platform/1",
        name=NAME,
        title=f"Servers that already run: {listed(names)}"[:200],
        engine="process",
        model=NO_MODEL,
        correctness=SUITE,
        workload=workload,
        seed=SEED,
        entries=entries,
    )
    asked = served_model or "the first model that each lists"
    reasons = (
        f"Servers: {listed(f'{name} at {url}' for name, url in zip(names, targets, strict=True))}.",
        f"Model: {asked}; settings, caches and device are as whoever started them decided.",
        *told,
    )
    return Chosen(platform, reasons)


def _load(entries: int, wishes: Wishes) -> tuple[tuple[int, ...], Effort, tuple[str, str]]:
    """The numbers of users, windows and replicates; in words what was chosen and how long it takes."""
    wish = wishes.search
    if wish is not None:
        work, time = search_effort(entries, wish, "process", SHORTEST_S, wishes.budget_s)
        return levels_without(wish), work, (f"Users: {search_words(wish)} (--users for fixed numbers).", time)
    users = tuple(sorted(wishes.users or DEFAULT_USERS))
    work = effort(entries * len(users), "process", USUAL_S, wishes.budget_s)
    asked_for = ", as asked" if wishes.users else " (--users for others)"
    time = time_words(work, wishes.budget_s, users, users)
    return users, work, (f"Users: {', '.join(map(str, users))}{asked_for}.", time)


def _names(urls: Sequence[str]) -> list[str]:
    """Host and port of each; a number behind those that share them."""
    names: list[str] = []
    for url in urls:
        parts = urlsplit(url)
        host = re.sub(r"[^a-z0-9.-]+", "-", (parts.hostname or "server").lower()).strip("-.") or "server"
        name = f"{host[:40]}-{parts.port}" if parts.port else host[:48]
        same = sum(each == name or each.startswith(f"{name}--") for each in names)
        names.append(f"{name}--{same + 1}" if same else name)
    return names
