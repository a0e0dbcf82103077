"""Options are spelled in one way, earlier spellings still work unseen, and shells complete names."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import click
import pytest
from click.shell_completion import CompletionItem, ShellComplete

from kit.cli import COMMANDS, cli, run
from kit.cli._shared.words.grouping import GROUPS, MORE, in_groups
from kit.cli._shared.words.renamed import Renamed
from tests.support.examples import commands_of

ROOT = Path(__file__).resolve().parents[3]
ALL = dict(commands_of(cli, ("kit",), list(COMMANDS)))
DEMO = str(ROOT / "results" / "demo-2cpu.tar.gz")


def completed(words: str) -> list[CompletionItem]:
    """What is offered for the last word of a line that begins with `kit`."""
    *before, last = words.split(" ")
    return ShellComplete(cli, {}, "kit", "_KIT_COMPLETE").get_completions(before, last)


def values(words: str) -> list[str]:
    return [item.value for item in completed(words) if item.type == "plain"]


def test_every_command_is_in_one_group() -> None:
    """And a new one without a group is still listed."""
    grouped = [name for group in GROUPS.values() for name in group]
    assert len(grouped) == len(set(grouped))
    assert set(COMMANDS) <= set(grouped)
    assert in_groups(["run", "new"]) == {"Measure": ["run"], MORE: ["new"]}


def test_the_help_shows_the_groups(capsys: pytest.CaptureFixture[str]) -> None:
    """In their order, no command twice."""
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    places = [text.index(f"\n{heading}:\n") for heading in GROUPS]
    assert places == sorted(places)
    assert len(re.findall(r"^  verify +Recompute", text, re.MULTILINE)) == 1


@pytest.mark.parametrize(("words", "command"), ALL.items(), ids=[" ".join(words) for words in ALL])
def test_one_name_is_one_thing(words: tuple[str, ...], command: click.Command) -> None:
    """-o is --out, -c is numbers of users, -q is --quiet, -j --jobs, -y --yes; --json prints JSON."""
    meaning = {
        "-o": {"--out"},
        "-c": {"--concurrency", "--users"},
        "-q": {"--quiet"},
        "-y": {"--yes"},
        "-j": {"--jobs"},
    }
    for option in (each for each in command.params if isinstance(each, click.Option) and not each.hidden):
        for short, names in meaning.items():
            if short in option.opts:
                assert names & set(option.opts), words
        if {"--concurrency", "--users"} & set(option.opts):
            assert "-c" in option.opts, words
        if "--out" in option.opts:
            assert "-o" in option.opts, words
        if "--json" in option.opts:
            assert option.is_flag, words
        assert not isinstance(option.type, click.IntRange | click.FloatRange), (
            "ranges crowd the help: kit.cli._shared.words.numbers"
        )


def test_earlier_spellings_are_hidden_and_work(capsys: pytest.CaptureFixture[str]) -> None:
    """None in a help text; each gives what the new one gives."""
    renamed = [
        (words, each) for words, command in ALL.items() for each in command.params if isinstance(each, Renamed)
    ]
    assert len(renamed) > 10
    for words, option in renamed:
        assert run([*words[1:], "--help"]) == 0
        shown = capsys.readouterr().out.partition("Options:")[2]
        assert not any(re.search(rf"^  \S*(?:, )?{old}\b", shown, re.MULTILINE) for old in option.old), words
    pair = (f"{DEMO}:llamacpp-batched", f"{DEMO}:llamacpp-serial")
    assert run(["compare", *pair, "--users", "4", "--markdown"]) == 0
    earlier = capsys.readouterr().out
    assert run(["compare", *pair, "-c", "4", "--format", "markdown"]) == 0
    assert capsys.readouterr().out == earlier
    assert run(["recommend", DEMO, "--concurrency", "4"]) in (0, 1)
    assert "4 users" in capsys.readouterr().out


def test_shares_are_written_as_percentages_or_fractions(capsys: pytest.CaptureFixture[str]) -> None:
    """The same words for every option that takes a share."""
    for words in (
        ("load", "http://127.0.0.1:9", "--max-error-rate"),
        ("recommend", DEMO, "-c", "4", "--slo", "ttft=1s", "--share"),
    ):
        assert run([*words, "a few"]) == 2
        assert "neither a percentage like 10% nor a fraction like 0.1" in capsys.readouterr().err
    said = []
    for share in ("5%", "0.05"):
        assert run(["recommend", DEMO, "-c", "4", "--slo", "ttft=9s", "--share", share]) in (0, 1)
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ver", ["verify"]),
        ("plan smo", ["smol"]),
        ("doctor y", ["yoga"]),
        ("up smol ll", ["llamacpp"]),
        ("reproduce smol --only llamacpp,v", ["llamacpp,vllm"]),
        ("models fetch smollm2-135m-instruct-q4", ["smollm2-135m-instruct-q4_1"]),
        ("runtimes show vl", ["vllm"]),
        ("table --metric throughput", ["throughput_tok_s"]),
        ("badge --metric joules", ["joules_per_token"]),
        ("score --contract prob", ["probador-2.0"]),
        ("gate --min A", ["A+", "A", "A-"]),
        ("load --prompts mi", ["micro"]),
        ("test --level t", ["tiny"]),
        ("compare --against published:y", ["published:yoga"]),
        ("recommend --slo ttft=1s,tp", ["ttft=1s,tpot="]),
        ("images build vllm/cp", ["vllm/cpu"]),
        ("plan nosuch", []),
        ("up nosuch x", []),
    ],
)
def test_names_are_completed(words: str, expected: list[str]) -> None:
    """Of everything that has one."""
    assert values(words) == expected


@pytest.mark.parametrize(
    "words", ["plan ./mi", "verify ./r", "run ./m", "load --prompts ./q", "score --contract ./c"]
)
def test_files_are_completed_where_a_file_may_stand(words: str) -> None:
    """By the shell itself."""
    assert any(item.type == "file" for item in completed(words))


def test_run_folders_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of runs/, the newest first."""
    for name in ("demo-20260131-120000", "demo-20260201-120000", "empty"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    for name in ("demo-20260131-120000", "demo-20260201-120000"):
        (tmp_path / "runs" / name / "plan.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert values("table runs/d") == ["runs/demo-20260201-120000", "runs/demo-20260131-120000"]


def test_fish_shows_whole_descriptions(capsys: pytest.CaptureFixture[str]) -> None:
    """Commas are not their ends."""
    assert run(["completion", "fish"]) == 0
    script = capsys.readouterr().out
    assert 'string split -m 1 "," $completion' in script


def calls_of(name: str) -> list[ast.Call]:
    """The calls of one function in the kit's commands."""
    calls = []
    for path in sorted((ROOT / "kit" / "cli").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name:
                calls.append(node)
    return calls


def test_documents_without_a_schema_file_have_an_id_of_their_own() -> None:
    """None is called like one that has a file."""
    names = {call.args[0].value for call in calls_of("show_document") if isinstance(call.args[0], ast.Constant)}
    files = {path.name.partition(".")[0] for path in (ROOT / "schemas").glob("*.json")}
    assert len(names) > 10
    assert not {str(name) for name in names} & files


def test_nothing_is_printed_as_json_that_does_not_say_what_it_is() -> None:
    """What a command puts together itself has its id; what is of a class has it from there."""
    made = [call.args[0] for call in calls_of("show_json")]
    dumped = [each.args[0] for each in made if isinstance(each, ast.Call) and "dumps" in ast.unparse(each.func)]
    nameless = [
        each
        for each in dumped
        if (
            "'schema'" not in ast.unparse(each)
            if isinstance(each, ast.Dict)
            else "plain(" not in ast.unparse(each)
        )
    ]
    assert [ast.unparse(each) for each in nameless] == []


@pytest.mark.parametrize(
    ("words", "schema"),
    [
        (("models", "list"), "kit/models-list/1"),
        (("runtimes", "list"), "kit/runtimes-list/1"),
        (("runtimes", "show", "llamacpp"), "kit/runtime-settings/1"),
        (("gate", DEMO, "--min", "F"), "kit/gate/1"),
        (("score", DEMO), "kit/scorecard/1"),
        (("score", DEMO, "--by", "cold-start"), "kit/extra-cards/1"),
        (("recommend", DEMO, "-c", "4"), "kit/recommendation/1"),
        (("claims", "check", str(ROOT / "results" / "claims.yaml"), DEMO), "kit/claims-check/1"),
        (("verify", DEMO), "kit/verdict/1"),
        (("table", DEMO), "kit/result/1"),
        (("plan", "demo"), "kit/plan/1"),
        (("runs", str(ROOT / "results")), "kit/runs/1"),
        (("compare", f"{DEMO}:llamacpp-batched", f"{DEMO}:llamacpp-serial"), "kit/comparison/1"),
    ],
)
def test_every_json_says_what_it_is(
    words: tuple[str, ...], schema: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In its member `schema`."""
    assert run([*words, "--json"]) in (0, 1)
    assert json.loads(capsys.readouterr().out)["schema"] == schema
