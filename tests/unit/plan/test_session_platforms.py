"""Sessions in platform files: what a plan makes of them, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.assets import asset
from kit.catalogue import model
from kit.documents import Plan, Span
from kit.errors import InputError
from kit.plan.correctness import load_suite
from kit.plan.plan import cell_load, make_plan
from kit.plan.platforms import load_platform
from kit.plan.prompts import load_prompts
from kit.strict import plain
from kit.strict.schema import problems

DEMO = asset("compose", "platforms", "demo.yaml").read_text(encoding="utf-8")
WGPU = asset("compose", "platforms", "lavapipe-wgpu.yaml").read_text(encoding="utf-8")


def written(folder: Path, sessions: str, text: str = DEMO, settings: str = "") -> str:
    """A platform of the kit with sessions."""
    path = folder / "mine.yaml"
    changed = text.replace("  ignore_eos:", f"  sessions: {sessions}\n  ignore_eos:")
    path.write_text(changed.replace("settings: {", f"settings: {{{settings}"), encoding="utf-8")
    return str(path)


def planned(path: str) -> Plan:
    platform = load_platform(path)
    suite = load_suite(platform.correctness.name, platform.correctness.level)
    return make_plan(
        platform, model(platform.model), load_prompts(platform.workload.prompts), suite, cpus=2, seed=None
    )


def test_a_plan_has_exact_sessions_and_the_settings_of_caches(tmp_path: Path) -> None:
    """What is left out is that of the kind; each load bears them; the schemas know all of it."""
    plan = planned(written(tmp_path, "{kind: chat, turns: {min: 2, max: 3}}"))
    sessions = plan.workload.sessions
    assert sessions is not None
    assert (sessions.turns, sessions.think_ns) == (Span(2, 3), Span(10**9, 8 * 10**9))
    assert [entry.settings["cache_prompt"] for entry in plan.entries] == [1, 1]
    load = cell_load(plan, plan.cells[0], "http://127.0.0.1:1", "m")
    assert load.sessions == sessions
    assert problems(plain(plan), "plan", limit=5) == []
    assert problems(plain(load), "load", limit=5) == []


def test_sessions_with_caches_off_add_no_setting(tmp_path: Path) -> None:
    """The same servers as for any other load."""
    plan = planned(written(tmp_path, '{kind: chat, caches: "off"}'))
    assert all("cache_prompt" not in entry.settings for entry in plan.entries)


def test_a_cache_may_be_set_where_there_is_one_and_nowhere_else(tmp_path: Path) -> None:
    """A setting that no plan would take is none."""
    path = written(tmp_path, "{kind: chat}", settings="cache_ram_mib: 64, ")
    assert [entry.settings["cache_ram_mib"] for entry in planned(path).entries] == [64, 64]
    with pytest.raises(InputError, match="unknown setting 'cache_ram_mib'"):
        load_platform(written(tmp_path, '{kind: chat, caches: "off"}', settings="cache_ram_mib: 64, "))


@pytest.mark.parametrize(
    ("sessions", "words"),
    [
        ("{kind: chat, turns: {min: 5, max: 4}}", "turns: min is above max"),
        ("{kind: talk}", "chat"),
        ("{turns: {min: 1, max: 2}}", "kind"),
        ("{kind: agent}", "even the shortest session has"),
    ],
)
def test_sessions_that_cannot_be_are_refused_with_their_line(tmp_path: Path, sessions: str, words: str) -> None:
    """An empty range, an unknown kind, and a context that holds none of them."""
    with pytest.raises(InputError, match=words) as refused:
        load_platform(written(tmp_path, sessions))
    assert "line" in refused.value.what


def test_a_runtime_that_reads_only_the_last_message_holds_no_session(tmp_path: Path) -> None:
    """It would answer each turn as if it were the first."""
    with pytest.raises(InputError, match="realizar reads only the last message"):
        load_platform(written(tmp_path, "{kind: chat}", WGPU))
