"""With KIT_DEBUG=1, one line on stderr for each call through a door: which, what, how it ended, how long.

Never in what runs during a window; no line holds a header, a key, or the user and query of an address.
"""

from __future__ import annotations

import functools
import logging
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from kit.text import plain_text

VARIABLE = "KIT_DEBUG"
SECRETS = ("HF_TOKEN", "KIT_API_KEY")
MAX_CHARS = 300
_PRIVATE = re.compile(r"(?<=//)[^/\s@]*@|\?\S*")
_log = logging.getLogger("kit")
P = ParamSpec("P")
R = TypeVar("R")


def start() -> bool:
    """Whether the variable is set; if it is, the lines go to stderr from now on."""
    on = os.environ.get(VARIABLE) == "1"
    if on and not _log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("debug %(relativeCreated)8.0f ms  %(message)s"))
        _log.addHandler(handler)
        _log.setLevel(logging.DEBUG)
    return on


def harmless(line: str) -> str:
    """A line that may be shown: printable, and without what is private in it."""
    for secret in filter(None, map(os.environ.get, SECRETS)):
        line = line.replace(secret, "***")
    return plain_text(_PRIVATE.sub("", line), MAX_CHARS)


def _say(what: str, end: object, spent_s: float) -> None:
    _log.debug("%s", harmless(f"{what} ({end}, {spent_s * 1000:.1f} ms)"))


def _first_words(*arguments: object, **_: object) -> str:
    return next((str(each) for each in arguments if isinstance(each, str | Path)), "")


def logged(door: str, what: Callable[..., str] = _first_words) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Log each call of the decorated function; `what` makes of its arguments what is shown."""

    def decorate(call: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(call)
        def timed(*arguments: P.args, **named: P.kwargs) -> R:
            if not _log.isEnabledFor(logging.DEBUG):
                return call(*arguments, **named)
            began, end = time.monotonic(), "ok"
            try:
                return call(*arguments, **named)
            except BaseException as error:
                end = type(error).__name__
                raise
            finally:
                words = f"{door} {call.__name__.strip('_')} {what(*arguments, **named)}"
                _say(words, end, time.monotonic() - began)

        return timed

    return decorate


def watch_answers(session: Any) -> None:
    """Log each answer to a session of `requests`: method, path, status, and the time to its head."""
    if _log.isEnabledFor(logging.DEBUG):
        session.hooks["response"].append(
            lambda answer, *_, **__: _say(
                f"engine {answer.request.method} {answer.request.path_url}",
                answer.status_code,
                answer.elapsed.total_seconds(),
            )
        )
