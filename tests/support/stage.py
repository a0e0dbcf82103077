"""A folder in which the examples of help texts and pages run: small real runs, bundles, keys, a model, servers.

Examples are run as they stand, but for what would take too long or is called otherwise here: windows become a
second, addresses of servers those of real ones that a test has started, and the run that a page names the one of
this folder.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.good_evaluation import evaluated_bundle
from tests.support.running import AT_ONCE, ONE_THREAD, kit, start_kit

ROOT = Path(__file__).resolve().parents[2]
RUN = "runs/demo-20260131-120000"
MODEL = "smollm2-135m-instruct-q4_1"
NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
AWAY = {"http_proxy": "", "https_proxy": "", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
QUICK = (*AT_ONCE, "--no-calibrate", "--yes")
# With these options a command takes seconds; each replaces the same option of the example.
SHORTER: dict[str, tuple[tuple[str, str], ...]] = {
    "load": (("--duration", "1s"), ("--warmup", "0")),
    "sweep": (("--duration", "1s"), ("--warmup", "0"), ("--max-users", "2"), ("--output-tokens", "8")),
    "reproduce": (("--window", "1"), ("--warmup", "0"), ("--replicates", "1")),
    "calibrate": (("-c", "1,2"),),
    "eval": (("--limit", "3"), ("-c", "1")),
}
# A negative answer is an answer: exit code 1 of what judges, tests or checks.
MAY_SAY_NO = {
    "test",
    "doctor",
    "gate",
    "recommend",
    "calibrate",
    "claims",
    "nightly",
    "results",
    "selftest",
    "verify",
}
DEMO = "./demo.yaml"  # the demo with one thread for each server: tests run beside each other


@dataclass(frozen=True, slots=True)
class Stage:
    """The folder, and the addresses of two servers that answer."""

    folder: Path
    servers: tuple[str, str]

    def words(self, command: str) -> str:
        """The command as it is run here."""
        text = re.sub(r"^(kit reproduce) demo\b", rf"\1 {DEMO}", command)
        text = re.sub(r"--users 8\b", "--users 4", re.sub(r"-c 1,8\b", "-c 1,4", text))
        text = re.sub(r"\bruns/(?:demo|smol)[\w.-]*", RUN, text)
        text = re.sub(r"(?<![\w/.<])RUN(?![\w=])", RUN, text)
        text = re.sub(r"(?<= )A(?= |$)", "before.tar.gz", text)
        text = re.sub(r"(?<= )B(?= |$)", "after.tar.gz", text)
        text = re.sub(r"http://127\.0\.0\.1:(?:8080|1234)", self.servers[0], text)
        text = text.replace("http://127.0.0.1:8000", self.servers[1])
        return _shortened(text)

    def run(self, command: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """Run an example to its end."""
        if command.startswith("make "):
            words = ["make", "-n", *command.split()[1:]]
            return _done(["bash", "-c", " ".join(words)], ROOT, timeout_s, os.environ)
        home = self.folder / "home"
        # As where somebody works: the environment of the kit is activated, whatever started the tests.
        path = os.pathsep.join((str(self.folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]))
        surroundings = {**os.environ, **NO_ENGINE, **AWAY, "HOME": str(home), "PATH": path}
        surroundings["KIT_CACHE"] = str(_cache())
        return _done(
            ["bash", "-c", f"set -o pipefail; {self.words(command)}"], self.folder, timeout_s, surroundings
        )

    def fresh(self, folder: Path) -> Stage:
        """The same in another folder, for commands that write."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Stage(folder, self.servers)


def _done(
    words: list[str], cwd: Path, timeout_s: float, surroundings: os._Environ[str] | dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
        env=dict(surroundings),
        stdin=subprocess.DEVNULL,
    )


def _cache() -> Path:
    from kit.supply.download import cache_folder

    return cache_folder()


def _shortened(command: str) -> str:
    """With less to measure."""
    words = command.split()
    name = words[1]
    if name == "reference":
        return f"{command} --port 0 --until-stdin-closes"
    if name == "reproduce" and "--resume" not in words:
        command += f" {' '.join(QUICK)}"
    if name in ("nightly", "reproduce") and "--yes" not in command:
        command += " --quiet-wait 0 --attempts 1"
    for option, value in SHORTER.get(name, ()):
        command = re.sub(rf" {option} \S+", "", command)
        if option == "--duration" and ("count=" in command or "--requests" in command):
            continue
        command += f" {option} {value}"
    if name == "load":
        for member, value in (("count", "8"), ("first", "20-30"), ("turn", "20-30"), ("turns", "2")):
            command = re.sub(rf"\b{member}=[\d-]+", f"{member}={value}", command)
        command += " --output-tokens 8" if "--output-tokens" not in command else ""
    if name == "reproduce" and "--resume" not in command:
        command = re.sub(r" (?:-c|--concurrency) \S+", "", command) + " -c 1"
    return command


def build(folder: Path, servers: tuple[str, str]) -> Stage:
    """The folder of a session: one run of the demo, three bundles, results in git, keys, a model and prompts."""
    from kit.catalogue import model
    from kit.supply.download import fetch

    stage = Stage(folder, servers)
    for name in ("home/.ssh", "bin", "old", "runs", "parts"):
        (folder / name).mkdir(parents=True)
    program = folder / "bin" / "kit"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m kit "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    shutil.copytree(ROOT / "results", folder / "results")
    shutil.copytree(ROOT / "runtimes", folder / "runtimes")
    (folder / "docs").symlink_to(ROOT / "docs")
    for each in (ROOT / "tests" / "support" / "probador").glob("*.json"):
        shutil.copy(each, folder / "old")
    (folder / "model.gguf").symlink_to(fetch(model(MODEL)))
    (folder / "beginnings.txt").write_text("Once upon a time\nThe sea is\n", encoding="utf-8")
    (folder / "questions.jsonl").write_text('{"prompt": "What is rain?"}\n', encoding="utf-8")
    (folder / "challenge").write_text("00112233445566778899aabbccddeeff\n", encoding="ascii")
    (folder / DEMO).write_text(ONE_THREAD, encoding="utf-8")
    levels = ("-c", "1,4", "--window", "2", "--warmup", "0.5", "--replicates", "1")
    done = kit("reproduce", DEMO, *QUICK, *levels, "--out", RUN, cwd=folder, environment=NO_ENGINE)
    assert done.returncode == 0, done.stderr
    _bundles(folder)
    _parts(folder, servers[0])
    shutil.copytree(folder / RUN, folder / "nightly" / "demo-20260131-020000")
    _own_files(folder)
    _keys(folder)
    _history(folder)
    return stage


def _bundles(folder: Path) -> None:
    done = kit("bundle", RUN, "-o", "demo.tar.gz", cwd=folder)
    assert done.returncode == 0, done.stderr
    for name in ("before", "mine", "a"):
        shutil.copy(folder / "demo.tar.gz", folder / f"{name}.tar.gz")
    for name in ("after", "theirs", "b"):
        shutil.copy(ROOT / "results" / "demo-2cpu.tar.gz", folder / f"{name}.tar.gz")
    shutil.copy(ROOT / "results" / "smol-2cpu.tar.gz", folder / "smol.tar.gz")
    shutil.copy(ROOT / "results" / "demo-epyc-2cpu.tar.gz", folder / "c.tar.gz")
    (folder / "demo-eval.tar.gz").write_bytes(evaluated_bundle())
    done = kit("import", "probador", "old/micro-load.json", "-o", "theirs.json", cwd=folder)
    assert done.returncode == 0, done.stderr


def _parts(folder: Path, url: str) -> None:
    """One load of three clients that began together."""
    at = (datetime.now(UTC) + timedelta(seconds=8)).strftime("%Y-%m-%dT%H:%M:%SZ")
    options = ("-c", "3", "--at", at, "--duration", "1s", "--warmup", "0", "--output-tokens", "8")
    parts = [
        start_kit("load", url, *options, "--shard", f"{each}/3", "-o", str(folder / f"part-{each}"))
        for each in (1, 2, 3)
    ]
    ended = [(part.communicate(timeout=60)[1], part.returncode) for part in parts]
    assert [code for _, code in ended] == [0, 0, 0], ended


def _own_files(folder: Path) -> None:
    """What pages tell people to write: the contract of docs/scoring.md, runtime and platform of another page."""
    fence = re.compile(r"```yaml\n(schema: kit/contract/1\n.*?)```", re.DOTALL)
    contract = fence.search((ROOT / "docs" / "scoring.md").read_text(encoding="utf-8"))
    assert contract is not None
    (folder / "contract.yaml").write_text(contract[1], encoding="utf-8")
    page = (ROOT / "docs" / "adding-a-runtime.md").read_text(encoding="utf-8")
    for name, kind in re.findall(r"^`(acme/[\w.]+)`(?:[^\n]*)\n\n```(\w+)\n", page, re.MULTILINE):
        if name not in ("acme/serve.py", "acme/runtime.yaml"):
            continue  # that of its second half, in a container
        text = page.partition(f"`{name}`")[2].partition(f"```{kind}\n")[2].partition("```\n")[0]
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    platform = re.search(r"```yaml\n(schema: kit/platform/1\nname: mine\n.*?)```", page, re.DOTALL)
    assert platform is not None
    (folder / "mine.yaml").write_text(platform[1], encoding="utf-8")


def _keys(folder: Path) -> None:
    key = folder / "home" / ".ssh" / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)], check=True)
    public = key.with_suffix(".pub").read_text(encoding="ascii").strip()
    line = f'ann@example.org namespaces="kit-bundle-v1" {public}\n'
    (folder / "allowed_signers").write_text(line, encoding="ascii")


def _history(folder: Path) -> None:
    """A repository with a branch `main`, and one `proposal` that adds a bundle."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]

    def run(*words: str) -> None:
        subprocess.run([*git, *words], cwd=folder, check=True, capture_output=True)

    run("init", "-q", "-b", "main")
    run("add", "results")
    run("commit", "-q", "-m", "Results")
    run("switch", "-q", "-c", "proposal")
    done = kit("results", "add", "demo.tar.gz", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    subprocess.run("git add results/*/*/*/bundle.tar.gz", shell=True, cwd=folder, check=True)  # noqa: S602
    run("commit", "-q", "-m", "A bundle")
    run("switch", "-q", "-f", "main")
    run("clean", "-fdq", "results")
