"""Sessions as people write them in one word: chat, or agent,turns=8-24,first=2000,turn=100-800,think=0-500ms."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import click

from kit.cli._shared.durations import SECONDS

if TYPE_CHECKING:
    from kit.documents import Seconds, Sessions, Span

_KEYS = ("turns", "first", "turn", "think", "caches", "count")
_NUMBER = r"[0-9]{1,9}"
_TIME = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|)"
_SPAN, _TIMES = re.compile(rf"({_NUMBER})(?:-({_NUMBER}))?"), re.compile(rf"{_TIME}(?:-{_TIME})?")
_MAX_COUNT = 1_000_000


class SessionsOption(click.ParamType["Sessions"]):
    """KIND[,KEY=VALUE...]"""

    name = "KIND[,...]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Sessions:
        from kit.documents import Sessions, SessionWork
        from kit.errors import InputError
        from kit.plan.workloads.sessions import decided

        if isinstance(value, Sessions):
            return value
        kind, *parts = str(value).strip().lower().split(",")
        if kind not in ("chat", "agent"):
            self.fail(f"{value!r} does not start with a kind of session: chat or agent.", param, ctx)
        found: dict[str, str] = {}
        for part in parts:
            key, equals, words = part.partition("=")
            if key not in _KEYS or not equals or key in found:
                self.fail(f"{part!r} is not one KEY=VALUE of {', '.join(_KEYS)}.", param, ctx)
            found[key] = words
        if found.get("caches", "on") not in ("on", "off"):
            self.fail(f"caches is on or off, not {found['caches']!r}.", param, ctx)
        try:
            work = SessionWork(
                kind="agent" if kind == "agent" else "chat",
                turns=_span(found, "turns"),
                first_tokens=_span(found, "first"),
                turn_tokens=_span(found, "turn"),
                think_s=_think(found),
                caches="off" if found.get("caches") == "off" else "on",
            )
            return decided(work, _count(found))
        except (ValueError, InputError) as error:
            self.fail(error.what if isinstance(error, InputError) else f"{error}.", param, ctx)


def _span(found: dict[str, str], key: str) -> Span | None:
    from kit.documents import Span

    if key not in found:
        return None
    parts = _SPAN.fullmatch(found[key])
    if parts is None:
        raise ValueError(f"{key}={found[key]} is not a number or a range like 8-24")
    return Span(int(parts[1]), int(parts[2] or parts[1]))


def _think(found: dict[str, str]) -> Seconds | None:
    from kit.documents import Seconds

    if "think" not in found:
        return None
    parts = _TIMES.fullmatch(found["think"])
    if parts is None:
        raise ValueError(f"think={found['think']} is not a time or a range of times like 1s-8s or 0-500ms")
    last = parts[4] or parts[2]  # 1-8s: the unit of the second is that of both
    low = float(Fraction(parts[1]) * SECONDS[parts[2] or (last if parts[3] else "")])
    return Seconds(low, float(Fraction(parts[3]) * SECONDS[parts[4]]) if parts[3] else low)


def _count(found: dict[str, str]) -> int | None:
    if "count" not in found:
        return None
    if not re.fullmatch(_NUMBER, found["count"]) or not 1 <= int(found["count"]) <= _MAX_COUNT:
        raise ValueError(f"count={found['count']} is not a number of sessions")
    return int(found["count"])
