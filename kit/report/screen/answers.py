"""How many tasks of an evaluation each entry solved, in a sentence. Pure."""

from __future__ import annotations

from kit.documents.study import EntryQuality, Study
from kit.report.screen.values import Said
from kit.text import plain_text

MAX_NAME = 40


def answer_sentences(study: Study) -> list[Said]:
    """One for each suite and number of tasks, of the most that each entry was asked at once."""
    groups: dict[tuple[str, int, int], list[EntryQuality]] = {}
    for entry, suite in dict.fromkeys((each.entry, each.suite) for each in study.quality):
        found = max(
            (each for each in study.quality if (each.entry, each.suite) == (entry, suite)),
            key=lambda each: each.concurrency,
        )
        groups.setdefault((suite, found.tasks, found.concurrency), []).append(found)
    return [
        Said(
            f"Of {tasks} tasks of {plain_text(suite, MAX_NAME)}, {at_once} at once: "
            f"{', '.join(map(_solved, found))}."
        )
        for (suite, tasks, at_once), found in groups.items()
    ]


def _solved(found: EntryQuality) -> str:
    """`vllm solves 32 (41 to 66 %)`: with the interval of the share."""
    return (
        f"{plain_text(found.entry, MAX_NAME)} solves {found.passed} "
        f"({100 * found.low:.0f} to {100 * found.high:.0f} %)"
    )
