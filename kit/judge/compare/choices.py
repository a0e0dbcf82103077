"""What two entries of one runtime were told differently: settings, flags, GPUs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kit.documents.study import Study, Subject
from kit.text import listed


def choice_remarks(a: Study, b: Study, pairs: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """One sentence for each pair of entries of one runtime whose settings, flags or GPUs differ."""
    return tuple(words for pair in pairs for words in _remark(_of(a, pair[0]), _of(b, pair[1])))


def _of(study: Study, entry: str) -> Subject | None:
    return next((subject for subject in study.subjects if subject.entry == entry), None)


def _remark(a: Subject | None, b: Subject | None) -> Iterator[str]:
    if a is None or b is None or a.runtime != b.runtime or not (a.chosen or b.chosen):
        return
    told = [(f"variant {each.variant}", *each.chosen) for each in (a, b)]
    ours, theirs = ([word for word in told[at] if word not in told[1 - at]] for at in (0, 1))
    if ours or theirs:
        name = a.entry if a.entry == b.entry else f"{a.entry} / {b.entry}"
        yield f"{name}: A has {listed(ours) or 'none of this'}; B has {listed(theirs) or 'none of this'}."
