"""What the judge does once, before it is copied: late imports, schemas, the catalogue.

A copy of the process that had not done it would do it again for each bundle, which takes three times as long as a
small bundle itself.
"""

from __future__ import annotations

from contextlib import suppress

from kit.assets import asset
from kit.catalogue.devices import devices
from kit.catalogue.inputs import build_inputs
from kit.documents import Calibration, Cell, Host, Manifest, Plan, Result
from kit.plan.blocks import code_blocks
from kit.plan.correctness import parse_suite
from kit.plan.platforms import platform_names
from kit.plan.prompts import SUITES, prompt_set_names
from kit.plan.workloads.corpus import NAME as CORPUS
from kit.plan.workloads.kit_traces import kit_trace_names
from kit.storage.names import CALIBRATION, CELL_FILES, HOST, MANIFEST, PLAN, RESULT, TELEMETRY, cell_file
from kit.strict import StrictError, typed
from kit.timestamps import utc_ns, utc_text
from kit.verify.circumstances.platform import known_platform
from kit.verify.evidence import open_run
from kit.verify.known import known_model, known_prompts, known_suite, known_trace
from kit.verify.verdict import verify

SMALL_BYTES = 8 << 10
_DOCUMENTS = (Calibration, Cell, Host, Manifest, Plan, Result)
_NAMES = (PLAN, HOST, CALIBRATION, RESULT, MANIFEST, *(cell_file("x", name) for name in (*CELL_FILES, TELEMETRY)))


def warm() -> None:
    """What nearly every bundle needs: all schemas, rules and converters, asked once with empty documents."""
    verify(open_run(dict.fromkeys((*_NAMES, TELEMETRY), b"{}\n")))
    for document in _DOCUMENTS:
        with suppress(StrictError):
            typed(document, {}, "nothing")


def warm_for_many() -> None:
    """What takes longer, and pays from the second bundle on: what the kit itself knows, Markdown, times."""
    known_model("")
    build_inputs()
    devices()
    for platform in platform_names():
        known_platform(platform)
    for prompts in _prompt_sets(most_bytes=SMALL_BYTES):
        known_prompts(prompts)
    for suite in SUITES:
        for level in parse_suite(asset("prompts", f"{suite}.yaml").read_bytes(), suite):
            known_suite(suite, level.name)
    any(code_blocks("```"))
    utc_ns(utc_text(0))


def warm_for_hundreds() -> None:
    """What takes a second and more: the long sets of prompts, and the traces."""
    for prompts in _prompt_sets(most_bytes=None):
        known_prompts(prompts)
    for trace in kit_trace_names():
        known_trace(trace)


def _prompt_sets(most_bytes: int | None) -> list[str]:
    """The kit's own sets of prompts, of all sizes or those of few bytes."""
    sizes = {name: asset("prompts", f"{name}.yaml").stat().st_size for name in (*prompt_set_names(), CORPUS)}
    return [name for name, size in sizes.items() if most_bytes is None or size <= most_bytes]
