"""What a run that looks for the largest number of users found, in words. Pure."""

from __future__ import annotations

from kit.documents import Plan, SearchRule
from kit.metrics.goodput import slo_text
from kit.metrics.search import EntrySearch, Search, Tried
from kit.text import cell as safe
from kit.text import number

MAX_WHY_CHARS = 200


def search_notes(plan: Plan, search: Search | None) -> tuple[str, ...]:
    """One line for each entry, then how many cells it took and what its rule is; nothing for other runs."""
    rule = plan.search
    if rule is None or search is None:
        return ()
    lines = [_entry_line(each, rule) for each in search.entries]
    ends = {
        "found": "The search ended",
        "budget": f"The budget of {(rule.budget_ns or 0) / 1e9:g} s ended the search",
        "measuring": "The search is not at its end",
    }
    measured = f"{len(search.called)} cells of {len(plan.cells)} that it may call for"
    levels = f"levels from {rule.first} to {rule.most:,} users"
    lines.append(
        f"{ends[search.ended]} after {measured} ({rule.name}, {levels}); a level is kept where the median over "
        f"its replicates of the requests within {slo_text(rule.slo)} is {rule.share_milli / 10:g} % or more."
    )
    return tuple(lines)


def _entry_line(found: EntrySearch, rule: SearchRule) -> str:
    name, kept, missed = safe(found.entry).replace(r"\-", "-"), found.bracket.kept, found.bracket.missed
    by_level = {each.level: each for each in found.tried}
    if kept is None and missed is None:
        return f"{name}: nothing measured yet."
    after = "" if missed is None else f"; {_missed(by_level[missed])}"
    if kept is None:
        return f"{name}: not {_users(rule.first)} within the limits{after}."
    share = by_level[kept].share
    words = f"{name}: {_users(kept)} within the limits"
    words += "" if share is None else f" ({_percent(share)} of requests)"
    if missed is None and found.complete:
        return f"{words}, the most that were looked for: what is above is not known."
    if not found.complete:
        after += "; levels between were not measured" if missed is not None else "; more was not measured"
    return f"{words}{after}."


def _missed(level: Tried) -> str:
    if level.fate == "doubtful":
        return f"{level.level} is doubtful, so it may be more ({safe(level.why, MAX_WHY_CHARS)})"
    if level.share is None:
        why = f" ({safe(level.why, MAX_WHY_CHARS)})" if level.why else ""
        return f"{level.level} not, without a figure{why}"
    return f"{level.level} not ({_percent(level.share)})"


def _users(count: int) -> str:
    return "1 user" if count == 1 else f"{count:,} users"


def _percent(share: float) -> str:
    return f"{number(share * 100, 1)} %"
