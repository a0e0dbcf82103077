"""The small closed vocabularies of the house."""

from __future__ import annotations

from typing import Literal

Setting = int | str | bool
Outcome = Literal["ok", "failed", "unfinished"]
ErrorKind = Literal[
    "connect",
    "http_status",
    "timeout_first",
    "timeout_idle",
    "timeout_total",
    "protocol",
    "error_event",
    "empty",
    "truncated",
]
TokenSource = Literal["usage", "timings", "chunks"]
StampSource = Literal["kernel", "user"]
CellStatus = Literal["measured", "failed", "interrupted"]

CONTENT, REASONING, TOOL = 0, 1, 2  # the channel of a chunk
