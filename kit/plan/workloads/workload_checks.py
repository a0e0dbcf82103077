"""What a platform file says of its workload must fit together: lengths, arrivals, sessions, a search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from kit.documents import Entry, OutputTokens, Platform, Workload
from kit.errors import InputError
from kit.metrics.goodput import parse_slo
from kit.plan.witness import reference_names
from kit.plan.workloads.corpus import NAME as CORPUS
from kit.plan.workloads.kit_traces import kit_trace_names
from kit.plan.workloads.own_traces import own_trace
from kit.plan.workloads.sessions import decided, smallest_session_tokens
from kit.plan.workloads.shapes import check_arrivals, output_hull, shapes_of_workload
from kit.runtimes import RUNTIMES
from kit.runtimes.protocol import Runtime
from kit.strict.yaml_reader import Located
from kit.text import hint

# What runtimes call the context of one request, and how many tokens more than planned a prompt may have.
CONTEXTS = ("context_tokens_per_slot", "context_tokens", "max_model_len")
SPARE_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Place:
    """A platform file, to be complained about line by line."""

    where: str
    document: Located

    def refuse(self, place: tuple[str | int, ...], what: str, remedy: str) -> NoReturn:
        raise InputError(f"{self.where}, line {self.document.line(place)}: {what}.", remedy)

    def unknown(self, place: tuple[str | int, ...], what: str, word: str, known: list[str]) -> NoReturn:
        self.refuse(place, f"unknown {what} {word!r}", hint(word, known, also=f"Known: {', '.join(known)}."))


def check_search(work: Workload, here: Place) -> None:
    """A search has limits and ends, and one kind of request."""
    wish = work.search
    if wish is None:
        return
    try:
        parse_slo(wish.slo)
    except InputError as error:
        here.refuse(("workload", "search", "slo"), error.what.rstrip("."), error.remedy)
    if wish.first > wish.max_users:
        here.refuse(
            ("workload", "search"), f"first {wish.first} is above max_users {wish.max_users}", "Swap them."
        )
    if work.loop == "open" or len(shapes_of_workload(work)) > 1:
        words = "a search for the number of users has a closed loop and one kind of request"
        here.refuse(("workload", "search"), words, "Leave out the search, or the lengths and arrivals.")


def check_shapes(work: Workload, here: Place) -> None:
    """Lengths and arrivals fit together."""
    output = work.output_tokens
    if isinstance(output, OutputTokens) and output.min > output.max:
        words = f"min {output.min} is above max {output.max}"
        here.refuse(("workload", "output_tokens"), words, "Swap them.")
    for name in ("input_tokens", "output_tokens", "rates", "speeds"):
        values = getattr(work, name)
        if isinstance(values, tuple) and len(set(values)) != len(values):
            here.refuse(("workload", name), f"the same value twice in {name}", "Remove one.")
    if bool(work.input_tokens) != (work.prompts == CORPUS):
        words = "input_tokens and prompts: corpus come together"
        here.refuse(("workload", "prompts"), words, "Give both, or neither.")
    if work.loop == "closed":
        for name in ("rates", "arrivals", "burstiness", "trace", "speeds"):
            if getattr(work, name):
                here.refuse(("workload", name), f"a closed loop has no {name}", "Write loop: open.")
        return
    if work.trace is None and not work.rates:
        here.refuse(("workload", "loop"), "an open loop needs rates or a trace", "Write rates: [0.5, 1].")
    if (work.trace is not None) and (work.rates or work.arrivals not in (None, "trace")):
        here.refuse(
            ("workload", "trace"), "a trace has no rates or arrivals", "Play it faster with speeds: [1, 2]."
        )
    if work.trace is None and (work.speeds or work.arrivals == "trace"):
        here.refuse(("workload", "loop"), "speeds are of a trace", "Name one: trace: bursts.")
    if (work.burstiness is not None) != (work.arrivals == "gamma"):
        here.refuse(("workload", "loop"), "arrivals: gamma and burstiness come together", "Give both, or neither.")
    if len(work.concurrencies) != 1:
        words = "an open loop has one concurrency: how many requests are expected at once"
        here.refuse(("workload", "concurrencies"), words, "Give the rates in rates.")
    if any(round(rate * 1000) != rate * 1000 for rate in (*work.rates, *work.speeds)):
        here.refuse(("workload", "loop"), "a rate or speed has more than three decimals", "Round it.")
    if work.trace is not None:
        _check_trace(work, here)


def _check_trace(work: Workload, here: Place) -> None:
    known = kit_trace_names()
    if isinstance(work.trace, str):
        if work.trace not in known:
            here.unknown(("workload", "trace"), "trace", work.trace, known)
    elif work.trace is not None:
        try:
            own_trace(work.trace)
        except InputError as error:
            here.refuse(("workload", "trace"), error.what.rstrip("."), error.remedy)
    if not work.speeds:
        here.refuse(("workload", "trace"), "a trace needs its speed", "Write speeds: [1].")
    try:
        check_arrivals(work)
    except InputError as error:
        here.refuse(("workload", "window_s"), error.what[0].lower() + error.what[1:].rstrip("."), error.remedy)


def check_context(work: Workload, entry: Entry, index: int, runtime: Runtime, here: Place) -> None:
    """The longest prompt with the longest answer fits into the context that the entry gives a request."""
    if not work.input_tokens:
        return
    needed = max(work.input_tokens) + output_hull(work).max
    rules = runtime.settings(entry.variant)
    for key in CONTEXTS:
        found = entry.settings.get(key, rules[key].default) if key in rules else None
        if type(found) is int and found < needed + SPARE_TOKENS:
            words = f"{key} is {found}, but prompt and answer need {needed}"
            place = ("entries", index, "settings", key) if key in entry.settings else ("entries", index)
            here.refuse(place, words, f"Write {key}: {needed + SPARE_TOKENS}, or shorten the lengths.")


def check_witness(platform: Platform, here: Place) -> None:
    """A witness asks single requests again, and a reference that it names is one of the kit's."""
    wish = platform.witness
    if wish is None:
        return
    if platform.workload.sessions is not None:
        words = "a witness asks single requests again, and a turn of a session is none"
        here.refuse(("witness",), words, "Leave out the witness, or the sessions.")
    if wish.reference is not None and wish.reference not in reference_names():
        here.unknown(("witness", "reference"), "witness reference", wish.reference, reference_names())


def check_sessions(platform: Platform, here: Place) -> None:
    """Sessions have ranges that are some, in a closed loop of chats, and every entry can hold one."""
    work = platform.workload
    if work.sessions is None:
        return
    place = ("workload", "sessions")
    if work.loop == "open" or work.api != "chat" or shapes_of_workload(work):
        words = "sessions are chats in a closed loop, with one range of output_tokens"
        here.refuse(place, words, "Leave out input_tokens, rates, trace and api, or the sessions.")
    try:
        asked = decided(work.sessions)
    except InputError as error:
        here.refuse(place, error.what.rstrip("."), error.remedy)
    least = smallest_session_tokens(asked, output_hull(work).min if work.ignore_eos else 0)
    for index, entry in enumerate(platform.entries):
        runtime = RUNTIMES.get(entry.runtime)
        if runtime is None or entry.variant not in runtime.VARIANTS:
            continue  # said below
        if not runtime.capabilities(entry.variant).system_message:
            words = f"{entry.runtime} reads only the last message of a chat, so it can hold no session"
            here.refuse(("entries", index), words, "Leave the entry out.")
        context = {**{k: rule.default for k, rule in runtime.settings(entry.variant).items()}, **entry.settings}
        name = next((name for name in CONTEXTS if name in context), None)
        if name is not None and int(context[name]) < least:
            words = f"{name} is {context[name]}, and even the shortest session has {least} tokens at its end"
            here.refuse(("entries", index), words, f"Raise {name}, or shorten the sessions.")
