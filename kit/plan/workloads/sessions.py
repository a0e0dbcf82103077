"""`kit-sessions-1`: which sessions a worker has, what its user says in each turn, and what stood before. Pure.

Everything that a user says is a function of (seed, lane, session, turn), as in `kit.plan.schedule`; the answers
between are those that the server gave. Worker w of C has the sessions w, w + C, w + 2 C, ... one after another: so
no session depends on how quick the others are. The algorithm is in docs/sessions.md; a change of one bit here
needs a new name.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256, shake_256
from typing import Final

from kit.documents import (
    CONTENT,
    Loop,
    OutputTokens,
    PlannedTurn,
    Seconds,
    SessionKind,
    Sessions,
    SessionWork,
    Span,
)
from kit.errors import InputError
from kit.plan.prompts import PromptSet
from kit.plan.schedule import below, prompt_order, u64

NAME: Final = "kit-sessions-1"
MAX_TURNS = 1000
MAX_TOKENS = 200_000  # words of one message
MAX_THINK_S = 3600.0
NS_PER_S = 1_000_000_000
_WORD_BYTES = 2
# Short common English words: each, with the blank before it, is one token to every tokenizer of note.
_COMMON = (
    "time year people way day man thing woman life child world school state family student group country problem "
    "hand part place case week company system program question work number night point home water field mother "
    "area money story fact month lot right study book eye job word business issue side kind head class service "
    "friend father power hour game line end member law car city name team minute idea body back parent face level "
    "office door health person art war history party result change morning reason research girl guy moment others "
    "air teacher force"
)
WORDS = tuple(_COMMON.split())
_WORDS_A_LINE = 12
_LINES_A_FILE = 50

# What a kind is where nobody says more: people at a keyboard, and a program that reads files and runs tools.
_TURNS: dict[SessionKind, Span] = {"chat": Span(4, 12), "agent": Span(8, 24)}
_FIRST: dict[SessionKind, Span] = {"chat": Span(0, 96), "agent": Span(2000, 6000)}
_LATER: dict[SessionKind, Span] = {"chat": Span(8, 64), "agent": Span(100, 800)}
_THINK: dict[SessionKind, Seconds] = {"chat": Seconds(1.0, 8.0), "agent": Seconds(0.0, 0.5)}

_SAYS: dict[SessionKind, tuple[str, ...]] = {
    "chat": (
        "Thank you. Now take these words into account as well:",
        "I am not sure about that. Explain it again with these words:",
        "Good. Now answer with the following in mind:",
        "And what does that mean for these:",
    ),
    "agent": (
        "The command has ended with exit code 0. Its output:",
        "The file that you asked for:",
        "The tests have run. Their output:",
        "The search has found these lines:",
    ),
}
_NEXT: dict[SessionKind, str] = {"chat": "", "agent": "\n\nSay in a few words what the next step is."}


# --- what is decided --------------------------------------------------------------------------------------


def decided(work: SessionWork, count: int | None = None) -> Sessions:
    """The sessions of a platform or command as a plan has them; `InputError` for an empty or too wide range."""
    think_s = work.think_s or _THINK[work.kind]
    found = Sessions(
        schedule=NAME,
        kind=work.kind,
        turns=work.turns or _TURNS[work.kind],
        first_tokens=work.first_tokens or _FIRST[work.kind],
        turn_tokens=work.turn_tokens or _LATER[work.kind],
        think_ns=Span(_ns(think_s.min), _ns(think_s.max)),
        caches=work.caches,
        count=count,
    )
    for words in faults(found):
        raise InputError(f"Sessions: {words}.", "Correct the range: the smaller number first.")
    return found


def _ns(seconds: float) -> int:
    return round(seconds * 1_000_000) * 1000


def faults(asked: Sessions) -> list[str]:
    """What no session can be, in words."""
    found = []
    for name, span, low, high in (
        ("turns", asked.turns, 1, MAX_TURNS),
        ("first_tokens", asked.first_tokens, 0, MAX_TOKENS),
        ("turn_tokens", asked.turn_tokens, 0, MAX_TOKENS),
        ("think_ns", asked.think_ns, 0, round(MAX_THINK_S * NS_PER_S)),
    ):
        if span.min > span.max:
            found.append(f"{name}: min is above max")
        elif span.min < low or span.max > high:
            found.append(f"{name} goes beyond {low} to {high}")
    return found


def check_load(asked: Sessions, loop: Loop, prompts: PromptSet, *, ends_otherwise: bool) -> None:
    """`InputError` for sessions that no load by hand can have; `ends_otherwise` than by their number."""
    if loop.kind == "open":
        raise InputError("Sessions need a closed loop: each user waits for the answer.", "Give --concurrency.")
    if prompts.chats:
        raise InputError(
            f"Sessions begin with a question, and {prompts.name} has whole chats.", "Give a file of questions."
        )
    if asked.count is None:
        return
    if ends_otherwise:
        raise InputError(
            "A load of so many sessions has no other end and no warm-up.",
            "Leave --requests, --duration and --warmup out, or the count.",
        )
    if asked.count < (loop.concurrency or 1):
        raise InputError(
            f"{asked.count} sessions are fewer than {loop.concurrency} users.", "Give one for each user."
        )


# --- the schedule -----------------------------------------------------------------------------------------


def session_of(worker: int, workers: int, place: int) -> int:
    """The number of a worker's session `place`, from 0."""
    return worker + workers * place


def place_of(session: int, workers: int) -> int:
    """Which of its worker's sessions one is."""
    return session // workers


def _drawn(span: Span, seed: int, lane: str, stream: str, index: int) -> int:
    return span.min + below(u64(seed, lane, stream, index), span.max - span.min + 1)


@lru_cache(maxsize=4096)
def session_turns(asked: Sessions, seed: int, lane: str, session: int) -> int:
    """How many turns a session has."""
    return _drawn(asked.turns, seed, lane, "session.turns", session)


def planned_turn(
    asked: Sessions, seed: int, lane: str, prompts: int, output: OutputTokens, session: int, turn: int
) -> PlannedTurn:
    """One turn: the question and salt of its session, the words beside, the length of the answer, the pause."""
    epoch, place = divmod(session, prompts)
    return PlannedTurn(
        session=session,
        turn=turn,
        turns=session_turns(asked, seed, lane, session),
        prompt=prompt_order(seed, lane, epoch, prompts)[place],
        salt=f"{u64(seed, lane, 'session.salt', session):016x}",
        tokens=_drawn(
            asked.turn_tokens if turn else asked.first_tokens, seed, lane, f"session.tokens.{session}", turn
        ),
        max_tokens=_drawn(Span(output.min, output.max), seed, lane, f"session.length.{session}", turn),
        # A new user waits for nothing.
        think_ns=_drawn(asked.think_ns, seed, lane, f"session.think.{session}", turn) if turn else 0,
    )


def total_turns(asked: Sessions, seed: int, lane: str) -> int:
    """How many turns the sessions of a load by number have, all together."""
    return sum(session_turns(asked, seed, lane, session) for session in range(asked.count or 0))


def smallest_session_tokens(asked: Sessions, least_output: int) -> int:
    """At least so many tokens the last turn of every session has, prompt and answer; a word is a token or more."""
    turns = asked.turns.min
    return asked.first_tokens.min + (turns - 1) * asked.turn_tokens.min + turns * least_output


def sessions_text(asked: Sessions) -> str:
    """Sessions in a few words."""
    think = f"{asked.think_ns.min / NS_PER_S:g}-{asked.think_ns.max / NS_PER_S:g} s"
    return (
        f"{asked.kind} sessions of {_range(asked.turns)} turns, {_range(asked.first_tokens)} words beside the "
        f"first question and {_range(asked.turn_tokens)} in each later message, {think} of thinking, "
        f"prompt caches {asked.caches}"
    )


def _range(span: Span) -> str:
    return str(span.min) if span.min == span.max else f"{span.min}-{span.max}"


# --- what is said -----------------------------------------------------------------------------------------


def _words(seed: int, lane: str, session: int, turn: int, words: int) -> list[str]:
    """So many common words: two bytes of SHAKE-256 each."""
    name = f"{NAME}/{seed}/{lane}/words/{session}/{turn}"
    drawn = shake_256(name.encode("ascii")).digest(_WORD_BYTES * words)
    return [WORDS[(high << 8 | low) * len(WORDS) >> 16] for high, low in zip(drawn[::2], drawn[1::2], strict=True)]


def _text(kind: SessionKind, words: Sequence[str]) -> str:
    """Words as a person writes them, or as lines of files."""
    if kind == "chat":
        return " ".join(words)
    lines = [" ".join(words[at : at + _WORDS_A_LINE]) for at in range(0, len(words), _WORDS_A_LINE)]
    files = range(0, len(lines), _LINES_A_FILE)
    return "\n\n".join(
        f"--- {n} ---\n" + "\n".join(lines[at : at + _LINES_A_FILE]) for n, at in enumerate(files, 1)
    )


def system_text(salt: str, *, own: bool) -> str:
    """What stands first of all: the salt, so no two sessions share more of a prefix than the template's own."""
    return f"{salt} is the number of this conversation." + " You are a careful programmer." * own


def user_text(asked: Sessions, seed: int, lane: str, planned: PlannedTurn, prompt: str) -> str:
    """What the user says in a turn; `prompt` is the question of its session."""
    kind = asked.kind
    text = _text(kind, _words(seed, lane, planned.session, planned.turn, planned.tokens))
    if planned.turn:
        says = _SAYS[kind]
        return f"{says[(planned.session + planned.turn) % len(says)]}\n{text}{_NEXT[kind]}"
    if not text:
        return prompt
    before = "These are notes to keep in mind:" if kind == "chat" else "These are the files of the project:"
    return f"{before}\n{text}\n\n{prompt}"


def answered(text: str, chunks: Sequence[tuple[int, int, int]]) -> str:
    """What a client keeps of an answer: its content, without reasoning or calls of tools."""
    said, place = [], 0
    for _, chars, channel in chunks:
        if channel == CONTENT:
            said.append(text[place : place + chars])
        place += chars
    return "".join(said)


class Thread:
    """The messages of one session so far, and the digest of them: of a line of JSON [role, content] for each."""

    def __init__(self) -> None:
        self.messages: list[dict[str, str]] = []
        self._digest = sha256()

    def say(self, role: str, content: str) -> None:
        self.messages.append({"role": role, "content": content})
        self._digest.update(json.dumps([role, content], ensure_ascii=False).encode() + b"\n")

    def open(self, salt: str, question: str, *, system: bool, own: bool) -> None:
        """The first turn; without `system` all stands in the user's message."""
        first = system_text(salt, own=own)
        if system:
            self.say("system", first)
            self.say("user", question)
        else:
            self.say("user", f"{first}\n\n{question}")

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()
