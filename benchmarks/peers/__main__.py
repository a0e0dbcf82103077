"""Prints the kit beside the best-known load generators.

    python -m benchmarks.peers [--only aiperf,guidellm,vllm] [--quick]

Installs each into a venv of its own in the kit's cache folder (gigabytes, from the package registry) and runs
it and the kit against the same reference endpoint. A tool that cannot be installed or run here is named with
the reason, and the others go on. Exit code 1 only if the kit itself could not run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from benchmarks.children import BenchmarkError
from benchmarks.instrument import machine
from benchmarks.peers.compare import STREAMS, TOKENS, Cost, Fidelity, fidelity, saturated
from benchmarks.peers.install import installed, version_of
from benchmarks.peers.known import KIT, OWN_PYTHON, PEERS
from benchmarks.peers.tokenizer import write_tokenizer
from benchmarks.peers.tool import Tool
from kit import __version__
from kit.errors import KitError

HEAD = ("tool", "TTFT p50", "TTFT p99", "ITL p50", "ITL p99", "tokens per CPU-s", "kit is")


@dataclass(frozen=True, slots=True)
class Row:
    """A tool's results, or why there are none."""

    name: str
    itl: str
    fidelity: Fidelity | None
    cost: Cost | None
    failure: str | None = None


def row(tool: Tool, folder: Path, tokenizer: Path, *, quick: bool) -> Row:
    """Install if needed, then both runs."""
    name = tool.name
    try:
        python = OWN_PYTHON if tool is KIT else installed(tool)
        name = f"{name} {__version__ if tool is KIT else version_of(python, tool)}"
        sys.stderr.write(f"{name} ...\n")
        true = fidelity(tool, python, folder, tokenizer, 256)
        cost = saturated(tool, python, folder, tokenizer, 250 if quick else 1000)
    except Exception as error:  # whatever one tool does, the others go on
        known = isinstance(error, (BenchmarkError, KitError, OSError))
        return Row(name, tool.itl, None, None, str(error) if known else f"{type(error).__name__}: {error}")
    return Row(name, tool.itl, true, cost)


def beside(said: float | None, true: float | None) -> str:
    """What was said, and by how much that is wrong."""
    if said is None or true is None:
        return "\N{EN DASH}"
    return f"{said:.2f} ({said - true:+.2f})"


def cells(each: Row, kit: Cost | None) -> tuple[str, ...]:
    if each.fidelity is None or each.cost is None:
        return (each.name, *["\N{EN DASH}"] * 5, "could not run")
    said, true = each.fidelity.said, each.fidelity.true
    times = kit.tokens_per_cpu_s / each.cost.tokens_per_cpu_s if kit else None
    return (
        each.name,
        beside(said.ttft_p50, true.ttft_p50),
        beside(said.ttft_p99, true.ttft_p99),
        beside(said.itl_p50, true.itl_p50),
        beside(said.itl_p99, true.itl_p99),
        f"{each.cost.tokens_per_cpu_s:,.0f}",
        f"{times:.1f} x" if times else "",
    )


def report(rows: Sequence[Row], saturated_requests: int) -> str:
    """The table, and below it what it means."""
    kit = next((each.cost for each in rows if each.name.startswith("kit ")), None)
    align = ("left", *["right"] * 6)
    table = tabulate([cells(each, kit) for each in rows], HEAD, "github", disable_numparse=True, colalign=align)
    kinds = "; ".join(f"{each.name}: {each.itl}" for each in rows)
    notes = [
        f"Milliseconds as each tool reports them; in brackets the error against the truth log of that very run "
        f"({STREAMS} streams, true TTFT 50 ms, 5 ms between tokens, 256 requests of {TOKENS} tokens).",
        f"ITL by each tool's own definition, and the truth by the same: {kinds}.",
        f"Tokens per CPU-second: {saturated_requests:,} requests of {TOKENS} tokens, {STREAMS} streams, as fast "
        "as the endpoint sends; CPU of the tool's whole process tree, start-up and reports included.",
        *(
            f"{each.name} counts {each.cost.answered} of {saturated_requests} answers as good."
            for each in rows
            if each.cost and each.cost.answered < saturated_requests
        ),
        *(f"{each.name} could not run here: {each.failure}" for each in rows if each.failure),
    ]
    return "\n".join([table, "", *notes])


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description="The kit beside its peers.")
    parser.add_argument("--only", default=",".join(tool.name for tool in PEERS), metavar="NAME,...")
    parser.add_argument("--quick", action="store_true", help="a quarter of the tokens when saturated")
    chosen = parser.parse_args(arguments)
    names = set(chosen.only.split(","))
    if unknown := names - {tool.name for tool in PEERS}:
        parser.error(f"no tool {', '.join(sorted(unknown))}")
    about = machine()
    with tempfile.TemporaryDirectory(prefix="kit-peers-") as scratch:
        folder = Path(scratch)
        tokenizer = write_tokenizer(folder / "tokenizer")
        tools = [KIT, *(tool for tool in PEERS if tool.name in names)]
        rows = [row(tool, folder, tokenizer, quick=chosen.quick) for tool in tools]
    sys.stdout.write(f"{about}\n\n{report(rows, 250 if chosen.quick else 1000)}\n")
    return 1 if rows[0].failure else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
