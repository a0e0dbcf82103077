"""What is measured where nobody wrote a platform file, chosen from machine, model and wishes; with reasons. Pure.

`kit.run.around.surroundings` looks at the machine; `kit run` and `kit init` write the platform down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from kit.documents import Entry, OutputTokens, Platform, Setting, Suite, Workload
from kit.errors import InputError
from kit.plan.budget import Effort, effort, least_window_s, minutes
from kit.plan.choosing.runtime_choice import Candidate, candidates
from kit.plan.choosing.search_choice import levels_without, search_effort, search_words, searched_levels
from kit.plan.choosing.wishes import KnownModel, Machine, Wishes
from kit.text import bytes_text, listed

DEFAULT_USERS = (1, 2, 4, 8)
USERS_PER_CPU = 2  # by default; beyond, a CPU only shares the same tokens among more
CONTEXT_TOKENS = 640  # of a prompt of the set `short`, its system message and template, and 64 tokens of answer
SHORTEST_CONTEXT_TOKENS = 256
MEMORY_SHARE = 0.8  # of the memory for weights and caches; the rest is for buffers, system and load generator
PROMPTS, OUTPUT = "short", OutputTokens("uniform", 16, 64)
SEED = 2026
DRAIN_S = 60.0
SUITE = Suite("correctness", "tiny")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A platform, and why it is so: a line for each choice."""

    platform: Platform
    reasons: tuple[str, ...]


def chosen(machine: Machine, model: KnownModel, wishes: Wishes) -> Chosen:
    """The platform for a model on a machine; `InputError` if nothing here can run it as wished."""
    engine = _engine(machine, wishes)
    found = candidates(machine, model, wishes, engine)
    gpu = any(each.gpu for each in found.chosen)
    context = _context(model)
    room = _Room.of(machine, model, context, gpu=gpu)
    users, why_users = _users(machine, room, wishes, gpu=gpu)
    slots = min(max(users), room.slots or max(users))
    entries = _entries(found.chosen, slots, context)
    if wishes.search is not None:
        least_s = least_window_s(model.bytes, gpu=gpu)
        work, why_time = search_effort(len(entries), wishes.search, engine, least_s, wishes.budget_s)
        users, shown = levels_without(wishes.search), search_words(wishes.search)
    else:
        work, users, why_time = _effort_of(len(entries), users, engine, model, wishes, gpu=gpu)
        shown = ", ".join(map(str, users))
    reasons = (
        *found.reasons,
        f"Users: {shown}{why_users}.",
        _memory_words(model, context, slots, room),
        why_time,
    )
    workload = Workload(
        "own", PROMPTS, OUTPUT, "closed", users, work.warmup_s, work.window_s, DRAIN_S, work.replicates, True,
        search=wishes.search,
    )  # fmt: skip
    title = f"{model.name} on this machine: {listed(entry.name for entry in entries)}"[:200]
    platform = Platform(
        schema="kit/platform/1",
        name=platform_name(model.name, wishes.known_platforms),
        title=title,
        engine=engine,
        model=model.name,
        correctness=SUITE,
        workload=workload,
        seed=SEED,
        entries=entries,
        sources={} if model.source is None else {model.name: model.source},
    )
    return Chosen(platform, reasons)


def platform_name(model: str, known: Sequence[str]) -> str:
    """What the platform is called: as its model, but never as one that comes with the kit."""
    return f"my-{model}"[:64] if model in known else model


def _engine(machine: Machine, wishes: Wishes) -> Literal["process", "docker"]:
    if wishes.engine == "docker" and not machine.engine:
        raise InputError(
            f"No container engine answers: {machine.no_engine or 'none was found'}.",
            "Start it, or leave out --engine docker.",
        )
    return wishes.engine or ("docker" if machine.engine else "process")


# --- users, memory, context -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Room:
    """How many requests fit into memory at once; None where sizes are not known."""

    slots: int | None
    memory_bytes: int | None
    where: str

    @staticmethod
    def of(machine: Machine, model: KnownModel, context: int, *, gpu: bool) -> _Room:
        """`InputError` if not even one request fits."""
        where = "of the GPU" if gpu else "of this machine"
        memory = min((each.memory_bytes or 0 for each in machine.gpus), default=0) if gpu else machine.memory_bytes
        if not memory or model.bytes is None:
            return _Room(None, memory or None, where)
        left = MEMORY_SHARE * memory - model.bytes
        cache = context * (model.kv_bytes_per_token or 0)
        if left < cache or left <= 0:
            raise InputError(
                f"The model does not fit: {bytes_text(model.bytes)} of weights and {bytes_text(cache)} of cache "
                f"for one request; the memory {where} is {bytes_text(memory)}, {MEMORY_SHARE:.0%} of it for them.",
                "Take a smaller quantisation or model, or a machine with more memory.",
            )
        return _Room(int(left // cache) if cache else None, memory, where)


def _context(model: KnownModel) -> int:
    """Tokens of prompt and answer together: what the workload needs, at most what the model was trained for."""
    context = min(CONTEXT_TOKENS, model.context_tokens or CONTEXT_TOKENS)
    if context < SHORTEST_CONTEXT_TOKENS:
        raise InputError(
            f"The model {model.name} was trained for {context} tokens, prompt and answer together; "
            f"{SHORTEST_CONTEXT_TOKENS} are needed.",
            "Take another model.",
        )
    return context


def _users(machine: Machine, room: _Room, wishes: Wishes, *, gpu: bool) -> tuple[tuple[int, ...], str]:
    """The numbers of users, those that a search may measure if there is one, and what limited them."""
    asked = wishes.users if wishes.search is None else searched_levels(wishes.search)
    if asked is not None:
        queued = room.slots is not None and max(asked) > room.slots
        more = f"; memory is enough for {room.slots} at once, more are queued" if queued else ""
        told = ", as asked" if wishes.search is None else " (--users for fixed numbers)"
        return tuple(sorted(asked)), f"{told}{more}"
    most = DEFAULT_USERS[-1] if gpu else max(1, USERS_PER_CPU * machine.cpus)
    limit = f"up to {USERS_PER_CPU} for each of {machine.cpus} CPUs" if most < DEFAULT_USERS[-1] else ""
    if room.slots is not None and room.slots < min(most, DEFAULT_USERS[-1]):
        most, limit = room.slots, f"memory is enough for {room.slots}"
    users = tuple(level for level in DEFAULT_USERS if level <= most)
    return users, f" ({limit}; --users for others)" if limit else " (--users for others)"


def _memory_words(model: KnownModel, context: int, slots: int, room: _Room) -> str:
    trained = f", the model was trained for {model.context_tokens:,}" if model.context_tokens else ""
    words = f"Context: {context} tokens for each of {slots} slots ({PROMPTS} prompts, up to {OUTPUT.max} of answer"
    if model.bytes is None:
        return f"{words}{trained}); the size of the weights is not known."
    cache = model.kv_bytes_per_token and model.kv_bytes_per_token * context * slots
    kept = f" and {bytes_text(cache)} of cache" if cache else ""
    here = f" in {bytes_text(room.memory_bytes)} {room.where}" if room.memory_bytes else ""
    return f"{words}{trained}); {bytes_text(model.bytes)} of weights{kept}{here}."


# --- entries --------------------------------------------------------------------------------------------


def _entries(found: Sequence[Candidate], slots: int, context: int) -> tuple[Entry, ...]:
    """One for each candidate; a lone one is also measured with one slot, so that there is something to choose."""
    entries = [
        Entry(each.name, each.runtime, each.variant, _settings(each.runtime, slots, context)) for each in found
    ]
    if len(entries) == 1 and slots > 1 and entries[0].runtime in _SLOTS:
        only = entries[0]
        one = {**only.settings, _SLOTS[only.runtime]: 1}
        entries.append(replace(only, name=f"{only.name}-serial", settings=one))
    return tuple(entries)


_SLOTS = {"llamacpp": "slots", "ollama": "num_parallel"}


def _settings(runtime: str, slots: int, context: int) -> Mapping[str, Setting]:
    """What the workload needs; all else stays at the kit's own values."""
    if runtime == "llamacpp":
        return {"slots": slots, "context_tokens_per_slot": context}
    if runtime == "ollama":
        return {"num_parallel": slots, "context_tokens": context}
    if runtime == "vllm":
        return {"max_num_seqs": max(slots, 8), "max_model_len": context}
    return {"context_tokens": context}


# --- time -----------------------------------------------------------------------------------------------


def _effort_of(
    entries: int, users: tuple[int, ...], engine: str, model: KnownModel, wishes: Wishes, *, gpu: bool
) -> tuple[Effort, tuple[int, ...], str]:
    """Windows and replicates, and the numbers of users that there is time for; those that were asked for stay."""
    least_s = least_window_s(model.bytes, gpu=gpu)
    for kept in _fewer(users) if wishes.users is None else (users,):
        try:
            work = effort(entries * len(kept), engine, least_s, wishes.budget_s)
        except InputError:
            if len(kept) > 1 and wishes.users is None:
                continue
            raise
        return work, kept, time_words(work, wishes.budget_s, kept, users)
    raise AssertionError


def _fewer(users: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """All of them, then without the highest, down to one."""
    return (users[:count] for count in range(len(users), 0, -1))


def time_words(work: Effort, budget_s: float | None, kept: tuple[int, ...], users: tuple[int, ...]) -> str:
    """How long it takes, and what there was no time for."""
    told = "a first look; --budget 20m gives longer ones" if budget_s is None else f"budget {minutes(budget_s)}"
    left = f"; no time for {listed(str(level) for level in users if level not in kept)} users" * (kept != users)
    each = f"{work.replicates} replicate{'s' if work.replicates > 1 else ''} of {work.window_s:g} s windows"
    return f"Time: {each}, {work.cells} cells, about {minutes(work.whole_s)} ({told}{left})."
