"""The error of a run in which nothing could be measured: why, and where to look."""

from __future__ import annotations

from pathlib import Path

from kit.documents import CellFailure, Plan
from kit.documents.phases import CORRECT
from kit.errors import NoResultError
from kit.evaluation.rounds import EVALS
from kit.storage.names import CELLS


def no_result(plan: Plan, folder: Path, first: CellFailure | None) -> NoResultError:
    """With what failed first, on one line; of a server that already ran there is no log here."""
    said = "No cell could be measured."
    if first is not None:
        said += f" The first failed in phase {first.phase}: {' '.join(first.message.split())}"
    url = plan.entries[0].url
    if url is None:
        return NoResultError(said, f"The server logs are in {folder / (CELLS if plan.cells else EVALS)}.")
    if first is None or first.phase != CORRECT:
        return NoResultError(said, f"kit status {folder} says why each cell failed.")
    return NoResultError(
        said,
        f"kit test {url} --level {plan.correctness_level} shows its answers; a platform file with "
        "correctness: {name: none, level: none} asks no test.",
    )
