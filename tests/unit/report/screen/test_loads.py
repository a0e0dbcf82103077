"""The last screens of loads by hand: rates and times of one, a column a level of several."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kit.documents import Cell, FailureReason, Failures
from kit.report.screen.layout import MAX_LINES, plain_screen
from kit.report.screen.loads import load_screen, sweep_screen
from kit.run.load import load_by_hand
from tests.support.documents import CELL
from tests.support.fakes import FakeEngine
from tests.support.sweeping import REQUEST, Serving, swept, users


def one(tmp_path: Path) -> Cell:
    return load_by_hand(REQUEST, tmp_path / "a", FakeEngine(""), lambda _: None)


def test_a_load_ends_with_its_rates_and_times(tmp_path: Path) -> None:
    """Who was asked, how much, what came, and that a p99 needs more requests."""
    text = plain_screen(load_screen(one(tmp_path), "runs/load-1"), 80)
    assert "m at http://127.0.0.1:9" in text
    assert "tokens/s in all" in text
    assert "first token" in text
    assert "--requests 459" in text
    assert "Saved to runs/load-1" in text
    assert len(text.splitlines()) <= MAX_LINES


def test_a_load_without_numbers_says_why() -> None:
    """And no table is drawn."""
    text = plain_screen(load_screen(replace(CELL, metrics=None), "runs/load-1"), 80)
    assert "No numbers." in text
    assert "first token" not in text


def test_why_requests_failed_is_a_warning(tmp_path: Path) -> None:
    """In the server's words, each reason once."""
    cell = one(tmp_path)
    assert cell.facts is not None
    reasons = Failures(3, (FailureReason("http_status", 503, "Too many\x1b[2J users", 3),))
    text = plain_screen(load_screen(replace(cell, facts=replace(cell.facts, failures=reasons)), "a"), 80)
    assert "! " in text
    assert "503" in text
    assert "\x1b" not in text


def test_a_sweep_has_a_column_a_level(tmp_path: Path) -> None:
    """Users ascending, the frontier and the knee in words."""
    sweep = swept(tmp_path, users(1, 2, 4, 8, 16, 32), Serving(), stop=False)
    text = plain_screen(sweep_screen(sweep, "runs/sweep-1"), 80)
    assert "1 user" in text
    assert "tokens/s" in text
    assert "Pareto frontier" in text
    assert len(text.splitlines()) <= MAX_LINES
    assert max(map(len, text.splitlines())) <= 80
    wide = plain_screen(sweep_screen(sweep, "runs/sweep-1"), 200)
    assert "4 users" in wide
