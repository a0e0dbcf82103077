"""What of an answer is meant for the user: models that think first put a draft before it, between marks."""

from __future__ import annotations

import re

# The marks that models are trained with: <think> (DeepSeek, Qwen and most), <thinking>, <thought>, <reasoning>,
# <seed:think> (Seed-OSS), [THINK] (Magistral), ◁think▷ (Kimi), and the channels of gpt-oss.
_NAMES = "(?:seed:)?(?:think|thinking|thought|thoughts|reasoning|reflection)"
_BEGIN = re.compile(rf"<{_NAMES}>|\[THINK\]|◁think▷|<\|channel\|>analysis\b", re.IGNORECASE)
_END = re.compile(rf"</{_NAMES}>|\[/THINK\]|◁/think▷|<\|channel\|>final<\|message\|>", re.IGNORECASE)
_LAST = re.compile(r"<\|(?:return|end)\|>\s*\Z")


def spoken(answer: str) -> str | None:
    """What follows the last draft of an answer, the answer itself where there is none; None if a draft has no end.

    Many templates hold the opening mark already, so an end alone is an end.
    """
    rest = answer[_end_of_draft(answer)[1] :]
    return None if _BEGIN.search(rest) else _LAST.sub("", rest)


def kept(answer: str, limit: int) -> str:
    """At most `limit` characters of an answer, of which `spoken` says the same as of as much of the whole."""
    if len(answer) <= limit:
        return answer
    return answer[_end_of_draft(answer)[0] :][:limit]


def _end_of_draft(answer: str) -> tuple[int, int]:
    """Where the mark that ends the last draft begins and ends."""
    place = 0, 0
    for end in _END.finditer(answer):
        place = end.span()
    return place
