"""What differs between the answers of a run's entries, in words: notes beside a result, and a table. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from tabulate import tabulate

from kit.documents.differences import Differences, EntryAnswers, SameAnswers
from kit.text import NO_DATA, cell, listed, number

TITLE = "Differences between the engines' answers"
HEADERS = (
    "entry", "prompt tokens", "ended early", "length / limit", "tokens counted by", "end of text", "messages",
    "model named", "same answer again",
)  # fmt: skip
PAIR_HEADERS = ("entries", "same correctness answers", "same answers under load")
# Below these, differences say nothing: the salt alone moves a prompt by a token or two.
MAX_PROMPT_TOKENS, MAX_ENDED_EARLY, MIN_SAME_ANSWERS = 2.0, 0.05, 0.5


def difference_notes(found: Differences) -> list[str]:
    """One sentence for each difference that bears on how the figures are read; plain text."""
    return [note for note in _notes(found.entries, found.pairs) if note]


def _notes(entries: Sequence[EntryAnswers], pairs: Sequence[SameAnswers]) -> Iterator[str]:
    yield _prompt_note(entries)
    yield _length_note(entries)
    sources = _grouped({each.entry: listed(each.counted_by) for each in entries if each.counted_by})
    if len(sources) > 1:
        parts = (f"by {source} in {listed(names)}" for source, names in sources.items())
        yield f"Output tokens were counted {', '.join(parts)}."
    forms = _grouped({each.entry: each.chat for each in entries})
    if len(forms) > 1:
        yield f"{listed(forms['user'])} reads only the last message: salt and prompt were sent as one."
    weights = {each.entry: each.model_sha256 for each in entries}
    for pair in pairs:
        if weights[pair.first] is not None and weights[pair.first] == weights[pair.second] and _differ(pair):
            yield (
                f"With the same weights {pair.first} and {pair.second} gave the same answer to "
                f"{pair.same_answers} of {pair.questions} correctness questions, at temperature 0."
            )


def _prompt_note(entries: Sequence[EntryAnswers]) -> str:
    counts = {each.entry: each.prompt_tokens for each in entries if each.prompt_tokens is not None}
    if not counts or max(counts.values()) - min(counts.values()) <= MAX_PROMPT_TOKENS:
        return ""
    groups = _grouped({name: f"{count:g}" for name, count in counts.items()})
    parts = ", ".join(f"{count} in {listed(names)}" for count, names in groups.items())
    return (
        f"One prompt counts {parts.replace(' in ', ' tokens in ', 1)}: chat templates or tokenizers differ. "
        "Throughput counts output tokens only."
    )


def _length_note(entries: Sequence[EntryAnswers]) -> str:
    early = {each.entry: each.ended_early for each in entries if each.ended_early is not None}
    if not early or max(early.values()) - min(early.values()) <= MAX_ENDED_EARLY:
        return ""
    parts = (
        f"{share} in {listed(names)}"
        for share, names in _grouped({name: _percent(part) for name, part in early.items()}).items()
    )
    return (
        f"Answers that ended before their limit: {', '.join(parts)}. Shorter answers raise the request rate, and "
        "more of the time goes into prompts."
    )


def _differ(pair: SameAnswers) -> bool:
    return pair.questions > 0 and pair.same_answers / pair.questions < MIN_SAME_ANSWERS


def _grouped(values: Mapping[str, str]) -> dict[str, list[str]]:
    """The entries of each value, values in the order in which they come first."""
    groups: dict[str, list[str]] = {}
    for name, value in values.items():
        groups.setdefault(value, []).append(name)
    return groups


def _percent(part: float | None) -> str:
    return NO_DATA if part is None else f"{number(part * 100, 0)} %"


# --- the table ------------------------------------------------------------------------------------------


def entry_rows(found: Differences) -> list[tuple[str, ...]]:
    """One row for each entry, as HEADERS says; plain text."""
    return [
        (
            each.entry,
            NO_DATA if each.prompt_tokens is None else f"{each.prompt_tokens:g}",
            _percent(each.ended_early),
            _percent(each.length_of_limit),
            listed(each.counted_by) or NO_DATA,
            "ignored" if each.ignore_eos else "ends the answer",
            "one" if each.chat == "user" else "system and user",
            _named(each),
            _percent(each.repeated),
        )
        for each in found.entries
    ]


def _named(each: EntryAnswers) -> str:
    if not each.named:
        return "none"
    if set(each.named) <= set(each.asked_for):
        return "as asked"
    return f"{', '.join(each.named)} instead of {', '.join(each.asked_for)}"


def pair_rows(found: Differences) -> list[tuple[str, ...]]:
    """One row for each two entries, as PAIR_HEADERS says; plain text."""
    return [
        (
            f"{pair.first}, {pair.second}",
            f"{pair.same_answers} of {pair.questions}",
            f"{pair.same_texts} of {pair.prompts}",
        )
        for pair in found.pairs
    ]


def explanations(found: Differences) -> list[str]:
    """What the columns mean, and what they cannot tell."""
    return [
        f"Prompt tokens: median over the {found.shared_prompts} salted prompts that every entry answered, as "
        "each server counts them. More: another template, a default system message or another tokenizer.",
        "Length / limit: median length of an answer as a part of what it was allowed. Same answer again: "
        "correctness answers that were the same in every cell.",
        "Every request names a seed; at temperature 0 it changes nothing, so whether it is honoured is unknown.",
    ]


def differences_table(found: Differences, *, title: bool = True) -> str:
    """Both tables as Markdown, the notes, and what the columns mean; without a line feed at its end."""
    parts = [f"**{TITLE}**"] * title + [_github(entry_rows(found), HEADERS)]
    if found.pairs:
        parts.append(_github(pair_rows(found), PAIR_HEADERS))
    if notes := difference_notes(found):
        parts.append("\n".join(f"- {note}" for note in notes))
    return "\n\n".join((*parts, "\n".join(explanations(found))))


def _github(rows: Iterable[Sequence[str]], headers: Sequence[str]) -> str:
    body = [[_safe(value) for value in row] for row in rows]
    align = ("left", *("right" for _ in headers[1:]))
    return tabulate(body, list(headers), tablefmt="github", disable_numparse=True, colalign=align)


def _safe(value: str) -> str:
    """Names of ours as they are; only a model's name comes from a server."""
    return value if all(c.isalnum() or c in " ,.%/-–" for c in value) else cell(value)  # noqa: RUF001
