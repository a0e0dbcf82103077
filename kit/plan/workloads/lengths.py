"""How many words a prompt needs to be of so many tokens, as the server itself counts them. Pure.

Before a load the server is asked for one token each to a few short prompts with salts of their own, and to one
long prompt that begins as the first of them: the difference of those two says how many tokens a word has, the mean
of the short ones what stands around the words (the salt, the chat template). docs/workloads.md has the formula.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from kit.documents import Load, PlannedRequest
from kit.documents.shape import LengthFit, MadeUp
from kit.plan.chat_body import body
from kit.plan.schedule import u64
from kit.plan.workloads.corpus import corpus_text

SHORT_WORDS, SHORT_PROMPTS = 32, 4
MAX_LONG_WORDS, MIN_LONG_WORDS = 1024, 96
AROUND_TOKENS = 24  # about what stands around the words, where no server says
FIT_LANE = "fit"
# No tokenizer has fewer tokens than a quarter of such words, or more than six for each.
_LEAST, _MOST = Fraction(1, 4), Fraction(6)


def long_words(input_tokens: int) -> int:
    """The words of the long prompt: no more than the prompts of the load have, so that its context holds it."""
    return max(MIN_LONG_WORDS, min(MAX_LONG_WORDS, input_tokens * 3 // 4))


def fit_questions(load: Load, input_tokens: int) -> list[dict[str, object]]:
    """The bodies to ask, the long one last: like those of the load, but whole answers of one token."""
    words = [*[SHORT_WORDS] * SHORT_PROMPTS, long_words(input_tokens)]
    salts = [*range(SHORT_PROMPTS), 0]
    return [_question(load, input_tokens, *pair) for pair in zip(words, salts, strict=True)]


def _question(load: Load, input_tokens: int, words: int, salt: int) -> dict[str, object]:
    text = corpus_text(load.seed, input_tokens, 0, words)
    digits = f"{u64(load.seed, f'{FIT_LANE}-{load.lane}', 'salt', salt):016x}"
    asked = body(replace(load, prompts_from="corpus"), [text], PlannedRequest(salt, 0, digits, 1))
    left_out = ("stream_options", "ignore_eos")
    return {name: value for name, value in asked.items() if name not in left_out} | {"stream": False}


def fit_of(input_tokens: int, counts: Sequence[int | None]) -> LengthFit | None:
    """The fit of the server's counts; None where it counts nothing, or what cannot be right."""
    *short, long = counts
    known = [count for count in short if count is not None]
    if long is None or len(known) < len(short) or not known:
        return None
    found = LengthFit(SHORT_WORDS, tuple(known), long_words(input_tokens), long)
    return found if _LEAST <= _tokens_a_word(found) <= _MOST and min(known) > 0 else None


def _tokens_a_word(fit: LengthFit) -> Fraction:
    return Fraction(fit.long_tokens - fit.short_tokens[0], fit.long_words - fit.short_words)


def made_up(input_tokens: int, fit: LengthFit | None) -> MadeUp:
    """How prompts of a length are cut; without a fit a word is taken for a token."""
    if fit is None:
        return MadeUp(input_tokens, max(1, input_tokens - AROUND_TOKENS))
    around = Fraction(sum(fit.short_tokens), len(fit.short_tokens)) - fit.short_words * _tokens_a_word(fit)
    return MadeUp(input_tokens, max(1, round((input_tokens - around) / _tokens_a_word(fit))), fit)


def fit_faults(input_tokens: int, fit: LengthFit) -> str:
    """Why a fit is none that the kit makes; empty if it is."""
    expected = (SHORT_WORDS, SHORT_PROMPTS, long_words(input_tokens))
    if (fit.short_words, len(fit.short_tokens), fit.long_words) != expected:
        return "is of prompts of other lengths than the kit asks"
    if fit_of(input_tokens, (*fit.short_tokens, fit.long_tokens)) is None:
        return "has counts that no server can give"
    return ""


def prompt_tokens_of(answer: object) -> int | None:
    """What a whole answer says that the prompt had; None where it says nothing."""
    usage = answer.get("usage") if isinstance(answer, Mapping) else None
    count = usage.get("prompt_tokens") if isinstance(usage, Mapping) else None
    return count if type(count) is int and 0 < count <= 10**9 else None
