"""kit run --url for real: servers that already run, by their addresses alone."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.catalogue import model
from kit.engines.process import ProcessEngine
from kit.runtimes import llamacpp
from kit.runtimes.programs import PROGRAM
from kit.storage.run_folder import read_plan
from kit.supply.download import fetch
from tests.support.answering import answering
from tests.support.llama_server import install
from tests.support.running import AT_ONCE, kit
from tests.support.scripted import in_process
from tests.support.serving import serving

pytestmark = [pytest.mark.integration, pytest.mark.alone, pytest.mark.long(part=3)]


@contextlib.contextmanager
def running(folder: Path, slots: int) -> Iterator[str]:
    """A `llama-server` that somebody else started, at its address."""
    port, weights = ProcessEngine().free_port(), fetch(model("smollm2-135m-instruct-q4_1"))
    settings = llamacpp.explicit(PROGRAM, {"slots": slots, "threads": 1}, 1)
    spec = llamacpp.server("mine", PROGRAM, settings, str(weights), port)
    command = [str(install(folder / str(slots))), *spec.command[1:]]
    with serving(command, port, spec.ready_path, folder / f"{slots}.log"):
        yield f"http://127.0.0.1:{port}"


def test_two_servers_are_compared_by_their_addresses(tmp_path: Path) -> None:
    """Tables, a recommendation, a bundle that others accept; nothing is said to have been started."""
    run = tmp_path / "run"
    with running(tmp_path, 1) as serial, running(tmp_path, 2) as batched:
        options = ("--users", "2", "--budget", "66s", *AT_ONCE, "--no-calibrate", "--out", str(run))
        done = kit("run", "--url", serial, "--url", batched, *options)
    assert done.returncode == 0, done.stderr
    assert "settings, caches and device are as whoever started them decided" in done.stderr
    names = [f"127.0.0.1-{url.rpartition(':')[2]}" for url in (serial, batched)]
    assert all(name in done.stdout for name in names)
    assert "for 2 users" in done.stdout.partition("Recommendation\n")[2]
    cells = [json.loads(path.read_bytes()) for path in run.glob("cells/*/cell.json")]
    assert {cell["status"] for cell in cells} == {"measured"}
    assert not any(cell.get("server") for cell in cells)

    bundle = tmp_path / "own.tar.gz"
    assert kit("bundle", str(run), "-o", str(bundle)).returncode == 0
    judged = kit("verify", str(bundle))
    assert judged.returncode == 0, judged.stdout


def test_limits_alone_find_how_many_users_each_server_carries(tmp_path: Path) -> None:
    """Reference endpoints with two and three places: one user more waits for one, for half a second and longer.

    The levels are chosen by the rule of the plan, the answer stands at the end, and everybody's `kit verify` makes
    each choice again.
    """
    run, bundle = tmp_path / "run", tmp_path / "own.tar.gz"
    timing = ("--ttft-ms", "50", "--itl-ms", "30")
    with (
        in_process(*timing, "--slots", "2") as two,
        in_process(*timing, "--slots", "3") as three,
        answering(two) as first,
        answering(three) as second,
    ):
        searched = ("--slo", "ttft=250ms", "--max-users", "6")
        options = ("--url", first, "--url", second, *searched, "--budget", "100s", *AT_ONCE, "--out", str(run))
        done = kit("run", *options)
    assert done.returncode == 0, done.stderr
    assert "Users: the most from 1 to 6 within ttft 250 ms for 95 % of requests" in done.stderr

    rule = read_plan(run)[0].search
    assert rule is not None
    assert (rule.most, rule.budget_ns) == (6, 100_000_000_000)
    answer = done.stdout.partition("Recommendation\n\n")[2].partition("\n\n")[0].splitlines()
    assert "within ttft 250 ms for 95.0 % of requests" in answer[0], done.stdout
    assert "levels chosen by kit-search-1" in answer[-1]
    assert len(list(run.glob("cells/*/cell.json"))) < 12

    assert kit("bundle", str(run), "-o", str(bundle)).returncode == 0
    judged = kit("verify", str(bundle), "--json")
    assert judged.returncode == 0, judged.stdout
    assert json.loads(judged.stdout)["checked"]["plan.search"] > 0
    asked = ("recommend", str(bundle), "--slo", "ttft=250ms")
    assert kit(*asked).stdout.splitlines()[: len(answer)] == answer
    found = json.loads(kit(*asked, "--json").stdout)["machines"][0]["found"]["entries"]
    places = {f"127.0.0.1-{first.rpartition(':')[2]}": 2, f"127.0.0.1-{second.rpartition(':')[2]}": 3}
    for entry in found:
        held, most = entry["users"] or 0, places[entry["entry"]]
        assert held <= most, entry
        # A machine too busy for the load generator makes levels doubtful, and answers late: never too many users.
        sure = all(level["fate"] != "doubtful" for level in entry["levels"])
        assert held >= (most - 1 if sure else 0), entry
