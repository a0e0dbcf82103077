"""A command written as one string, split into words as a shell would split it."""

from __future__ import annotations

import shlex

# Releases of Compose use different splitters: these characters are where they disagree (one stops at a
# semicolon without a word, another takes it as a letter).
DOUBTFUL = ";&|<>()`\\#"


def split_words(text: str) -> tuple[str, ...]:
    """The words of `text`; ValueError with the reason if quotes do not close or releases of Compose disagree."""
    doubtful = [character for character in DOUBTFUL if character in text]
    if doubtful:
        raise ValueError(f"{doubtful[0]!r} in a command that is one string")
    try:
        return tuple(shlex.split(text))
    except ValueError:
        raise ValueError("a quotation mark that is never closed") from None
