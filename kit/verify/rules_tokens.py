"""Rules about tokens: how many a request may have, who counted them, and when the first was there to read."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence

from kit.documents import Record
from kit.stream.counts import untimed_tokens
from kit.verify.evidence import Evidence
from kit.verify.rule import Issue, Steps, rule
from kit.verify.views import Loaded, loaded_cells

# What cannot be seen: controls, format characters (zero width, direction marks) and separators.
INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})


def ok_records(loaded: Loaded) -> list[Record]:
    return [record for record in loaded.records if record.outcome == "ok"]


def _summary(loaded: Loaded, bad: Sequence[Record], words: str) -> Issue:
    """One issue for many requests of a cell."""
    return Issue(loaded.of(bad[0]), f"{len(bad)} of {len(loaded.records)} requests, this one first: {words}")


@rule(
    "tokens.chunks",
    "reject",
    "records",
    "No more chunks than tokens (and one for the end); counts by chunk add up",
)
def tokens_chunks(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        yield len(loaded.records)
        texts = {line.id: line.text for line in loaded.found.files.texts or ()} if loaded.load.method > 1 else {}
        for record in loaded.records:
            yield from (Issue(loaded.of(record), why) for why in _chunk_faults(record, texts.get(record.id)))


def _chunk_faults(record: Record, text: str | None) -> Iterator[str]:
    """`text` is that of the record where it must fit the tokens: before method 2 no record says what was seen."""
    tokens = record.completion_tokens or 0
    if record.chunk_tokens is not None:
        if sum(record.chunk_tokens) + (record.untimed_tokens or 0) != tokens:
            yield f"has {sum(record.chunk_tokens)} tokens in chunks, {tokens} in all"
    elif text is not None and record.chunks and record.token_source in ("usage", "timings"):
        untimed = untimed_tokens(tokens, record.chunks, text, record.reasoning_tokens)
        if untimed != record.untimed_tokens:
            said, made = ("an unknown number" if n is None else n for n in (record.untimed_tokens, untimed))
            yield f"says that {said} of its tokens were not seen; its text and chunks give {made}"
    if record.token_source == "chunks" and record.untimed_tokens != 0:
        yield "is counted by its chunks, and has tokens without one"
    if len(record.chunks) > tokens + 1:
        yield f"has {len(record.chunks)} chunks for {tokens} tokens"


@rule("tokens.limit", "reject", "records", "No request generated more tokens than it was allowed")
def tokens_limit(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        if loaded.load.limit_key in loaded.load.without:
            continue  # of a load by hand: the server was told of no limit
        yield len(loaded.records)
        for record in loaded.records:
            # Counted by chunks, the piece of text that the end flushes counts as one more.
            most = record.max_tokens + (record.token_source == "chunks")
            if (record.completion_tokens or 0) > most:
                words = f"has {record.completion_tokens} tokens, {record.max_tokens} were allowed"
                yield Issue(loaded.of(record), words)


@rule(
    "tokens.finish",
    "flag",
    "records",
    'Finish is "length" just at the limit; all go there where the end is ignored',
)
def tokens_finish(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        ok = ok_records(loaded)
        yield len(ok)
        odd = [r for r in ok if (r.finish_reason == "length") != (r.completion_tokens == r.max_tokens)]
        if odd:
            yield _summary(loaded, odd, "the finish reason does not fit the number of tokens")
        short = [record for record in ok if record.completion_tokens != record.max_tokens]
        if short and loaded.load.extra_body.get("ignore_eos") is True:
            yield _summary(loaded, short, "ended before the limit, although the end was to be ignored")


@rule("tokens.source", "flag", "records", "Tokens were counted by the server's usage")
def tokens_source(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        ok = ok_records(loaded)
        yield len(ok)
        other = [record for record in ok if record.token_source != "usage"]
        if other:
            yield _summary(loaded, other, "tokens were not counted by the server's usage")


@rule("tokens.first", "flag", "records", "The chunk that stops the time to first token can be seen")
def tokens_first(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        texts = {line.id: line.text for line in loaded.found.files.texts or ()}
        known = [record for record in ok_records(loaded) if record.chunks and record.id in texts]
        yield len(known)
        blank = [record for record in known if _starts_blank(texts[record.id], record.chunks[0][1])]
        if blank:
            yield _summary(loaded, blank, "the first chunk has no visible text")


def _starts_blank(text: str, first_chars: int) -> bool:
    """Whether the first chunk shows nothing, although later ones do."""
    return not _any(text[:first_chars], is_visible) and _any(text, is_visible)


def _any(text: str, holds: Callable[[str], bool]) -> bool:
    return any(map(holds, text))


def is_visible(character: str) -> bool:
    return unicodedata.category(character) not in INVISIBLE


RULES = (tokens_chunks, tokens_limit, tokens_finish, tokens_source, tokens_first)
