"""Lies told, and what verification says of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from inspect import getsource, isfunction
from math import comb
from pathlib import Path
from types import CodeType, FunctionType

from benchmarks.drill.forging import closed, opened, sealed
from benchmarks.drill.lies import LIES, Lie
from kit.collection.fingerprints import Fingerprints, fingerprints_of, likeness
from kit.documents import Finding, Verdict
from kit.strict import plain, write_json
from kit.verify import verify_bundle
from kit.verify.evidence import open_bundle
from kit.verify.registry import RULES

ROOT = Path(__file__).resolve().parents[2]
HONEST = sorted((ROOT / "results").glob("*.tar.gz"))
LIES_OF, MADE_IN = "benchmarks.drill.lies", "benchmarks.drill.making"
BASE = ROOT / "results" / "demo-2cpu.tar.gz"
# Rules with a limit, a tolerance or a guess in them: they can be wrong of an honest bundle.
HEURISTIC = (
    "forensic.", "physics.", "evidence.", "calibration.plausible", "calibration.range", "cell.unproven",
    "container.times", "host.plausible", "load.busy", "load.lag", "load.lengths", "load.steady", "load.tail",
    "load.unfinished", "plan.platform", "server.exit", "sessions.cached", "sessions.grown", "telemetry.plausible",
    "telemetry.present", "text.duplicates", "time.boot", "time.clock", "time.steps",
    "tokens.finish", "tokens.first",
)  # fmt: skip
CONFIDENCE = 0.95
INTAKE = "intake: no copy"


@dataclass(frozen=True, slots=True)
class Told:
    """A lie, the label that it got, the rules that found it, and those with a note that was not there before."""

    lie: Lie
    label: str
    caught: tuple[str, ...]
    noted: tuple[str, ...]


@cache
def forged(lie: Lie, base: bytes) -> bytes:
    """The bundle that says it."""
    loot = opened(base)
    if lie.careless:
        closed(loot)
        lie.tell(loot)
        for name, cell in loot.cells.items():
            loot.files[f"cells/{name}/cell.json"] = write_json(plain(cell))
        return sealed(loot.files, loot.version)
    lie.tell(loot)
    return closed(loot)


@cache
def honest_findings(base: bytes) -> frozenset[Finding]:
    """What rules have to say of the bundle as it was."""
    return frozenset(verify_bundle(closed(opened(base))).findings)


def told(lie: Lie, base: bytes) -> Told:
    verdict = verify_bundle(forged(lie, base))
    new = [finding for finding in verdict.findings if finding not in honest_findings(base)]
    caught = dict.fromkeys(finding.rule for finding in new if finding.level != "note")
    noted = dict.fromkeys(finding.rule for finding in new if finding.level == "note")
    return Told(lie, verdict.label, tuple(caught), tuple(noted))


@cache
def all_told() -> tuple[Told, ...]:
    base = BASE.read_bytes()
    return tuple(told(lie, base) for lie in LIES)


def lies_table() -> str:
    """Markdown: each lie, what found it, and what it costs."""
    rows = [("lie", "what is done", "label", "caught by", "lines", "hours")]
    for each in all_told():
        caught = ", ".join(f"`{rule}`" for rule in each.caught) or "**not caught**"
        if each.noted:
            caught += f"; noted: {', '.join(f'`{rule}`' for rule in each.noted)}"
        lie = each.lie
        rows.append((lie.name, lie.what, each.label, caught, str(lines(lie.tell)), f"{lie.hours:g}"))
    return _markdown(rows)


def lines(tell: Callable[..., object]) -> int:
    """Lines of code of a lie, with the functions that it is made of beside `forging`."""
    assert isinstance(tell, FunctionType)
    seen, todo = dict[str, int](), [tell]
    while todo:
        function = todo.pop()
        if function.__qualname__ in seen:
            continue
        source = getsource(function).splitlines()
        seen[function.__qualname__] = sum(bool(line.strip()) for line in source)
        for name in _names(function.__code__):
            found = function.__globals__.get(name)
            if isfunction(found) and found.__module__ in (LIES_OF, MADE_IN):
                todo.append(found)
    return sum(seen.values())


def _names(code: CodeType) -> set[str]:
    inner = (each for each in code.co_consts if isinstance(each, CodeType))
    return set(code.co_names).union(*(_names(each) for each in inner))


def rates_table() -> str:
    """Markdown: what each rule that can be wrong looked at and found in honest bundles, and the lies it met."""
    verdicts = [verify_bundle(path.read_bytes()) for path in HONEST]
    caught = Counter(rule for each in all_told() for rule in each.caught)
    heads = ("rule", "looked at, in honest bundles", "findings there", "true rate below", "lies caught", "of")
    rows: list[tuple[str, ...]] = [heads]
    for rule in RULES:
        if rule.id.startswith(HEURISTIC) or caught[rule.id]:
            looked, found = _looked(verdicts, rule.id), _found(verdicts, rule.id)
            rows.append(_row(f"`{rule.id}`", looked, rule.counts, found, caught[rule.id]))
    pairs, alike = _honest_pairs()
    base = BASE.read_bytes()
    true = _marks(base)
    copies = sum(likeness(_marks(forged(lie, base)), true).is_copy for lie in LIES)
    rows.append(_row(INTAKE, pairs, "pairs of runs", alike, copies))
    return _markdown(rows)


def _row(name: str, looked: int, counts: str, found: int, caught: int) -> tuple[str, ...]:
    rate = f"{100 * upper_bound(found, looked):.2g} %" if looked else "not known"
    return name, f"{looked:,} {counts}", str(found), rate, str(caught), str(len(LIES))


def upper_bound(found: int, looked: int) -> float:
    """The largest rate at which so few would be found with 5 % probability (Clopper and Pearson, one side)."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        less = sum(comb(looked, k) * middle**k * (1 - middle) ** (looked - k) for k in range(found + 1))
        low, high = (middle, high) if less > 1 - CONFIDENCE else (low, middle)
    return high


def _honest_pairs() -> tuple[int, int]:
    """How many pairs of honest runs there are, and how many of them intake would call copies."""
    marks = [_marks(path.read_bytes()) for path in HONEST]
    pairs = [likeness(one, other) for at, one in enumerate(marks) for other in marks[:at] + marks[at + 1 :]]
    return len(pairs), sum(pair.is_copy for pair in pairs)


def _marks(bundle: bytes) -> Fingerprints:
    return fingerprints_of(open_bundle(bundle))


def _looked(verdicts: Sequence[Verdict], name: str) -> int:
    return sum(verdict.checked.get(name, 0) for verdict in verdicts)


def _found(verdicts: Sequence[Verdict], name: str) -> int:
    return sum(finding.rule == name for verdict in verdicts for finding in verdict.findings)


def _markdown(rows: Sequence[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, f"|{'---|' * len(rows[0])}")
    return "\n".join(lines)
