"""Samples beside a load and before a run, and what they say of its window. Whatever fails here fails no cell."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from kit.documents import LoadFacts, Metrics
from kit.documents.container import Accelerator
from kit.documents.telemetry import TelemetryFacts, TelemetrySample
from kit.engines.protocol import SAMPLED, Engine
from kit.errors import InputError, KitError
from kit.metrics.disturbance import disturbances
from kit.metrics.telemetry import cell_summary
from kit.storage.names import SAMPLER, TELEMETRY
from kit.storage.telemetry_file import make_whole, read_samples
from kit.strict import read_json
from kit.telemetry.watching import INTERVAL_NS
from kit.text import plain_text

LEAD_S = 1.0  # before a load, so that the window is bracketed and the machine is seen without it
LOOK_S = 2.0
MAX_REASON_CHARS = 200


@dataclass(slots=True)
class Sampled:
    """What a sampler left behind, filled when its block has ended."""

    ended: str = SAMPLED
    cpus: int = 1
    interval_ns: int = INTERVAL_NS
    sources: dict[str, str] = field(default_factory=dict)
    samples: tuple[TelemetrySample, ...] = ()
    samples_sha256: str = sha256(b"").hexdigest()


@contextlib.contextmanager
def sampled(engine: Engine, folder: Path, accelerator: Accelerator = "none") -> Iterator[Sampled]:
    """Sample while the block runs. Afterwards the folder has telemetry.jsonl, and the value says what it holds."""
    found = Sampled()
    with contextlib.ExitStack() as stack:
        sampling = stack.enter_context(engine.telemetry(folder, accelerator))
        try:
            yield found
        finally:
            try:
                stack.close()
                found.ended = sampling.ended
                _read(found, folder)
            except (KitError, OSError) as error:
                # No path of this machine: it goes into a document. What went wrong first is told.
                words = error.what if isinstance(error, KitError) else f"{TELEMETRY}: {error.strerror}"
                if found.ended == SAMPLED:
                    found.ended = plain_text(words, MAX_REASON_CHARS)


def _read(found: Sampled, folder: Path) -> None:
    path, said = folder / TELEMETRY, folder / SAMPLER
    make_whole(path)
    if not path.is_file():
        path.write_bytes(b"")
    found.samples = read_samples(path)
    found.samples_sha256 = sha256(path.read_bytes()).hexdigest()
    if not said.is_file():
        return
    document: Any = read_json(said.read_bytes(), said.name)
    said.unlink()
    try:
        found.cpus, found.interval_ns = max(1, int(document["cpus"])), int(document["interval_ns"])
        sources = {plain_text(str(k), 64): plain_text(str(v), 200) for k, v in document["sources"].items()}
    except (LookupError, TypeError, ValueError, AttributeError):
        raise InputError(f"{SAMPLER} is not what a sampler writes.") from None
    found.sources = dict(sorted(sources.items())[:32])


def look(engine: Engine, folder: Path, accelerator: Accelerator = "none", seconds: float = LOOK_S) -> Sampled:
    """Sample a machine on which nothing was started, into `folder`: what it takes when it is idle."""
    with sampled(engine, folder, accelerator) as found:
        time.sleep(seconds)
    return found


def run_look(run: Path) -> tuple[TelemetrySample, ...]:
    """The samples of the idle machine of a run; none where there was no look, or it cannot be read."""
    try:
        return read_samples(run / TELEMETRY)
    except (InputError, OSError):
        return ()


def telemetry_facts(
    found: Sampled, look: Sequence[TelemetrySample], facts: LoadFacts | None, metrics: Metrics | None
) -> TelemetryFacts:
    """What goes into cell.json: how it was sampled and, where there was a window, what it says of it."""
    summary = cell_summary(found.samples, look, facts, metrics, found.cpus)
    return TelemetryFacts(
        samples_sha256=found.samples_sha256,
        interval_ns=found.interval_ns,
        cpus=found.cpus,
        sources=found.sources,
        ended=found.ended or SAMPLED,
        summary=summary,
        disturbed=disturbances(summary, found.cpus),
    )
