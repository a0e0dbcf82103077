"""An index of results for people: one row a bundle, below it what was refused. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tabulate import tabulate

from kit.documents.index import Index, IndexCard, IndexEntry
from kit.text import NO_DATA, number, plain_text

MAX_CHARS = 60
MAX_REASON_CHARS = 400


def index_text(index: Index) -> str:
    """The table, and the refused archives with their reasons. Ends without a line feed."""
    headers = ["bundle", "platform", "machine", "label", "signer", "best tok/s", "by", "reproduced"]
    rows = [_row(entry) for entry in index.bundles]
    parts = [tabulate(rows, headers, tablefmt="github", disable_numparse=True) if rows else "No bundles."]
    parts += ["\n".join(_refused(index))] if index.refused else []
    return "\n\n".join(parts)


def _row(entry: IndexEntry) -> list[str]:
    best = _best(entry)
    return [
        entry.identity[:16],
        plain_text(entry.platform, MAX_CHARS),
        plain_text(entry.machine.text, MAX_CHARS),
        entry.label,
        signer_text(entry),
        NO_DATA if best is None else number(best.throughput_tok_s, 1),
        NO_DATA if best is None else plain_text(f"{best.entry} at {best.users} users", MAX_CHARS),
        str(len(entry.reproduced_by)),
    ]


def _best(entry: IndexEntry) -> IndexCard | None:
    measured = [card for card in entry.cards if card.throughput_tok_s is not None]
    return max(measured, key=lambda card: card.throughput_tok_s or 0.0, default=None)


def signer_text(entry: IndexEntry) -> str:
    """Who signed a bundle, in words."""
    if entry.signer is None:
        return "not signed"
    return plain_text(entry.signer.name or f"unknown key {entry.signer.fingerprint}", MAX_CHARS)


def _refused(index: Index) -> Iterator[str]:
    for each in index.refused:
        yield f"refused: {plain_text(each.path, MAX_CHARS * 2)}: {plain_text(each.reason, MAX_REASON_CHARS)}"
