"""How many users each entry carries, in sentences."""

from __future__ import annotations

from dataclasses import replace

from kit.documents import Slo
from kit.judge.users import EntryUsers, LevelFound, UsersFound
from kit.report.users_text import users_lines


def level(users: int, fate: str, why: str = "") -> LevelFound:
    return LevelFound(users, fate, 1.0, 1, why, 90.0, 30.0, 50.0, frontier=False)  # type: ignore[arg-type]


def test_an_entry_whose_first_level_is_doubtful_is_not_said_to_miss_the_limits() -> None:
    """Neither in its own line nor by the answer, which names it as not known."""
    kept = EntryUsers("slow", 1, 4, (), (level(1, "kept"), level(4, "missed")))
    open_ = EntryUsers("fast", None, 1, (), (level(1, "doubtful", "send lag"), level(4, "doubtful", "send lag")))
    found = UsersFound("run", Slo(500_000_000, None, None, None), 0.95, (kept, open_), ("slow",), searched=False)
    text = "\n".join(users_lines(found))
    assert "slow with 1; not known of fast." in text
    assert "fast: not known, 1 user is doubtful (send lag)." in text
    text = "\n".join(users_lines(replace(found, entries=(open_,), best=())))
    assert "Not known how many users within ttft 500 ms for 95.0 % of requests: the smallest measured" in text
    assert "No runtime" not in text
