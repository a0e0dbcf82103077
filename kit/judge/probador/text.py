"""What was imported, in words for a terminal."""

from __future__ import annotations

from statistics import median

from tabulate import tabulate

from kit.documents.study import Study, Subject
from kit.judge.compare.studies import CHOSEN
from kit.judge.study import values_of
from kit.metrics.registry import METRICS
from kit.text import number, plain_text

_COLUMNS = (
    *((f"{each.name} {each.unit}", each.path, each.digits) for each in map(METRICS.__getitem__, CHOSEN)),
    ("ok", "requests.ok", 0),
    ("failed", "requests.failed", 0),
)


def imported_text(study: Study) -> str:
    """A table with a line for each subject, and the note of the study; medians where there are several runs."""
    head = ("entry", "users", "runs", *(title for title, _, _ in _COLUMNS), "from")
    rows = [_row(subject) for subject in study.subjects]
    table = tabulate(rows, head, tablefmt="github", disable_numparse=True)
    return f"{table}\n\n{study.note}"


def _row(subject: Subject) -> tuple[str, ...]:
    figures = (_figure(subject, path, digits) for _, path, digits in _COLUMNS)
    return (
        subject.entry,
        str(subject.concurrency),
        str(len(subject.trials)),
        *figures,
        plain_text(subject.trials[0].source),
    )


def _figure(subject: Subject, path: str, digits: int) -> str:
    found = values_of(subject, path)
    return number(median(found) if found else None, digits)
