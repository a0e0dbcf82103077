"""A folder of results for boards: good runs of several machines, signed by several keys; all of them verify."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

from kit.catalogue import model
from kit.collection.entry import opened_bundle
from kit.collection.layout import ARCHIVE, SIGNERS, place, signature_of
from kit.documents import Calibration, Host, Plan
from kit.documents.index import IndexEntry, IndexFindings, IndexMachine, IndexSigner
from kit.documents.study import Machine, Study
from kit.plan.correctness import load_suite
from kit.plan.plan import make_plan
from kit.plan.platforms import load_platform
from kit.plan.prompts import load_prompts
from kit.report.board.exhibits import Exhibit
from kit.signing import NAMESPACE, sign
from kit.storage.bundle import pack_files
from kit.storage.names import MANIFEST
from tests.support import calibrations, good_bundle, toy_server

DAY_NS = 86_400 * 10**9
NAMES = ("ada@example.org", "grace@example.org", "linus@example.org")


@dataclass(frozen=True, slots=True)
class Spot:
    """One run: a machine, its pace (ns a token), whose key signs it, which day it is from, and its seed."""

    cpu_model: str
    cpus: int
    memory_gb: int
    step_ns: int
    signer: str | None
    day: int
    seed: int
    architecture: str = "x86_64"
    model: str = "smollm2-135m-instruct-q4_1"
    concurrencies: tuple[int, ...] = (1, 2, 4)
    replicates: int = 3
    window_s: float = 0.6


EPYC, XEON = "AMD EPYC 7763 64-Core Processor", "Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz"
QWEN = "qwen2.5-coder-1.5b-instruct-q4_k_m"
ADA, GRACE, LINUS = NAMES
SPOTS = (
    Spot(EPYC, 2, 8, 2_000_000, ADA, 0, 11),
    Spot(EPYC, 2, 8, 2_050_000, GRACE, 1, 12),
    Spot(EPYC, 2, 8, 1_980_000, LINUS, 2, 13),
    Spot(EPYC, 4, 32, 1_400_000, ADA, 3, 14),
    # the second reproduces the first: windows long enough for both to be consistent, and replicates enough
    Spot(XEON, 2, 16, 2_600_000, GRACE, 4, 15, concurrencies=(1,), replicates=5, window_s=5.0),
    Spot(XEON, 2, 16, 2_605_000, LINUS, 5, 16, concurrencies=(1,), replicates=5, window_s=5.0),
    Spot("Neoverse-N1", 4, 24, 3_100_000, LINUS, 6, 17, "aarch64"),
    Spot("Neoverse-N1", 4, 24, 3_050_000, ADA, 7, 18, "aarch64"),
    Spot("Intel(R) N100", 4, 16, 4_600_000, None, 8, 19),
    Spot(EPYC, 2, 8, 5_200_000, ADA, 9, 20, model=QWEN),
    Spot(XEON, 2, 16, 6_900_000, GRACE, 10, 21, model=QWEN),
)


def spot_plan(spot: Spot) -> Plan:
    """The demo, shortened: two entries, few users, short windows."""
    demo = load_platform("demo")
    work = replace(
        demo.workload,
        concurrencies=spot.concurrencies,
        replicates=spot.replicates,
        warmup_s=0.2,
        window_s=spot.window_s,
    )
    suite = load_suite(demo.correctness.name, demo.correctness.level)
    platform = replace(demo, workload=work, model=spot.model)
    prompts = load_prompts(work.prompts)
    made = make_plan(platform, model(spot.model), prompts, suite, cpus=spot.cpus, seed=spot.seed)
    return replace(made, method=3, attempts=1)


def spot_host(spot: Spot) -> Host:
    return replace(
        good_bundle.good_host(),
        cpu_model=spot.cpu_model,
        architecture=spot.architecture,
        cpus_usable=spot.cpus,
        memory_bytes=spot.memory_gb * 10**9,
    )


@contextmanager
def _standing_at(spot: Spot) -> Iterator[None]:
    """The good run is of this machine, pace and day meanwhile."""
    start_ns = calibrations.START_NS + spot.day * DAY_NS
    plan, host = spot_plan(spot), spot_host(spot)
    with (
        patch.object(toy_server, "STEP_NS", spot.step_ns),
        patch.object(calibrations, "START_NS", start_ns),
        patch.object(good_bundle, "START_NS", start_ns),
        patch.object(good_bundle, "good_plan", lambda: plan),
        patch.object(good_bundle, "good_host", lambda: host),
        patch.object(
            good_bundle,
            "recorded_calibration",
            lambda levels: _of_cpus(calibrations.recorded_calibration(levels), spot.cpus),
        ),
    ):
        yield


def _of_cpus(made: tuple[Calibration, bytes], cpus: int) -> tuple[Calibration, bytes]:
    return replace(made[0], cpus=cpus), made[1]


def spot_bundle(spot: Spot) -> bytes:
    """The archive of one run."""
    with _standing_at(spot):
        return pack_files(good_bundle.run_files({})).data


def make_results(folder: Path, spots: Sequence[Spot] = SPOTS) -> Path:
    """A folder of results with these runs, each at its place, and the file of allowed signers."""
    keys = folder.parent / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    folder.mkdir()
    allowed = []
    for name in dict.fromkeys(spot.signer for spot in spots if spot.signer):
        key = keys / name.partition("@")[0]
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)], check=True)
        public = key.with_suffix(".pub").read_text(encoding="utf-8").strip()
        allowed.append(f'{name} namespaces="{NAMESPACE}" {public}\n')
    (folder / SIGNERS).write_text("".join(allowed), encoding="utf-8")
    for spot in spots:
        archive = spot_bundle(spot)
        opened = opened_bundle(archive, "bundle")
        home = folder / place(opened.entry.platform, opened.opened.study.machine, opened.entry.identity)
        home.mkdir(parents=True)
        (home / ARCHIVE).write_bytes(archive)
        if spot.signer:
            signature = sign(opened.evidence.files[MANIFEST], keys / spot.signer.partition("@")[0])
            signature_of(home / ARCHIVE).write_bytes(signature)
    return folder


# --- made up, for pages alone ------------------------------------------------------------------------------


def exhibit(
    number: int,
    of: Study,
    *,
    signer: IndexSigner | None = None,
    challenge: str | None = None,
    flags: int = 0,
    reproduced_by: tuple[str, ...] = (),
    title: str = "Made up for a test",
) -> Exhibit:
    """A study on a board, with the line that the index would have for it."""
    identity = f"{number:02x}" * 32
    entry = IndexEntry(
        path=f"demo/machine/{identity[:16]}/bundle.tar.gz",
        identity=identity,
        sha256=identity[::-1],
        size_bytes=123_456,
        platform=of.name,
        title=title,
        plan_sha256="d" * 64,
        machine=IndexMachine("machine", "a machine", of.machine),
        label=of.label or "self-reported",
        signer=signer,
        challenge=challenge,
        started_utc=f"2026-11-{number + 1:02d}T10:00:00.000000Z",
        kit_version="0.1.0",
        cards=(),
        findings=IndexFindings(flags, 0),
        reproduced_by=reproduced_by,
    )
    return Exhibit(entry, replace(of, identity=identity), f"results/{entry.path}", f"bundles/{identity[:16]}")


def machine(cpu_model: str, cpus: int = 2, power_limits_mw: tuple[int, ...] = ()) -> Machine:
    return Machine("x86_64", cpu_model, cpus, 8 * 10**9, (), None, power_limits_mw, "6.1.0", None)
