"""How the files of a run, its cells and its bundle are called. Names in a bundle are a format: none changes."""

from __future__ import annotations

PLAN, HOST, RESULT, CALIBRATION, CELLS = "plan.json", "host.json", "result.json", "calibration.json", "cells"
MANIFEST = "manifest.json"  # in a bundle only
CELL, RECORDS, TEXTS, CORRECT = "cell.json", "records.jsonl", "texts.jsonl", "correct.jsonl"
CELL_FILES = (CELL, RECORDS, TEXTS, CORRECT)
# What the load generator is given, and what it leaves beside records and texts; both go into cell.json.
LOAD, PROMPTS, TRACE = "load.json", "prompts.json", "trace.jsonl"
PROMPTS_SOURCE = "prompts.source"  # a user's prompts as they were given; stays with the records of a load by hand
FACTS, METRICS = "facts.json", "metrics.json"
SERVER_LOG, LOADGEN_LOG, REPORT = "server.log", "loadgen.log", "REPORT.md"
STAY_AT_HOME = (REPORT, SERVER_LOG, LOADGEN_LOG)  # they may name paths and people; no number comes from them
SWEEP, PAGE = "sweep.json", "report.html"


def cell_file(cell_id: str, name: str = CELL) -> str:
    """The place of a file of a cell, e.g. `cells/r1-c4-vllm/cell.json`."""
    return f"{CELLS}/{cell_id}/{name}"
