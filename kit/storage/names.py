"""How the files of a run, its cells and its bundle are called. Names in a bundle are a format: none changes."""

from __future__ import annotations

import re

PLAN, HOST, RESULT, CALIBRATION, CELLS = "plan.json", "host.json", "result.json", "calibration.json", "cells"
CALIBRATED = "calibration.jsonl"  # the requests of the calibration, as measured and as they were
MANIFEST = "manifest.json"  # in a bundle only
ATTEMPTS = "attempts"  # what cells left that were measured again; the one that counts is in CELLS
CELL, RECORDS, TEXTS, CORRECT = "cell.json", "records.jsonl", "texts.jsonl", "correct.jsonl"
CELL_FILES = (CELL, RECORDS, TEXTS, CORRECT)
# What the load generator is given, and what it leaves beside records and texts; both go into cell.json.
LOAD, PROMPTS, TRACE = "load.json", "prompts.json", "trace.jsonl"
PROMPTS_SOURCE = "prompts.source"  # a user's prompts as they were given; stays with the records of a load by hand
FACTS, METRICS = "facts.json", "metrics.json"
WITNESS = "witness.jsonl"  # of a cell, where the plan has a witness
TELEMETRY = "telemetry.jsonl"  # of a cell, and at the top of a run of the idle machine; from method 3 on
WATCH, SAMPLER = "watch.json", "sampler.json"  # what the sampler is told, and what it says of itself
SERVER_LOG, LOADGEN_LOG, REPORT = "server.log", "loadgen.log", "REPORT.md"
LIVE = "live.json"  # what a run does now (kit.storage.live); gone when it ends
PLATFORM = "platform.yaml"  # what a run without a platform of the kit measures, to edit and to go on with
SWEEP, PAGE = "sweep.json", "report.html"
STAY_AT_HOME = (
    REPORT,
    PAGE,
    SERVER_LOG,
    LOADGEN_LOG,
    LIVE,
    PLATFORM,
)  # they may name paths and people; no number comes from them
# What macOS, Windows, KDE and network drives leave in a folder that somebody looked into (in lower case).
_LITTER = frozenset(
    {
        ".ds_store", ".localized", ".apdisk", ".appledouble", ".fseventsd", ".spotlight-v100", ".trashes",
        "__macosx", "icon\r", "thumbs.db",
        "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information",
        ".directory", "@eadir",
    }
)  # fmt: skip
# AppleDouble files; back-ups, swap files and locks of vim, emacs, nano, kate and office programs; remains of NFS.
_LITTER_FORMS = re.compile(
    r"\._.+|.+~|#.+#|\.#.+|\..+\.(?:sw[a-p]|kate-swp)|~\$.+|\.~lock\..+#|\.(?:nfs|fuse_hidden)[0-9a-f]+",
    re.DOTALL,
)
_ATTEMPT_NUMBER = re.compile(r"[1-9][0-9]{0,2}")


def cell_file(cell_id: str, name: str = CELL) -> str:
    """The place of a file of a cell, e.g. `cells/r1-c4-vllm/cell.json`."""
    return f"{CELLS}/{cell_id}/{name}"


def part_of(name: str) -> str:
    """What a file is called until it is whole; whatever a killed run leaves of it is litter."""
    return f"{name}~"


def attempt_folder(cell_id: str, number: int) -> str:
    """The place of an attempt that was superseded, e.g. `attempts/r1-c4-vllm.1`; the first is number 1."""
    return f"{ATTEMPTS}/{cell_id}.{number}"


def attempt_name(folder: str) -> tuple[str, int] | None:
    """Cell and number of an attempt by the name of its folder below ATTEMPTS; None if it is none."""
    cell_id, _, number = folder.rpartition(".")
    return (cell_id, int(number)) if cell_id and _ATTEMPT_NUMBER.fullmatch(number) else None


def is_litter(name: str) -> bool:
    """Whether a file or folder of this name was left by a file manager or an editor: nobody's evidence.

    In a run folder it is passed over and never bundled. In an archive it is refused like any file that the plan
    does not call for: the kit packed it, and no desktop has been there.
    """
    return name.lower() in _LITTER or bool(_LITTER_FORMS.fullmatch(name))
