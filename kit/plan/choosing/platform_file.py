"""A platform as the text of a file that `kit.plan.platforms` reads back as the same platform. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kit.documents import Platform
from kit.strict import plain

WIDTH = 110


def platform_text(platform: Platform, reasons: Sequence[str] = ()) -> str:
    """YAML; `reasons` stand above it as comments, a line each."""
    import yaml

    head = [f"# {line}" for reason in reasons for line in reason.splitlines()]
    body = yaml.safe_dump(plain(platform), sort_keys=False, allow_unicode=False, width=WIDTH)
    return "\n".join([*head, body])
