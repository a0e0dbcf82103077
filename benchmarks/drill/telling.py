"""Lies told, and what verification says of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from inspect import getsource, isfunction
from pathlib import Path
from types import CodeType, FunctionType

from benchmarks.drill.forging import closed, opened, sealed
from benchmarks.drill.lies import LIES, Lie
from kit.documents import Finding, Verdict
from kit.strict import plain, write_json
from kit.verify import verify_bundle
from kit.verify.registry import RULES

ROOT = Path(__file__).resolve().parents[2]
HONEST = sorted((ROOT / "results").glob("*.tar.gz"))
LIES_OF, MADE_IN = "benchmarks.drill.lies", "benchmarks.drill.making"
BASE = ROOT / "results" / "demo-2cpu.tar.gz"
# Rules whose findings are counted in the table of rates even if no lie meets them.
STATISTICAL = ("forensic.", "physics.", "evidence.build")


@dataclass(frozen=True, slots=True)
class Told:
    """A lie, the label that it got, the rules that found it, and those with a note that was not there before."""

    lie: Lie
    label: str
    caught: tuple[str, ...]
    noted: tuple[str, ...]


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
    """Markdown: what each statistical rule looked at and flagged in honest bundles, and how many lies it met."""
    verdicts = [verify_bundle(path.read_bytes()) for path in HONEST]
    levels = {rule.id: rule for rule in RULES}
    caught = Counter(rule for each in all_told() for rule in each.caught)
    rows = [("rule", "looked at, in honest bundles", "findings there", "lies caught", "of")]
    for name, each in levels.items():
        if name.startswith(STATISTICAL) or caught[name]:
            looked = f"{_looked(verdicts, name):,} {each.counts}"
            rows.append((f"`{name}`", looked, str(_found(verdicts, name)), str(caught[name]), str(len(LIES))))
    return _markdown(rows)


def _looked(verdicts: Sequence[Verdict], name: str) -> int:
    return sum(verdict.checked.get(name, 0) for verdict in verdicts)


def _found(verdicts: Sequence[Verdict], name: str) -> int:
    return sum(finding.rule == name for verdict in verdicts for finding in verdict.findings)


def _markdown(rows: Sequence[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, f"|{'---|' * len(rows[0])}")
    return "\n".join(lines)
