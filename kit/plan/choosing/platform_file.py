"""A platform as the text of a file that `kit.plan.platforms` reads back as the same platform. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kit.documents import Platform
from kit.strict import Json, plain

WIDTH = 110


def platform_text(platform: Platform, reasons: Sequence[str] = ()) -> str:
    """YAML; `reasons` stand above it as comments, a line each."""
    import yaml

    head = [f"# {line}" for reason in reasons for line in reason.splitlines()]
    body = yaml.safe_dump(
        _without_what_follows(plain(platform)), sort_keys=False, allow_unicode=False, width=WIDTH,
        default_flow_style=None,
    )  # fmt: skip
    return "\n".join([*head, body])


def _without_what_follows(value: Json) -> Json:
    """What a server that already runs need not say is left out, as docs/your-server.md leaves it out."""
    if not isinstance(value, dict) or not isinstance(entries := value.get("entries"), list):
        return value
    servers = [entry for entry in entries if isinstance(entry, dict) and entry.get("url") is not None]
    short: list[Json] = [
        {key: each for key, each in entry.items() if key not in ("runtime", "variant", "settings")}
        if isinstance(entry, dict) and entry in servers
        else entry
        for entry in entries
    ]
    bare = {key: each for key, each in value.items() if key != "model" or len(servers) < len(entries)}
    return {**bare, "entries": short}
