"""What tokens cost, as a table. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

from kit.documents.study import Study, Subject
from kit.judge.compare.standing import why_left_out
from kit.judge.costs import Cost, Prices, cost_of_subject
from kit.plan.workloads.shapes import shape_text
from kit.text import NO_DATA, number
from kit.text import cell as safe

TITLE = "Cost per million tokens"
ABOUT = (
    "Output tokens and input tokens each carry the whole cost: two ways to state one cost, not to be added up. "
    f"{NO_DATA} = no data: energy needs telemetry of a GPU or CPU package, and of every replicate."
)
MONEY_DIGITS, WH_DIGITS = 4, 1


def cost_headers(prices: Prices) -> list[str]:
    """The columns that these prices fill."""
    machine = ["output", "input"] if prices.per_hour is not None else []
    money = ["energy, output", "energy, input"] if prices.per_kwh is not None else []
    return [*machine, "Wh, output", "Wh, input", *money]


def cost_cells(prices: Prices, found: Cost | None) -> list[str]:
    """The figures under `cost_headers`."""
    if found is None:
        return [NO_DATA] * len(cost_headers(prices))
    machine = [found.money_per_million_output, found.money_per_million_input]
    money = [found.energy_money_per_million_output, found.energy_money_per_million_input]
    shown = [number(each, MONEY_DIGITS) for each in machine] if prices.per_hour is not None else []
    shown += [
        number(found.energy_wh_per_million_output, WH_DIGITS),
        number(found.energy_wh_per_million_input, WH_DIGITS),
    ]
    return shown + ([number(each, MONEY_DIGITS) for each in money] if prices.per_kwh is not None else [])


def prices_text(prices: Prices) -> str:
    """`at 2.5 an hour and 0.3 a kWh`."""
    parts = [f"{prices.per_hour:g} an hour"] if prices.per_hour is not None else []
    parts += [f"{prices.per_kwh:g} a kWh"] if prices.per_kwh is not None else []
    return f"at {' and '.join(parts)}"


def level_headers(study: Study) -> list[str]:
    """The columns that tell the levels of an entry apart: kinds of request where there are several, and users.

    At a rate nobody counts users: the kind of request says the rate.
    """
    at_a_rate = study.conditions.loop == "open"
    return [*(["request"] if at_a_rate or len(study.shapes) > 1 else []), *([] if at_a_rate else ["users"])]


def level_cells(study: Study, subject: Subject) -> list[str]:
    """What stands under `level_headers`."""
    words = {shape.name: shape_text(shape) for shape in study.shapes}
    found = {"request": words.get(subject.shape) or NO_DATA, "users": str(subject.concurrency)}
    return [found[name] for name in level_headers(study)]


def cost_rows(study: Study, prices: Prices) -> list[list[str]]:
    """A row for each level of an entry whose figures count: entry, what tells its levels apart, costs."""
    return [
        [each.entry, *level_cells(study, each), *cost_cells(prices, cost_of_subject(prices, each))]
        for each in study.subjects
        if not why_left_out(each)
    ]


def cost_table(study: Study, prices: Prices) -> str:
    """The table of a run in Markdown with its title and what it means; a sentence where nothing counts."""
    rows = [[safe(row[0]).replace(r"\-", "-"), *row[1:]] for row in cost_rows(study, prices)]
    title = f"**{TITLE}, {prices_text(prices)}**"
    if not rows:
        return f"{title}\n\nNo cell has figures that count."
    return f"{title}\n\n{aligned(['entry', *level_headers(study), *cost_headers(prices)], rows)}\n\n{ABOUT}"


def aligned(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is words and whose others are figures."""
    align = ("left", *("right",) * (len(headers) - 1))
    return tabulate(rows, list(headers), tablefmt="github", disable_numparse=True, colalign=align)
