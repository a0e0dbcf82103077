"""From a short run of a platform to the file of a self test. Pure; everything that goes in is on an allow list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kit import __version__
from kit.documents import Calibration, Cell, CellResult, Entry, Host, Plan, Result, ServerFacts
from kit.documents.container import ContainerFacts
from kit.documents.selftest import SelfTest, SelfTestEntry, SelfTestFailure, SelfTestImage, SelfTestLevel
from kit.judge.redaction import without_names
from kit.judge.trial_figures import CellParts, cold_start_ms
from kit.plan.weights import weights_of

NS_PER_S = 1_000_000_000
LABEL = "org.kit."
# What an image says of itself and no machine: how it was made, of what, by which version.
LABELS = (
    "runtime", "variant", "target", "kit_version", "recipe", "dockerfile", "official", "from", "program",
    "program_origin", "base", "base.suite", "base.in_release_sha256", "base.packages_sha256",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ShortRun:
    """A run that came to its end, with what differs between its entries' answers (`notes`).

    `load_average` is that of the machine before it.
    """

    plan: Plan
    plan_sha256: str
    result: Result
    cells: Mapping[str, CellParts]
    host: Host
    calibration: Calibration | None
    notes: tuple[str, ...]
    load_average: float | None


def selftest_of(run: ShortRun, ended_utc: str, private: Sequence[str]) -> SelfTest:
    """The file of a self test; `private` are names of the machine and its user, which it must not have."""
    servers = [parts.cell.server for parts in run.cells.values() if parts.cell and parts.cell.server]
    ceiling = run.calibration.ceiling if run.calibration else None
    return SelfTest(
        schema="kit/selftest/1",
        kit_version=__version__,
        platform=run.plan.platform,
        plan_sha256=run.plan_sha256,
        ended_utc=ended_utc,
        window_s=run.plan.workload.window_ns / NS_PER_S,
        engine=run.plan.engine,
        engine_version=_engine_version(servers, private),
        host=run.host,
        load_average=run.load_average,
        load_generator_tok_s=ceiling.tok_s if ceiling else None,
        notes=tuple(without_names(note, private) for note in run.notes),
        entries=tuple(_entry(run, entry, private) for entry in run.plan.entries),
    )


def _engine_version(servers: Sequence[ServerFacts], private: Sequence[str]) -> str | None:
    found = next((server.container for server in servers if server.container), None)
    return without_names(f"{found.engine} {found.engine_version}", private) if found else None


def _entry(run: ShortRun, entry: Entry, private: Sequence[str]) -> SelfTestEntry:
    lines = [line for line in run.result.cells if line.entry == entry.name]
    cells = [parts.cell for line in lines if (parts := run.cells.get(line.id)) and parts.cell]
    servers = [cell.server for cell in cells if cell.server]
    container = next((server.container for server in servers if server.container), None)
    weights = weights_of(run.plan, entry)
    return SelfTestEntry(
        entry=entry.name,
        runtime=entry.runtime,
        variant=entry.variant,
        settings=entry.settings,
        model=weights.name,
        model_sha256=weights.sha256,
        version=_said([server.version for server in servers], private),
        device=_said([server.device for server in servers], private),
        passthrough=container.passthrough if container else None,
        image=_image(run.plan, entry, container, private) if container else None,
        levels=tuple(_level(line, run.cells.get(line.id), private) for line in lines),
    )


def _said(words: Sequence[str | None], private: Sequence[str]) -> str | None:
    first = next((each for each in words if each), None)
    return without_names(first, private) if first else None


def _image(plan: Plan, entry: Entry, container: ContainerFacts, private: Sequence[str]) -> SelfTestImage | None:
    pin = next((pin for pin in plan.images if pin.entry == entry.name), None)
    if pin is None:
        return None
    labels = {name: container.labels[LABEL + name] for name in LABELS if LABEL + name in container.labels}
    digests = (each.rpartition("@")[2] for each in container.repo_digests)
    return SelfTestImage(
        reference=pin.reference,
        target=pin.target,
        image_id=container.image_id,
        digests=tuple(digest for digest in digests if digest.startswith("sha256:")),
        labels={name: without_names(value, private) for name, value in labels.items()},
    )


def _level(line: CellResult, parts: CellParts | None, private: Sequence[str]) -> SelfTestLevel:
    cell: Cell | None = parts.cell if parts else None
    checks = parts.checks if parts else ()
    numbers = line.metrics if line.status == "measured" else None
    failure = line.failure
    return SelfTestLevel(
        users=line.concurrency,
        status="missing" if line.status == "not needed" else line.status,
        passed=tuple(phase.name for phase in cell.phases if phase.outcome == "ok") if cell else (),
        failure=SelfTestFailure(failure.phase, failure.kind, without_names(failure.message, private))
        if failure
        else None,
        right=sum(check.passed for check in checks),
        asked=len(checks),
        cold_start_ms=cold_start_ms(cell.phases) if cell else None,
        requests_ok=numbers.requests.ok if numbers else None,
        requests_failed=numbers.requests.failed if numbers else None,
        throughput_tok_s=numbers.throughput_tok_s if numbers else None,
        decode_tok_s=numbers.decode_tok_s if numbers else None,
        ttft_p50_ms=numbers.ttft_ms.p50 if numbers else None,
        itl_p50_ms=numbers.itl_ms.p50 if numbers else None,
        suspect=tuple(without_names(reason, private) for reason in line.suspect),
    )


def level_passed(level: SelfTestLevel) -> bool:
    """Whether an entry was measured at so many users, and at least one request ended in the window."""
    return level.status == "measured" and bool(level.requests_ok)


def all_passed(found: SelfTest) -> bool:
    """Whether every entry passed at every number of users."""
    return all(level_passed(level) for entry in found.entries for level in entry.levels)
