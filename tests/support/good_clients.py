"""A load by two clients, measured for real: the shares that each left, and the run that they make together."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from kit.documents import Loop, OutputTokens, Plan
from kit.engines.process import ProcessEngine
from kit.metrics.results import make_result
from kit.run.clients.merging import merge_loads
from kit.run.load import load_by_hand
from kit.run.load_request import LoadRequest
from kit.storage.bundle import pack_files
from kit.storage.run_folder import read_bundle_files, read_cells
from kit.strict import plain, read_json, typed, write_json
from kit.timestamps import utc_text
from tests.support.good_bundle import Files
from tests.support.openai_server import OpenAiServer

CELL = "r1-c3-server"
LEAD_NS = 3_000_000_000  # to start two load generators on a machine that has other work


def request(url: str, client: int, at_utc: str) -> LoadRequest:
    """Two users of client 1, one of client 2."""
    return LoadRequest(
        url=url,
        model="served-model",
        loop=Loop("closed", 3),
        warmup_s=0.2,
        window_s=0.6,
        requests=None,
        prompts="micro",
        output_tokens=OutputTokens("uniform", 3, 3),
        ignore_eos=False,
        seed=5,
        clients=2,
        client=client,
        at_utc=at_utc,
    )


def measure(parts: list[Path], asked: Callable[[str, int, str], LoadRequest] = request) -> None:
    """Both shares at the same time, each by a load generator of its own."""

    def one(client: int) -> None:
        load_by_hand(asked(server.url, client, at_utc), parts[client - 1], ProcessEngine(), lambda _: None)

    with OpenAiServer(gap_s=0.03) as server, ThreadPoolExecutor(2) as pool:
        at_utc = utc_text(time.time_ns() + LEAD_NS)
        list(pool.map(one, (1, 2)))


@cache
def _home() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="kit-clients-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def shares() -> tuple[Path, Path]:
    """The folders of both clients; not to be changed."""
    parts = [_home() / "part-1", _home() / "part-2"]
    measure(parts)
    return parts[0], parts[1]


@cache
def _merged() -> Files:
    folder = _home() / "together"
    merge_loads(shares()[::-1], folder)
    return dict(read_bundle_files(folder))


def merged_files() -> Files:
    """The files of the run that the shares make together."""
    return dict(_merged())


def derived(files: Files) -> Files:
    """With the result that the files give."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, data in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        plan = typed(Plan, read_json(files["plan.json"], "plan"), "plan")
        for lying in folder.glob("cells/*/cell.json"):  # a run by hand has its cell at the top
            shutil.copyfile(lying, folder / "cell.json")
        cells = read_cells(folder, plan)
    result = make_result(plan, sha256(files["plan.json"]).hexdigest(), cells, None)
    return {**files, "result.json": write_json(plain(result))}


def with_cell(change: Callable[[Any], None]) -> bytes:
    """The bundle with another cell.json, and what follows from it."""
    files = merged_files()
    name = f"cells/{CELL}/cell.json"
    document = json.loads(files[name])
    change(document)
    return pack_files(derived({**files, name: write_json(document)})).data


def one_client(**values: object) -> Callable[[Any], None]:
    """A change of what is said of the second client."""
    return lambda cell: cell["facts"]["clients"][1].update(values)


# What the rules about clients must find: rule, what, the bundle.
OF_CLIENTS: tuple[tuple[str, str, Callable[[], bytes]], ...] = (
    ("load.clients", "began a second after the others",
     lambda: with_cell(one_client(origin_utc="2026-01-01T00:00:00.000000Z"))),
    ("load.clients", "other records than it left", lambda: with_cell(one_client(records_sha256="0" * 64))),
    ("load.clients", "fewer requests than it sent", lambda: with_cell(one_client(requests=1))),
    ("load.clients", "no client at all", lambda: with_cell(lambda cell: cell["facts"].pop("clients"))),
    ("load.clients", "less CPU time than both had",
     lambda: with_cell(lambda cell: cell["facts"].update(cpu_ns=1))),
    ("load.clients", "ended before the window", lambda: with_cell(one_client(duration_ns=10**8))),
    ("time.clients", "a clock that nothing keeps right",
     lambda: with_cell(lambda cell: cell["facts"]["clients"][1].pop("utc_error_ns", None))),
    ("time.clients", "a clock that may be a second off", lambda: with_cell(one_client(utc_error_ns=10**9))),
)  # fmt: skip
