"""Shares of one load, put together: all records, one run; what is missing or of another load is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from kit import cli
from kit.documents import Loop
from kit.errors import InputError
from kit.plan.schedule import arrivals_ns
from kit.run.clients.merging import merge_loads
from kit.run.load_request import LoadRequest
from kit.storage.names import CELL, HOST, PLAN, RECORDS, RESULT, TEXTS
from kit.storage.run_folder import read_folder
from kit.verify.evidence import open_run
from kit.verify.verdict import verify
from tests.support.good_clients import measure, request, shares


def ids_of(folder: Path) -> list[int]:
    return [json.loads(line)["id"] for line in (folder / RECORDS).read_bytes().splitlines()]


def copies(folder: Path) -> list[Path]:
    """Both shares, to be changed."""
    return [Path(shutil.copytree(share, folder / share.name)) for share in shares()]


def change_cell(folder: Path, change: Callable[[Any], None]) -> None:
    document = json.loads((folder / CELL).read_bytes())
    change(document)
    (folder / CELL).write_text(json.dumps(document), encoding="utf-8")


def test_each_client_has_every_second_request_and_user() -> None:
    """Client 1 of two has the even numbers, client 2 the odd ones; each its own users."""
    first, second = shares()
    assert {number % 2 for number in ids_of(first)} == {0}
    assert {number % 2 for number in ids_of(second)} == {1}
    workers = [
        {json.loads(line)["worker"] for line in (share / RECORDS).read_bytes().splitlines()}
        for share in (first, second)
    ]
    assert workers == [{0, 2}, {1}]
    assert sorted(path.name for path in first.iterdir()) == sorted([CELL, HOST, RECORDS, TEXTS])


def test_the_shares_are_one_run_with_the_numbers_of_all_records(tmp_path: Path) -> None:
    """Whatever their order; nothing of them is refused, and the plan is that of a load by hand."""
    out = tmp_path / "together"
    cell = merge_loads(shares()[::-1], out)
    assert sorted(path.name for path in out.iterdir()) == sorted([CELL, HOST, PLAN, RECORDS, RESULT, TEXTS])
    assert ids_of(out) == sorted(ids_of(shares()[0]) + ids_of(shares()[1]))
    assert cell.facts is not None
    assert [client.requests for client in cell.facts.clients] == [len(ids_of(share)) for share in shares()]
    parts = [json.loads((share / CELL).read_bytes())["metrics"]["requests"]["ok"] for share in shares()]
    assert cell.metrics is not None
    assert cell.metrics.requests.ok == sum(parts) > 0
    findings = verify(open_run(read_folder(out))).findings
    assert [finding for finding in findings if finding.level == "reject"] == []


def test_arrivals_are_shared_too(tmp_path: Path) -> None:
    """Each client sends its own of one schedule; the whole is a load as one client leaves it, and no run."""

    def arriving(url: str, client: int, at_utc: str) -> LoadRequest:
        return replace(request(url, client, at_utc), loop=Loop("open", None, "poisson", 20_000))

    parts = [tmp_path / "part-1", tmp_path / "part-2"]
    measure(parts, arriving)
    cell = merge_loads(parts, tmp_path / "out")
    assert not (tmp_path / "out" / PLAN).exists()
    assert [{number % 2 for number in ids_of(part)} for part in parts] == [{0}, {1}]
    assert cell.load is not None
    due = list(
        islice(arrivals_ns(cell.load.seed, cell.load.lane, cell.load.loop), max(ids_of(tmp_path / "out")) + 1)
    )
    records = [json.loads(line) for line in (tmp_path / "out" / RECORDS).read_bytes().splitlines()]
    assert [record["intended_ns"] for record in records] == [due[record["id"]] for record in records]
    assert cell.metrics is not None
    assert cell.metrics.requests.ok > 0


def test_commands_take_the_merged_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Merge prints how far the clients were apart; table, report, compare, bundle and verify take what it made."""
    monkeypatch.chdir(tmp_path)
    assert cli.run(["merge", *map(str, shares()), "-o", "it"]) == 0
    assert "2 clients began within" in capsys.readouterr().out
    for command in (
        ["table", "it"],
        ["report", "it", "-o", "page"],
        ["bundle", "it", "-o", "it.tar.gz"],
        ["verify", "it.tar.gz"],
        ["compare", "it", "it.tar.gz"],
    ):
        assert cli.run(command) == 0, (command, capsys.readouterr())
    assert "Loaded by 2 clients together from" in capsys.readouterr().out


def other_seed(folder: Path) -> None:
    change_cell(folder, lambda cell: cell["load"].update(seed=6))


def other_server(folder: Path) -> None:
    change_cell(folder, lambda cell: cell["found"].update(software="vLLM"))


def interrupted(folder: Path) -> None:
    change_cell(folder, lambda cell: cell.update(status="interrupted"))


def of_one(folder: Path) -> None:
    def change(cell: Any) -> None:
        for name in ("client", "clients", "at_utc"):
            del cell["load"][name]

    change_cell(folder, change)


def cut(folder: Path) -> None:
    (folder / RECORDS).write_bytes((folder / RECORDS).read_bytes()[:-1])


def no_host(folder: Path) -> None:
    (folder / HOST).unlink()


def no_cell(folder: Path) -> None:
    (folder / CELL).unlink()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (other_seed, "part-2 is of another load than .*part-1: seed is 6, not 5"),
        (other_server, "part-2 is of another server than .*part-1: vLLM, not unknown"),
        (interrupted, "part-2: the load of client 2 did not run to its end"),
        (of_one, "part-2 is no share of a load by several clients"),
        (cut, "part-2/records.jsonl is not the file that the load left"),
        (no_host, "part-2 has no host.json"),
        (no_cell, "part-2 has no cell.json"),
    ],
)
def test_what_is_no_share_of_the_load_is_named(change: Callable[[Path], None], words: str, tmp_path: Path) -> None:
    """And nothing is left behind."""
    first, second = copies(tmp_path)
    change(second)
    with pytest.raises(InputError, match=words):
        merge_loads([first, second], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_client_that_is_missing_or_there_twice_is_named(tmp_path: Path) -> None:
    """Without one the figures would be of another load."""
    first, second = shares()
    with pytest.raises(InputError, match=r"Missing: client 2; given: client 1 \(.*part-1\)"):
        merge_loads([first], tmp_path / "out")
    again = Path(shutil.copytree(first, tmp_path / "again"))
    with pytest.raises(InputError, match="are both of client 1"):
        merge_loads([first, again, second], tmp_path / "out")


def test_a_folder_in_use_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="not an empty folder"):
        merge_loads(shares(), tmp_path)
    assert (tmp_path / "mine").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--shard", "1/2"], "--shard and --at need each other"),
        (["--shard", "3/2", "--at", "2099-01-01T00:00:00Z"], "no share like 1/2"),
        (["--shard", "1/2", "--at", "2020-01-01T00:00:00Z"], "not within the next 24 hours"),
        (["--shard", "1/2", "--at", "noon"], "no time in UTC like"),
        (["-c", "5000"], "at most 4096 users"),
    ],
)
def test_a_share_that_cannot_be_is_refused_before_the_load(
    options: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 2, nothing left behind."""
    monkeypatch.chdir(tmp_path)
    assert cli.run(["load", "http://127.0.0.1:9", *options]) == 2
    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
