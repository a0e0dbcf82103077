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
# Why a server's own count of tokens was not believed.
CountFault = Literal["below-chunks", "above-limit", "not-a-count", "missing-part", "several-choices"]
# What an answer left out or wrote otherwise than most do, and was read all the same.
Dialect = Literal[
    "no-done", "odd-finish", "choices", "single-newlines", "content-parts", "odd-index", "replayed"
]  # fmt: skip
StampSource = Literal["kernel", "user"]
CellStatus = Literal["measured", "failed", "interrupted"]

CONTENT, REASONING, TOOL = 0, 1, 2  # the channel of a chunk

# Runtime and variant of an entry that is a server which already runs: the kit does not start it.
SERVER, RUNNING = "server", "running"
