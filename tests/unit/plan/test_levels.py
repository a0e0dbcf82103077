"""Platforms and plans with a search: what is read, refused, and what stands in the plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kit.assets import asset
from kit.documents import SearchWish
from kit.errors import InputError
from kit.metrics.goodput import parse_slo
from kit.plan.plan import cell_load, duration_estimate_s
from kit.plan.platforms import load_platform
from kit.plan.workloads.levels import calibrated_levels, levels_of, most_cells, search_rule
from kit.strict import plain, read_json, typed, write_json
from kit.strict.schema import problems
from tests.support.fakes import demo_plan
from tests.support.good_searching import searching_plan

DEMO = asset("compose", "platforms", "demo.yaml").read_text(encoding="utf-8")


def written(folder: Path, search: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(DEMO.replace("workload:\n", f"workload:\n  search: {search}\n"), encoding="utf-8")
    return path


def test_a_platform_may_ask_for_a_search(tmp_path: Path) -> None:
    """Its levels stand in place of the concurrencies."""
    platform = load_platform(str(written(tmp_path, "{slo: 'ttft=300ms', max_users: 20, share: 0.9}")))
    assert platform.workload.search == SearchWish("ttft=300ms", 20, 1, 0.9)
    assert levels_of(platform.workload) == (*range(1, 17), 18, 20)
    found = search_rule(platform.workload.search)
    assert found is not None
    assert (found.slo, found.share_milli, found.first, found.most) == (parse_slo("ttft=300ms"), 900, 1, 20)


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ("{slo: 'tftt=300ms', max_users: 20}", "no metric 'tftt'"),
        ("{slo: 'ttft=300', max_users: 20}", "with the unit ms or s"),
        ("{slo: 'ttft=300ms', max_users: 2, first: 3}", "first 3 is above max_users 2"),
        ("{slo: 'ttft=300ms'}", "max_users"),
        ("{slo: 'ttft=300ms', max_users: 0}", "max_users"),
        ("{slo: 'ttft=300ms', max_users: 5, share: 0}", "share"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused_with_its_line(search: str, words: str, tmp_path: Path) -> None:
    """In two lines, as everything in a platform file."""
    with pytest.raises(InputError, match="line ") as refused:
        load_platform(str(written(tmp_path, search)))
    assert words in refused.value.what


def test_a_plan_with_a_search_is_a_document_and_one_without_is_what_it_was() -> None:
    """The field is left out where it says nothing."""
    plan = searching_plan()
    document = read_json(write_json(plain(plan)), "plan.json")
    assert problems(document, "plan") == []
    assert typed(type(plan), document, "plan.json") == plan
    assert "search" not in plain(demo_plan())  # type: ignore[operator]


def test_loads_of_a_search_have_its_limits() -> None:
    """So goodput is in every cell."""
    plan = searching_plan()
    assert plan.search is not None
    assert cell_load(plan, plan.cells[0], "http://127.0.0.1:1", "m").slo == plan.search.slo
    assert cell_load(replace(plan, search=None), plan.cells[0], "http://127.0.0.1:1", "m").slo is None


def test_a_search_is_calibrated_at_its_climb_and_takes_the_cells_of_its_longest_way() -> None:
    """Not at all its levels, and not all its cells."""
    plan = searching_plan()
    assert calibrated_levels(plan) == (1, 4)
    assert most_cells(plan) == 6
    limited = (replace(plan.entries[0], max_concurrency=1), plan.entries[1])
    assert most_cells(replace(plan, entries=limited)) == 4
    assert duration_estimate_s(plan) < duration_estimate_s(replace(plan, search=None))
