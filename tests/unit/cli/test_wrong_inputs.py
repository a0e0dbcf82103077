"""What people type wrongly, and the message that helps: one line what failed, one what to do.

The rows are the wrong inputs of the first hour with the kit, by command.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.assets import asset
from kit.cli import run

ROOT = Path(__file__).resolve().parents[3]
DEMO, SMOL = (str(ROOT / "results" / f"{name}-2cpu.tar.gz") for name in ("demo", "smol"))
NOBODY = "http://127.0.0.1:9"
PLATFORM = asset("compose", "platforms", "demo.yaml").read_text(encoding="utf-8")
CHANGED = {
    "name.yaml": ("name: demo", "name: My Model"),
    "prompts.yaml": ("prompts: short", "prompts: shrt"),
    "levels.yaml": ("concurrencies: [1, 2, 4]", "concurrencies: [1, 1]"),
    "runtime.yaml": ("runtime: llamacpp", "runtime: lamacpp"),
    "repository.yaml": ("model: smollm2-135m-instruct-q4_1", "model: Qwen/Qwen3-8B-GGUF"),
    "file.yaml": ("model: smollm2-135m-instruct-q4_1", "model: /models/my.gguf"),
    "setting.yaml": ("slots: 4", "slot: 4"),
}
FILES = {
    "empty.yaml": b"",
    "tabs.yaml": b"a:\tb\n\t- c\n",
    "bytes.yaml": bytes(range(256)),
    "little.yaml": b"name: mine\n",
    "x.json": b"{}",
    "x.txt": b"hello",
    "other.tar.gz": b"\x1f\x8b\x08\x08aaaa",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that are wrong in one thing each."""
    place = tmp_path_factory.mktemp("wrong")
    for name, (old, new) in CHANGED.items():
        assert old in PLATFORM
        (place / name).write_text(PLATFORM.replace(old, new), encoding="utf-8")
    for name, data in FILES.items():
        (place / name).write_bytes(data)
    (place / "folder").mkdir()
    (place / "bare" / "objects").mkdir(parents=True)
    (place / "bare" / "HEAD").write_bytes(b"ref: refs/heads/main\n")
    return place


ROWS: list[tuple[str, int, str]] = [
    # words, exit code, what the message says; URL, DEMO and SMOL stand for what they are called here
    ("nosuch", 2, "No such command 'nosuch'."),
    ("verfy x", 2, "Did you mean 'verify'?"),
    ("load", 2, "Missing argument 'URL'. Example: http://127.0.0.1:8080"),
    ("load URL", 12, "Nobody answers at http://127.0.0.1:9: Connection refused."),
    ("load URL --duration nan", 2, "'nan' is not a duration like 30s, 2m, 500ms or plain seconds."),
    ("load URL --duration -3", 2, "'-3' is not a duration"),
    ("load URL --duration 0", 2, "'0' is not between 500ms and 24h."),
    ("load URL --duration 30s", 12, "Nobody answers"),
    ("load URL -c 1,2", 2, "'1,2': expected one whole number from 1 to 10000."),
    ("load URL -c four", 2, "'four': expected one whole number from 1 to 10000."),
    ("load URL -c 0", 2, "0: expected one whole number from 1 to 10000."),
    ("load URL -c 5000", 2, "One client has at most 4096 users: give --shard I/N."),
    ("load URL -c 99999", 2, "99999: expected one whole number from 1 to 10000."),
    ("load URL --rate 0", 2, "0: expected one number from 0.001 to 1000000."),
    ("load URL --rate nan", 2, "'nan': expected one number from 0.001 to 1000000."),
    ("load URL --rate 1e999", 2, "'1e999': expected one number from 0.001 to 1000000."),
    ("load URL --rate 1 -c 2", 2, "Give only one of --concurrency (closed loop), --rate (open loop)"),
    ("load URL --arrivals gamma --rate 1", 2, "--arrivals gamma and --burstiness need each other."),
    ("load URL --requests 1 --duration 2s", 2, "Give either --duration or --requests."),
    ("load URL --slo TTFT=200ms", 12, "Nobody answers"),
    ("load URL --slo ttft=200", 2, "is not a number with the unit ms or s."),
    ("load URL --slo ttf=200ms", 2, "Did you mean 'ttft'?"),
    ("load URL --slo ttft", 2, "is not of the form METRIC=TIME."),
    ("load URL --prompts shrt", 2, "Did you mean 'short'?"),
    ("load URL --prompts ./nosuch.txt", 2, "nosuch.txt cannot be read"),
    ("load URL --prompts folder/", 2, "Is a directory"),
    ("load URL --input-tokens 0", 2, "0: expected one whole number from 1 to 1000000."),
    ("load URL --output-tokens 9-3", 2, "the range must be ascending"),
    ("load URL --output-tokens x", 2, "is neither a number like 64 nor a range like 16-256."),
    ("load URL --seed 99999999999999999999", 2, "expected one whole number from 0 to 1000000000000000."),
    ("load URL --body temperature", 2, "is not of the form KEY=JSON, like temperature=0.7."),
    ("load URL --without model", 2, "No request can go without model."),
    ("load URL --header nocolon", 2, "a header is written 'Name: value'."),
    ("load URL --cacert x.txt", 2, "--cacert has no use here"),
    ("load URL --trace nosuch.jsonl", 2, "nosuch.jsonl cannot be read"),
    ("load URL --max-error-rate 5", 2, "'5' is more than 99.9%; use e.g. 10% or 0.1."),
    ("load URL --max-error-rate 5%", 12, "Nobody answers"),
    ("load URL --validate regex:(", 2, "is not a regular expression"),
    ("load ftp://x", 2, "does not start with http:// or https:// and a host."),
    ("load http://me:secret@127.0.0.1:9", 2, "has a user or a password."),
    ("load http://127.0.0.1:99999", 2, "Port out of range"),
    ("load URL --url URL", 2, "Give the URL once"),
    ("test URL", 6, "Nobody answers at http://127.0.0.1:9: Connection refused."),
    ("test URL --level hard", 2, "Available: standard, tiny."),
    ("sweep URL", 2, "Give either --concurrency (closed loop) or --rate (open loop)"),
    ("sweep URL -c 1,1", 2, "expected distinct numbers from 1 to 4096."),
    ("sweep URL -c 4,x", 2, "is not a list of numbers like 1,2,4."),
    ("sweep URL --max-users 3", 2, "--max-users and --share need --slo"),
    ("sweep URL --slo ttft=1s --share 0", 2, "--share must be above 0."),
    ("plan", 2, "Missing argument 'PLATFORM': the name of a platform or a .yaml file."),
    ("plan nosuch", 2, "Known platforms: cpu-four, demo"),
    ("plan smoll", 2, "Did you mean 'smol'?"),
    ("plan x.json", 2, "x.json is no platform file: they end in .yaml."),
    ("plan folder", 2, "folder is no platform file"),
    ("reproduce DEMO", 2, "names the options (plan.options)"),
    ("publish DEMO bare", 2, "Name a branch: git+file://"),
    ("plan little.yml", 2, "Did you mean little.yaml?"),
    ("plan ./nosuch.yaml", 2, "Check the path, or give a platform's name."),
    ("plan name.yaml", 2, 'line 4: name: "My Model" does not have the form of a name of a-z'),
    ("plan little.yaml", 2, "kit init writes such a file"),
    ("plan prompts.yaml", 2, "prompts.yaml, line 14: unknown prompt set 'shrt'."),
    ("plan levels.yaml", 2, "line 17: duplicate concurrency."),
    ("plan runtime.yaml", 2, "Did you mean 'llamacpp'?"),
    ("plan repository.yaml", 2, "model: {hf: Qwen/Qwen3-8B-GGUF} (docs/models.md)"),
    ("plan file.yaml", 2, "model: {file: /models/my.gguf} (docs/models.md)"),
    ("plan setting.yaml", 2, "Did you mean 'slots'?"),
    ("plan empty.yaml", 2, "the file is empty."),
    ("plan tabs.yaml", 2, "line 1: not YAML"),
    ("plan bytes.yaml", 2, "not valid UTF-8."),
    ("plan demo -c 0", 2, "expected distinct numbers from 1 to 4096."),
    ("plan demo --only llamacpp-batch", 2, "Did you mean 'llamacpp-batched'?"),
    ("plan demo --window 0.1", 2, "is not between 500ms and 24h."),
    ("plan demo --replicates 0", 2, "0: expected one whole number from 1 to 1000."),
    ("plan demo --seed -1", 2, "-1: expected one whole number from 0"),
    ("plan demo --slo ttft=1s -c 1", 2, "Give either --slo (levels are looked for) or --concurrency."),
    ("plan demo --challenge xyz", 2, "it is not one line of 16 to 64 hexadecimal digits."),
    ("doctor nosuch", 2, "Known platforms:"),
    ("reproduce", 2, "Give either PLATFORM, or --resume DIR to resume a run."),
    ("reproduce demo --budget 10m", 2, "--budget needs --until-decided or --slo."),
    ("reproduce --resume folder", 2, "Give a run folder that `kit reproduce` made."),
    ("run", 2, "Give either MODEL (a .gguf file, hf:ORG/REPO or a name), or --url URL."),
    ("run ./nosuch.gguf", 4, "Check the path."),
    ("run Qwen/Qwen3-8B", 4, "a repository is written hf:Qwen/Qwen3-8B."),
    ("run x.txt", 2, "it does not begin with GGUF."),
    ("run nosuchmodel", 2, "`kit models list` names those it has."),
    ("run --url URL --runtime vllm", 2, "Leave out --runtime."),
    ("models fetch nosuch", 2, "The catalogue has no model 'nosuch'."),
    ("models show x.txt", 2, "it does not begin with GGUF."),
    ("status folder", 2, "Give a run folder that `kit reproduce` made."),
    ("table folder", 2, "Give a run folder or a bundle made from one."),
    ("table x.txt", 2, "It is not a kit bundle"),
    ("table DEMO --metric ttft", 2, "Did you mean 'ttft_ms.p50'?"),
    ("table DEMO --metric nosuch", 2, "Known: throughput_tok_s, decode_tok_s"),
    ("table DEMO --rows cells", 2, "--rows comes with --format csv or --format parquet."),
    ("table DEMO --format parquet", 2, "--format parquet needs a file: -o FILE."),
    ("table DEMO --into x.txt", 2, "Add these two lines where the tables are to stand"),
    ("verify", 2, "Missing argument 'RUN|BUNDLE|DIR...'."),
    ("verify nosuch", 2, "Path 'nosuch' does not exist."),
    ("verify DEMO --shard 3/2", 2, "is no part I of N, like 1/8"),
    ("bundle folder", 2, "Give a run folder that `kit reproduce` made."),
    ("compare DEMO", 2, "Give B; for two entries of one run RUN:ENTRY RUN:OTHER; or --against published."),
    ("compare DEMO SMOL --metric ttft", 2, "Did you mean 'ttft_ms.p50'?"),
    ("compare DEMO SMOL --metric Throughput", 2, "Did you mean 'throughput_tok_s'?"),
    ("compare DEMO SMOL --entry a", 2, "Use --entry NAME_IN_A=NAME_IN_B."),
    ("compare DEMO:nosuch SMOL", 2, "It has llamacpp-serial, llamacpp-batched."),
    ("compare DEMO --against published:nosuch", 2, "Known: yoga, gx10, xeon, radeon."),
    ("compare DEMO DEMO --within 0.1%", 2, "Give 1% or more."),
    ("compare DEMO SMOL --json --format markdown", 2, "Give either --json or --format markdown."),
    ("recommend DEMO", 2, "Give --users N, the limits with --slo, or both."),
    ("recommend DEMO --users 0", 2, "0: expected one whole number from 1 to 1000000."),
    ("recommend DEMO --users 99", 8, "nothing is extrapolated."),
    ("recommend DEMO --users 4 --share 50%", 2, "--share needs --slo."),
    ("recommend DEMO DEMO --users 4", 2, "The run demo was given twice."),
    ("score DEMO DEMO", 2, "The run demo is given twice (identity "),
    ("score DEMO --contract nosuch", 2, "Known: kit-2, kit-1, probador-2.0"),
    ("score DEMO --by colour", 2, "'colour' is not one of"),
    ("score folder", 2, "contains no run, bundle or imported results."),
    ("gate DEMO", 2, "Missing option '--min'."),
    ("gate DEMO --min Z", 2, "Its grades, best first: A+"),
    ("report DEMO -o page.html", 2, "-o page"),
    ("report DEMO --timeline nosuch", 2, "Give one of: r1-c1-llamacpp-batched"),
    ("badge DEMO --metric ttft", 2, "Did you mean 'ttft_ms.p50'?"),
    ("badge DEMO --users 99", 2, "There is: 1, 2, 4."),
    ("import probador x.txt", 2, "not JSON"),
    ("export probador DEMO", 2, "Missing option '-o' / '--out'."),
    ("publish DEMO nosuchscheme://x", 2, "Give a folder, oci://HOST/NAME[:TAG]"),
    ("fetch oci://x", 2, "An example: oci://ghcr.io/name/results:smol"),
    ("results list folder", 2, "Build it: kit results index"),
    ("results check --base nosuch", 2, "Is this the repository, and are both revisions in it?"),
    ("runtimes show lamacpp", 2, "Did you mean 'llamacpp'?"),
    ("runtimes check folder", 2, "has no runtime.yaml"),
    ("images build nosuch", 2, "There are: loadgen/cpu"),
    ("up demo llamacpp-serial", 2, "Choose a platform with `engine: docker`."),
    ("up smol nosuch", 2, "It has: llamacpp, vllm."),
    ("calibrate --token-rate nan", 2, "'nan': expected one number from 1 to 10000."),
    ("reference --port 99999", 2, "99999: expected one whole number from 0 to 65535."),
    ("completion tcsh", 2, "'tcsh' is not one of 'bash', 'zsh', 'fish'."),
]


@pytest.mark.parametrize(("words", "code", "said"), ROWS, ids=[row[0] for row in ROWS])
def test_a_wrong_input_gets_a_message_that_helps(
    words: str,
    code: int,
    said: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the documented exit code, on standard error, without the pattern of a program."""
    monkeypatch.chdir(folder)
    known = {"URL": NOBODY, "DEMO": DEMO, "SMOL": SMOL, "DEMO:nosuch": f"{DEMO}:nosuch"}

    assert run([known.get(word, word) for word in words.split()]) == code

    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
    assert "^[" not in told
    assert "secret" not in told


def test_a_file_that_is_no_bundle_is_rejected_as_that(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the finding, and without an empty line at the end."""
    assert run(["verify", str(folder / "other.tar.gz")]) == 1
    text = capsys.readouterr().out
    assert "It is not a kit bundle" in text
    assert not text.endswith("\n\n")
