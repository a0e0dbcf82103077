"""From lengths and rates as people write them to the shapes of a plan, and back from a cell to its own. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from kit.documents import CellPlan, Loop, OutputTokens, Plan, PlannedWorkload, Shape, Workload
from kit.errors import InputError
from kit.plan.workloads.own_traces import trace_requests

ONE_SHAPE = ("",)  # of cells that name none


def shapes_of_workload(workload: Workload) -> tuple[Shape, ...]:
    """Every input length with every output length at every rate; none where there is one kind of request only."""
    inputs: tuple[int | None, ...] = workload.input_tokens or (None,)
    arrivals = [*(("rate", rate) for rate in workload.rates), *(("speed", speed) for speed in workload.speeds)]
    found = tuple(_shape(workload, *each) for each in product(inputs, _outputs(workload), arrivals or [("", 0.0)]))
    return () if [shape.name for shape in found] == [""] else found


def _outputs(workload: Workload) -> tuple[OutputTokens, ...]:
    given = workload.output_tokens
    if isinstance(given, OutputTokens):
        return (given,)
    return tuple(OutputTokens("uniform", length, length) for length in given)


def _shape(
    workload: Workload, input_tokens: int | None, output: OutputTokens, arrival: tuple[str, float]
) -> Shape:
    kind, amount = arrival
    milli = round(amount * 1000)
    parts = [f"i{input_tokens}"] if input_tokens is not None else []
    parts += [f"o{output.max}"] if not isinstance(workload.output_tokens, OutputTokens) else []
    parts += [f"{'q' if kind == 'rate' else 'x'}{milli_text(milli)}"] if kind else []
    return Shape(
        "-".join(parts),
        output,
        input_tokens,
        milli if kind == "rate" else None,
        milli if kind == "speed" else None,
    )


def milli_text(milli: int) -> str:
    """2500 thousandths as `2.5`."""
    whole, rest = divmod(milli, 1000)
    return f"{whole}" + (f".{rest:03d}".rstrip("0") if rest else "")


def hull(outputs: Iterable[OutputTokens]) -> OutputTokens:
    """The output lengths of several shapes together."""
    found = tuple(outputs)
    return OutputTokens("uniform", min(each.min for each in found), max(each.max for each in found))


def output_hull(workload: Workload) -> OutputTokens:
    """All output lengths of a workload together."""
    return hull(_outputs(workload))


def shape_names(workload: PlannedWorkload) -> tuple[str, ...]:
    """The names that cells of a workload have, in their order."""
    return tuple(shape.name for shape in workload.shapes) or ONE_SHAPE


def shape_named(workload: PlannedWorkload, name: str) -> Shape:
    """The shape of that name; that of all cells where the workload names none. `KeyError` if there is none."""
    if not workload.shapes and not name:
        return Shape("", workload.output_tokens)
    found = next((shape for shape in workload.shapes if shape.name == name), None)
    if found is None:
        raise KeyError(name)
    return found


def shape_of(plan: Plan, cell: CellPlan) -> Shape:
    """The shape of a cell."""
    return shape_named(plan.workload, cell.shape)


def loop_of(workload: PlannedWorkload, shape: Shape, concurrency: int) -> Loop:
    """How the requests of a cell arrive."""
    if workload.loop == "closed":
        return Loop("closed", concurrency)
    if workload.trace is not None:
        return Loop("open", None, "trace")
    kind = workload.arrivals or "poisson"
    return Loop("open", None, kind, shape.rate_milli_per_s, workload.burstiness_milli)


def check_arrivals(workload: Workload) -> None:
    """`InputError` where options of a command do not fit the open loop of a platform."""
    if workload.loop == "closed":
        return
    if len(workload.concurrencies) != 1:
        raise InputError(
            "An open loop has one concurrency: how many requests are expected at once.",
            "Give one number, or leave --concurrency out.",
        )
    if workload.trace is not None:
        ends_s = trace_requests(workload.trace)[-1].at_ns / 1e9 / max(workload.speeds)
        if workload.warmup_s + workload.window_s > ends_s:
            raise InputError(
                f"At its highest speed the trace ends after {ends_s:g} s, before the window does.",
                "Give a shorter --window.",
            )


# --- in words ---------------------------------------------------------------------------------------------


def shape_text(shape: Shape) -> str:
    """`512 in, 64 out`, `2.5 requests/s`; empty for a shape that says neither."""
    output = shape.output_tokens
    length = str(output.max) if output.min == output.max else f"{output.min}-{output.max}"
    parts = [f"{shape.input_tokens:,} in"] if shape.input_tokens is not None else []
    parts += [f"{length} out"] if shape.name and (parts or "o" in shape.name) else []
    return ", ".join((*parts, *arrival_text(shape)))


def arrival_text(shape: Shape) -> tuple[str, ...]:
    """`2.5 requests/s`, or nothing in a closed loop."""
    if shape.rate_milli_per_s is not None:
        unit = "request/s" if shape.rate_milli_per_s == 1000 else "requests/s"
        return (f"{milli_text(shape.rate_milli_per_s)} {unit}",)
    if shape.speed_milli is not None:
        return (f"trace x {milli_text(shape.speed_milli)}",)
    return ()
