"""How many users, on the command line: plans, sweeps, recommendations, prices."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.cli import run
from kit.strict.schema import problems
from tests.support.good_bundle import good_bundle
from tests.support.good_searching import searched_bundle
from tests.support.good_shapes import bundle_of, grid_files, open_files
from tests.support.sweeping import Serving, virtual


@pytest.fixture
def searched(tmp_path: Path) -> str:
    path = tmp_path / "searched.tar.gz"
    path.write_bytes(searched_bundle())
    return str(path)


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Serving:
    """The command line with an engine that starts nothing, in an empty folder."""
    engine = Serving(virtual(5, 1))
    monkeypatch.setattr("kit.engines.process.ProcessEngine", lambda *_: engine)
    monkeypatch.chdir(tmp_path)
    return engine


# --- plan and reproduce -------------------------------------------------------------------------------------


def test_a_plan_says_what_is_looked_for_and_how_long_it_takes_at_most(capsys: pytest.CaptureFixture[str]) -> None:
    """And --json is the plan with its rule."""
    assert run(["plan", "demo", "--slo", "ttft=300ms,tpot=50ms", "--max-users", "16"]) == 0
    assert (
        "cells       at most 12: 2 entries, each searched from 1 to 16 users for the most within ttft 300 ms, "
        "tpot 50 ms (95 % of requests) x 1 replicates;"
    ) in capsys.readouterr().out
    assert run(["plan", "demo", "--slo", "ttft=300ms", "--share", "90%", "--replicates", "3", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["search"]["share_milli"], plan["search"]["most"], plan["workload"]["replicates"]) == (900, 64, 3)
    assert plan["workload"]["concurrencies"][-1] == 64


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("plan", "demo", "--slo", "ttft=1s", "-c", "1,2"), "Give either --slo"),
        (("plan", "demo", "--max-users", "4"), "need --slo"),
        (("plan", "demo", "--share", "90%"), "need --slo"),
        (("plan", "demo", "--slo", "ttft=1s", "--share", "0"), "above 0"),
        (("plan", "demo", "--slo", "tftt=1s"), "Did you mean 'ttft'"),
        (("reproduce", "demo", "--budget", "10m"), "--budget needs --until-decided or --slo"),
        (("reproduce", "demo", "--slo", "ttft=1s", "--until-decided", "-y"), "either looks for"),
        (("reproduce", "demo", "--slo", "ttft=1s", "--no-calibrate", "-y"), "uncalibrated"),
        (("recommend", "BUNDLE"), "Give --users N, the limits with --slo, or both"),
        (("recommend", "BUNDLE", "--share", "90%"), "--share needs --slo"),
        (("table", "BUNDLE", "--json", "--price-per-hour", "1"), "Prices go with the tables"),
        (("sweep", "http://127.0.0.1:9", "--model", "m", "--max-users", "4", "-c", "1"), "need --slo without"),
        (("sweep", "http://127.0.0.1:9", "--model", "m", "--slo", "ttft=1s", "--share", "0"), "above 0"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    arguments: tuple[str, ...],
    words: str,
    searched: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit code 2, nothing on disk."""
    monkeypatch.chdir(tmp_path)
    assert run([searched if each == "BUNDLE" else each for each in arguments]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


# --- sweep --------------------------------------------------------------------------------------------------


URL = ("sweep", "--url", "http://127.0.0.1:9", "--model", "m")


def test_a_sweep_with_limits_alone_looks_for_the_most_users(
    serving: Serving, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows by level, the answer below, and costs without energy."""
    options = ("--slo", "ttft=60ms", "--max-users", "16", "--price-per-hour", "2", "-q", "--out", "o")
    assert run([*URL, *options]) == 0
    out = capsys.readouterr().out
    assert [load.loop.concurrency for load in serving.loads] == [1, 4, 10, 7, 5, 6]
    assert "Up to 5 users within ttft 60 ms for 95 % of requests (100.0 %); 6 not (" in out
    rows = [line.split("|")[1].strip() for line in out.splitlines() if line.startswith("| ")]
    assert [row for row in rows if row.isdigit()] == ["1", "4", "5", "6", "7", "10"] * 2
    assert "Cost per million tokens, at 2 an hour:" in out


def test_levels_that_are_given_are_swept_as_ever(serving: Serving, capsys: pytest.CaptureFixture[str]) -> None:
    """--slo is then what goodput is by."""
    assert run([*URL, "--slo", "ttft=60ms", "-c", "1,2", "--json", "-q", "--out", "o"]) == 0
    assert "search" not in json.loads(capsys.readouterr().out)
    assert [load.loop.concurrency for load in serving.loads] == [1, 2]


# --- recommend, table and report ----------------------------------------------------------------------------


def test_a_recommendation_without_users_says_how_many_each_runtime_carries(
    searched: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the bracket, a table of all levels, and what is not known."""
    assert run(["recommend", searched, "--slo", "ttft=30ms"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "Most users within ttft 30 ms for 95.0 % of requests: llamacpp-batched with 4.",
        "- llamacpp-serial: 1 user (100.0 %); not 2 (0.0 %).",
        "- llamacpp-batched: 4 users (100.0 %); what is above, the highest measured level, is not known.",
    ]
    assert "levels chosen by kit-search-1" in lines[3]
    assert sum(line.startswith("| llamacpp-") for line in lines) == 6


def test_as_a_document_it_is_one_of_its_schema(searched: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With prices, costs at every level."""
    assert run(["recommend", searched, "--slo", "ttft=30ms", "--price-per-hour", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert problems(document, "users") == []
    level = document["machines"][0]["found"]["entries"][0]["levels"][0]
    assert level["cost"]["money_per_million_output"] > 0


def test_no_runtime_within_the_limits_is_exit_code_1(searched: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As with a number of users."""
    assert run(["recommend", searched, "--slo", "ttft=0.001ms"]) == 1
    assert capsys.readouterr().out.startswith("No runtime keeps even its smallest measured level")


def test_prices_add_costs_to_a_recommendation_for_a_number_of_users(
    searched: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Below its three lines, and in its document."""
    options = ("--users", "1", "--price-per-hour", "1", "--price-per-kwh", "0.3")
    assert run(["recommend", searched, *options]) == 0
    assert "**Cost per million tokens, at 1 an hour and 0.3 a kWh**" in capsys.readouterr().out
    assert run(["recommend", searched, *options, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["prices"] == {"per_hour": 1.0, "per_kwh": 0.3}
    assert document["costs"][0]["cost"]["energy_wh_per_million_output"] > 0


@pytest.fixture
def grid(tmp_path: Path) -> str:
    path = tmp_path / "grid.tar.gz"
    path.write_bytes(bundle_of(grid_files()))
    return str(path)


def test_each_kind_of_request_has_its_own_number_of_users(grid: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Lengths of a grid are never one level: four answers, each with the two levels of its two entries."""
    assert run(["recommend", grid, "--slo", "e2e=10s"]) == 0
    out = capsys.readouterr().out
    shapes = [f"{i} in, {o} out" for i in (256, 512) for o in (8, 16)]
    assert [line[:-1] for line in out.splitlines() if line.endswith(" out:")] == shapes
    assert sum(line.startswith("| llamacpp-") for line in out.splitlines()) == 4 * 4
    assert run(["recommend", grid, "--slo", "e2e=10s", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert problems(document, "users") == []
    assert [each["shape"] for each in document["machines"]] == shapes
    for each in document["machines"]:
        for entry in each["found"]["entries"]:
            assert [level["users"] for level in entry["levels"]] == [1, 2]


def test_costs_are_told_apart_by_the_kind_of_request(grid: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A row for each; in the document too."""
    assert run(["recommend", grid, "--users", "2", "--price-per-hour", "1"]) == 0
    out = capsys.readouterr().out
    assert "| entry            |        request |   users |" in out
    assert [line.split("|")[2].strip() for line in out.splitlines() if line.startswith("| llamacpp-serial")] == [
        f"{i} in, {o} out" for i in (256, 512) for o in (8, 16) for _ in range(2)
    ]
    assert run(["recommend", grid, "--users", "2", "--price-per-hour", "1", "--json"]) == 0
    costs = json.loads(capsys.readouterr().out)["costs"]
    assert len({(each["entry"], each["shape"], each["users"]) for each in costs}) == len(costs) == 16


def test_nobody_says_how_many_users_a_rate_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither for a number of users nor for the largest; costs stand at their rates."""
    path = tmp_path / "open.tar.gz"
    path.write_bytes(bundle_of(open_files()))
    for words in (("--users", "1"), ("--slo", "ttft=1s")):
        assert run(["recommend", str(path), *words]) == 8
        assert "arrived at a rate" in capsys.readouterr().err
    assert run(["table", str(path), "--metric", "throughput_tok_s", "--price-per-hour", "1"]) == 0
    costs = capsys.readouterr().out.partition("**Cost per million tokens")[2]
    assert "users" not in costs.partition("\n\n")[2].partition("\n\n")[0]
    assert "| 20 requests/s |" in costs


def test_the_table_of_a_searched_run_shows_the_levels_it_measured_and_what_it_found(
    searched: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the records alone; prices add a table."""
    assert run(["table", searched, "--metric", "throughput_tok_s", "--price-per-hour", "1"]) == 0
    out = capsys.readouterr().out
    assert "- llamacpp-serial: 1 user within the limits (100.0 % of requests); 2 not (0.0 %)." in out
    assert "The search ended after 6 cells of 8 that it may call for (kit-search-1" in out
    assert "**Cost per million tokens, at 1 an hour**" in out


def test_a_report_with_prices_has_a_section_of_costs(tmp_path: Path) -> None:
    """On the page and in Markdown; without prices it has none."""
    bundle = tmp_path / "good.tar.gz"
    bundle.write_bytes(good_bundle())
    for name, prices in (("with", ("--price-per-kwh", "0.3")), ("without", ())):
        assert run(["report", str(bundle), "-o", str(tmp_path / name), *prices]) == 0
        for file in ("report.html", "REPORT.md"):
            text = (tmp_path / name / file).read_text(encoding="utf-8")
            assert ("Cost per million tokens" in text) == (name == "with")
