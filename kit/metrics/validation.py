"""Whether the texts of a load are answers at all: one rule, judged after the load from records and texts. Pure.

    basic             not empty, not only blanks, not one character over and over, a finish reason, and no long
                      text that came for two different prompts
    contains:TEXT     TEXT stands in it, letter for letter
    regex:PATTERN     PATTERN is found in its first MAX_SEARCHED_CHARS characters

A rule is one that its user wrote. The rule of a stranger's cell must never be run: a pattern can take forever.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from kit.documents import Record, ValidationCounts
from kit.errors import InputError
from kit.metrics.limits import MIN_ONE_CHARACTER_CHARS, MIN_SAME_CHARS
from kit.text import hint, plain_text

KINDS = ("basic", "contains", "regex")
MAX_RULE_CHARS = 1000
# Python's patterns may take quadratic time and more: on this much text a quadratic one takes a second, not a day.
MAX_SEARCHED_CHARS = 10_000
# Letters and symbols to Unicode, but nothing to the eye: Hangul fillers and the empty Braille pattern.
_INVISIBLE = frozenset("\u115f\u1160\u2800\u3164\uffa0")

Reason: TypeAlias = Literal[
    "",
    "no_text",
    "empty",
    "blank",
    "one_character",
    "no_finish_reason",
    "same_answer",
    "not_contained",
    "no_match",
]


@dataclass(frozen=True, slots=True)
class Rule:
    """A parsed rule: `text` belongs to contains, `pattern` to regex."""

    kind: Literal["basic", "contains", "regex"]
    text: str = ""
    pattern: re.Pattern[str] | None = None


def parse_rule(words: str) -> Rule:
    """The rule that `words` describe (see above); `InputError` if they describe none, or one that always holds."""
    kind, colon, argument = words.partition(":")
    if words == "basic":
        return Rule("basic")
    if kind == "basic" or kind not in KINDS or not colon:
        raise InputError(
            f"{plain_text(words)!r} is not a validation rule.",
            hint(kind, KINDS, also="Known are: basic, contains:TEXT, regex:PATTERN."),
        )
    if len(argument) > MAX_RULE_CHARS:
        raise InputError(
            f"The rule has {len(argument)} characters.", f"Give one of at most {MAX_RULE_CHARS} characters."
        )
    if not argument.strip():
        raise InputError(f"{plain_text(words)!r} asks for nothing.", "Say what must stand in every answer.")
    return Rule("contains", argument) if kind == "contains" else Rule("regex", argument, _pattern(argument))


def _pattern(text: str) -> re.Pattern[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what Python only warns of means something else than it says
            pattern = re.compile(text)
    except (re.error, Warning, OverflowError, RecursionError) as error:
        raise InputError(
            f"The pattern {plain_text(text)!r} is not a regular expression: {plain_text(str(error))}.",
            "Correct it, or use contains:TEXT for plain text.",
        ) from None
    if pattern.search(""):
        raise InputError(
            f"The pattern {plain_text(text)!r} matches the empty text, so every answer would pass.",
            "Use one that needs at least one character.",
        )
    return pattern


# --- judging --------------------------------------------------------------------------------------------


def judge_text(rule: Rule, record: Record, text: str) -> Reason:
    """Why the text of an ok record fails the rule, or "" if it passes; looks at this one answer alone."""
    if rule.kind == "contains":
        return "" if rule.text in text else "not_contained"
    if rule.pattern is not None:
        return "" if rule.pattern.search(text[:MAX_SEARCHED_CHARS]) else "no_match"
    return _basic(record, text)


def _basic(record: Record, text: str) -> Reason:
    if not text:
        return "empty"
    seen = [c for c in text if not _is_blank(c)]
    if not seen:
        return "blank"
    if len(seen) >= MIN_ONE_CHARACTER_CHARS and len(set(seen)) == 1:
        return "one_character"
    return "" if record.finish_reason else "no_finish_reason"


def _is_blank(character: str) -> bool:
    """White space, controls and zero-width characters."""
    return character.isspace() or unicodedata.category(character) in ("Cc", "Cf", "Zs") or character in _INVISIBLE


def _same_answers(records: Sequence[Record], texts: Mapping[int, str]) -> set[str]:
    """The long texts that came for more than one prompt."""
    prompts: dict[str, set[int]] = defaultdict(set)
    for record in records:
        text = texts.get(record.id, "")
        if len(text) >= MIN_SAME_CHARS:
            prompts[text].add(record.prompt)
    return {text for text, asked in prompts.items() if len(asked) > 1}


def judge_all(rule: Rule, records: Sequence[Record], texts: Mapping[int, str]) -> ValidationCounts:
    """The counts over the ok records of a window; `texts` by request id. A record without a text fails."""
    same = _same_answers(records, texts) if rule.kind == "basic" else set()

    def reason(record: Record) -> Reason:
        if record.id not in texts:
            return "no_text"
        text = texts[record.id]
        return judge_text(rule, record, text) or ("same_answer" if text in same else "")

    failed = Counter(why for why in map(reason, records) if why)
    return ValidationCounts(
        checked=len(records),
        passed=len(records) - failed.total(),
        failed_by_reason=dict(sorted(failed.items())),
        distinct=len({record.text_sha256 for record in records}),
    )
