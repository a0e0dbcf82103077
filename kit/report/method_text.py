"""How the numbers of a run were made, in lines of Markdown below its tables. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

from kit.documents import Plan
from kit.metrics.limits import SAMPLE_FLOORS
from kit.plan.workloads.sessions import sessions_text
from kit.text import NO_DATA, listed
from kit.text import cell as safe

Escape = Callable[[str, int], str]
MAX_FLAGS_CHARS = 1000
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def name_text(word: str) -> str:
    """A name of ours as it is (a hyphen between letters means nothing in Markdown); anything else escaped."""
    return word if _NAME.fullmatch(word) else safe(word)


def method_lines(plan: Plan) -> tuple[str, str]:
    """How the numbers were made, in two lines."""
    work = plan.workload
    output = work.output_tokens
    arrivals = "text chunks" if plan.method == 1 else "arrivals of text"
    up_to = "up to " if plan.sequential else ""
    several = f"median of {up_to}{work.replicates} interleaved replicates"
    replicates = several if work.replicates > 1 else "one replicate"
    asked = "prompt caches off" if work.sessions is None else sessions_text(work.sessions)
    return (
        f"{replicates.capitalize()}; each cell: fresh server, answers checked first, "
        f"{work.warmup_ns / 1e9:g} s warm-up, "
        f"{work.window_ns / 1e9:g} s window, {_loop_words(plan)}, {_prompt_words(plan)}, "
        f"{output.min}-{output.max} output tokens, temperature 0, {asked}, seed {plan.seed}.",
        f"TTFT = first text - send; ITL = gaps between {arrivals} per token, pooled; decode = 1 / median TPOT; "
        f"throughput = tokens that arrived in the window / its length; nearest-rank percentiles; {NO_DATA} = "
        f"no data or too few samples (p99 needs {SAMPLE_FLOORS[990]}; maximum shown instead).",
    )


def _loop_words(plan: Plan) -> str:
    work = plan.workload
    if work.loop == "closed":
        return "closed loop"
    kind = f"trace '{name_text(work.trace.name)}'" if work.trace else f"{work.arrivals} arrivals"
    if work.trace and work.trace.file_sha256:
        kind += f" (a file, sha256 {safe(work.trace.file_sha256)})"
    shape = f" of shape {work.burstiness_milli / 1000:g}" if work.burstiness_milli else ""
    return f"open loop, {kind}{shape} (a time from arrival counts from when the request was due)"


def _prompt_words(plan: Plan) -> str:
    work = plan.workload
    raw = "raw " if work.api == "completions" else ""
    lengths = sorted({shape.input_tokens for shape in work.shapes if shape.input_tokens is not None})
    if not lengths:
        return f"salted {raw}prompts '{name_text(plan.prompts.name)}'"
    return (
        f"salted {raw}prompts of {listed([f'{length:,}' for length in lengths])} tokens as the server counts them "
        "(prefill = uncached prompt tokens / TTFT)"
    )


def ready_made_lines(plan: Plan) -> list[str]:
    """One line for the programs that were compiled elsewhere; none if there are none."""
    found = [f"{name_text(pin.entry)} (sha256 {safe(pin.ready_made)})" for pin in plan.images if pin.ready_made]
    found += [f"{name_text(pin.name)} (of this machine, sha256 {safe(pin.sha256)})" for pin in plan.programs]
    return [f"Programs compiled elsewhere, not by the kit's recipe: {', '.join(found)}."] if found else []


def client_lines(plan: Plan, escape: Escape = safe) -> list[str]:
    """One line for a load that several clients carried out; none for others."""
    return [
        f"Loaded by {load.clients} clients together from {escape(load.at_utc or '?', 30)} on; each counts times "
        "from its own start, so the common window is as exact as their clocks agree."
        for load in plan.loads[:1]
        if load.clients > 1
    ]


def chosen_lines(plan: Plan, escape: Escape = safe) -> list[str]:
    """One line for each entry with flags or GPUs of its own, and one for runtimes that are none of the kit's.

    `escape` makes words harmless where the lines go: for Markdown, or plain for the page.
    """
    lines = []
    for entry in plan.entries:
        flags = [f"flags {escape(' '.join(entry.flags), MAX_FLAGS_CHARS)}"] if entry.flags else []
        gpus = [f"GPUs {', '.join(map(str, entry.gpus))}"] if entry.gpus else []
        if flags or gpus:
            lines.append(f"{name_text(entry.name)}: {'; '.join([*flags, *gpus])}.")
    found = [f"{name_text(pin.name)} (folder sha256 {escape(pin.sha256, 64)})" for pin in plan.runtimes]
    return lines + ([f"Runtimes that are none of the kit's: {', '.join(found)}."] if found else [])
