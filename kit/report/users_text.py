"""How many users each runtime carries, in words and a table. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kit.judge.advice import joined, users_text
from kit.judge.costs import Prices
from kit.judge.users import EntryUsers, LevelFound, MachineUsers, UsersFound
from kit.metrics.goodput import slo_text
from kit.metrics.registry import DECODE, METRICS, THROUGHPUT, TTFT_P50
from kit.report.cost_text import ABOUT, aligned, cost_cells, cost_headers, prices_text
from kit.text import NO_DATA, number, plain_text

WHY_LIMIT = 200


def machine_lines(found: Sequence[MachineUsers], prices: Prices | None) -> list[str]:
    """Answer and table of each machine and kind of request, each under a title where there are several."""
    machines = len(dict.fromkeys((each.machine, each.runs) for each in found))
    lines: list[str] = []
    for each in found:
        where = [f"on {each.machine}"] if machines > 1 else []
        title = ", ".join((*where, *([each.shape] if each.shape else [])))
        headers, rows = level_rows(each.found, prices)
        lines += [f"{title[0].upper()}{title[1:]}:"] if title else []
        lines += [*users_lines(each.found), "", aligned(headers, rows)]
        lines += [f"\nCosts are per million tokens, {prices_text(prices)}. {ABOUT}"] if prices else []
        lines += [""] if len(found) > 1 and each is not found[-1] else []
    return lines


def users_lines(found: UsersFound) -> tuple[str, ...]:
    """Who carries most, then a line for each entry with its bracket, then how sure that is."""
    return (_most(found), *(f"- {_entry(each)}" for each in found.entries), _how_sure(found))


def _most(found: UsersFound) -> str:
    limits = f"within {slo_text(found.slo)} for {_percent(found.share)} of requests"
    if not found.best and (doubtful := [each.entry for each in found.entries if _is_doubtful(each)]):
        return f"Not known how many users {limits}: the smallest measured level of {joined(doubtful)} is doubtful."
    if not found.best:
        return f"No runtime keeps even its smallest measured level {limits}."
    best = next(each for each in found.entries if each.entry == found.best[0])
    if len(found.entries) == 1:
        return f"Up to {users_text(best.users or 0)} {limits}: {plain_text(best.entry)}."
    if len(found.best) == 1:
        open_ = [each.entry for each in found.entries if each.users is None and _is_doubtful(each)]
        beside = f"; not known of {joined(open_)}" if open_ else ""
        return f"Most users {limits}: {plain_text(best.entry)} with {best.users:,}{beside}."
    others = joined(found.best[1:])
    return (
        f"Most users {limits}: {plain_text(best.entry)} with {best.users:,}, "
        f"not told apart from {others} by these levels."
    )


def _entry(each: EntryUsers) -> str:
    name, missed = plain_text(each.entry), each.level(each.missed)
    if not each.levels:
        return f"{name}: nothing measured."
    if each.users is None and missed is not None and _is_doubtful(each):
        return f"{name}: not known, {users_text(missed.users)} is doubtful{_why(missed)}."
    if each.users is None:
        return f"{name}: not {users_text(each.missed or 1)}{_why(missed)}."
    kept = each.level(each.users)
    words = f"{name}: {users_text(each.users)}" + (f" ({_percent(kept.share)})" if kept and kept.share else "")
    if missed is None:
        return f"{words}; what is above, the highest measured level, is not known."
    if missed.fate == "doubtful":
        words += f"; {missed.users:,} is doubtful, so it may carry more{_why(missed)}"
    else:
        words += f"; not {missed.users:,}{_why(missed)}"
    if each.again:
        levels = ", ".join(f"{level:,}" for level in each.again)
        words += f"; {levels} above that did, which is not counted"
    return f"{words}."


def _is_doubtful(each: EntryUsers) -> bool:
    """Whether the first level that was not kept has no figure that counts."""
    missed = each.level(each.missed)
    return missed is not None and missed.fate == "doubtful"


def _why(level: LevelFound | None) -> str:
    if level is None:
        return ""
    if level.why:
        return f" ({plain_text(level.why, WHY_LIMIT)})"
    return "" if level.share is None else f" ({_percent(level.share)})"


def _percent(share: float) -> str:
    return f"{number(share * 100, 1)} %"


def _how_sure(found: UsersFound) -> str:
    counts = {level.replicates for each in found.entries for level in each.levels}
    few, many = min(counts, default=1), max(counts, default=1)
    replicates = (
        "one replicate" if many == 1 else f"{many} replicates" if few == many else f"{few} to {many} replicates"
    )
    how = "levels chosen by kit-search-1" if found.searched else "only levels of the plan"
    gaps = [each for each in found.entries if each.users and each.missed and each.missed > each.users + 1]
    more = f"; between {', '.join(_gap(each) for each in gaps)} nothing was measured" if gaps else ""
    return f"How sure: median over {replicates} a level; {how}{more}; nothing is extrapolated."


def _gap(each: EntryUsers) -> str:
    return f"{each.users:,} and {each.missed:,} ({plain_text(each.entry)})"


def level_rows(found: UsersFound, prices: Prices | None) -> tuple[list[str], list[list[str]]]:
    """Headers and rows of a table of every level of every entry."""
    headers = ["entry", "users", "in limits", THROUGHPUT_NAME, DECODE_NAME, TTFT_NAME, "frontier"]
    headers += cost_headers(prices) if prices else []
    rows = []
    for each in found.entries:
        for level in each.levels:
            row = [plain_text(each.entry), f"{level.users:,}", _share_text(level)]
            row += [
                METRICS[THROUGHPUT].shown(level.throughput_tok_s),
                METRICS[DECODE].shown(level.decode_tok_s),
                METRICS[TTFT_P50].shown(level.ttft_p50_ms),
                "yes" if level.frontier else "",
            ]
            rows.append(row + (cost_cells(prices, level.cost) if prices else []))
    return headers, rows


def _share_text(level: LevelFound) -> str:
    shown = NO_DATA if level.share is None else _percent(level.share)
    return f"{shown} (doubtful)" if level.fate == "doubtful" else shown


THROUGHPUT_NAME, DECODE_NAME, TTFT_NAME = (METRICS[path].label for path in (THROUGHPUT, DECODE, TTFT_P50))
