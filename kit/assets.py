"""Where the files that travel with the code lie: schemas, prompts, compose files, image recipes.

In a checkout they stand at the top of the repository; in an installed wheel under `kit/_assets`.
"""

from __future__ import annotations

from pathlib import Path

from kit.errors import InternalError

_PACKAGE = Path(__file__).resolve().parent
_ROOTS = (_PACKAGE / "_assets", _PACKAGE.parent)


def asset(*parts: str) -> Path:
    """The path of one asset, e.g. `asset("schemas", "plan.v1.json")`; `InternalError` if the install lacks it."""
    for root in _ROOTS:
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise InternalError(
        f"The installation lacks the file {'/'.join(parts)}.", "Install the kit again: it is not complete."
    )
