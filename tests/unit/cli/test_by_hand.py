"""kit load and kit sweep against a real server, as a person would ask it."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from kit import cli
from kit.cli._shared.options import new_folder
from kit.strict.schema import problems
from tests.support.hostile import certificate
from tests.support.openai_server import Listing, OpenAiServer

SECRET = "s3cret-value"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, no headers, an empty folder."""
    for name in ("KIT_API_KEY", "KIT_HEADERS", "KIT_INSECURE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.run(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def loaded(capsys: pytest.CaptureFixture[str], url: str, *options: str) -> dict[str, Any]:
    """The cell of a good load of one request; its load is one of the schema."""
    code, out, err = run(capsys, "load", url, "--requests", "1", "--json", "-o", "out", *options)
    assert code == 0, out + err
    cell: dict[str, Any] = json.loads(out)
    assert problems(cell["load"], "load") == []
    return cell


# --- the URL and what lets the kit in -------------------------------------------------------------------


@pytest.mark.parametrize("form", ["argument", "option"])
def test_the_url_is_an_argument_or_an_option(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The model is the one that the server serves."""
    with OpenAiServer() as server:
        url = [server.url] if form == "argument" else ["--url", server.url]
        assert run(capsys, "load", *url, "--requests", "2", "-q")[0] == 0
        assert [chat.document["model"] for chat in server.chats] == ["served-model"] * 2


@pytest.mark.parametrize("command", [["load"], ["sweep", "-c", "1"], ["test"]])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Missing argument 'URL'"),
        (["http://h", "--url", "http://h"], "the URL once"),
        (["http://user:s3cret-value@h"], "a user or a password"),
        (["http://h/v1/chat/completions?api_key=s3cret-value"], "seems to hold a secret"),
        (["http://h", "--header", "Authorization Bearer s3cret-value"], "a header is written"),
        (["http://h", "--header", "Authorization: s3cret-value\u00e4"], "header Authorization"),
        (["http://h", "--header", "Content-Length: 5"], "the kit's own"),
        (["http://h", "--cacert", "no-such-file"], "no-such-file"),
        (["http://h", "--cacert", __file__], "--cacert has no use here"),
    ],
)
def test_what_cannot_be_asked_is_told_and_no_secret_is_shown(
    command: list[str], arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, nothing left behind."""
    code, out, err = run(capsys, *command, *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert SECRET not in err
    assert list(Path().iterdir()) == []


def test_headers_go_with_everything_and_only_their_names_are_kept(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the environment and of the option; a key of the option stands for that of the environment."""
    monkeypatch.setenv("KIT_API_KEY", "other")
    monkeypatch.setenv("KIT_HEADERS", json.dumps({"X-Team": SECRET}))
    options = ("--header", f"Authorization: Bearer {SECRET}", "--header", "Host: model.internal")
    with OpenAiServer(key=SECRET) as server:
        cell = loaded(capsys, server.url, *options)
        for each in server.asked:
            assert (each.headers["host"], each.headers["x-team"]) == ("model.internal", SECRET)
        assert [each.method for each in server.asked] == ["GET", "POST"]
    assert cell["load"]["headers"] == ["X-Team", "Host"]
    kept = b"".join(path.read_bytes() for path in Path("out").iterdir())
    assert SECRET.encode() not in kept


def test_the_list_and_the_load_say_the_same_host(capsys: pytest.CaptureFixture[str]) -> None:
    """A gateway that routes by name sends both to one server; a prefix goes with both."""
    with OpenAiServer() as server:
        loaded(capsys, server.url.replace("127.0.0.1", "localhost") + "/openai/v1")
        hosts = {each.headers["host"] for each in server.asked}
        paths = [each.path for each in server.asked]
    assert hosts == {server.url.removeprefix("http://").replace("127.0.0.1", "localhost")}
    assert paths == ["/openai/v1/models", "/openai/v1/chat/completions"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program makes certificates")
def test_one_authority_is_trusted_by_all_that_the_kit_asks(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By --cacert or SSL_CERT_FILE; --insecure is marked in the record; without, the certificate is named."""
    cert, context = certificate(tmp_path)
    with OpenAiServer(tls=context) as server:
        assert "insecure" not in loaded(capsys, server.url, "--cacert", str(cert))["load"]
        shutil.rmtree("out")
        cell = loaded(capsys, server.url, "--insecure")
        assert cell["load"]["insecure"] is True
        code, _, err = run(capsys, "load", server.url, "--model", "m", "--requests", "1")
        assert code == 12
        assert "certificate verify failed" in err
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        assert run(capsys, "load", server.url, "--requests", "1", "-q")[0] == 0
        assert server.chats[-1].document["model"] == "served-model"


def test_any_certificate_is_no_matter_where_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    """--insecure on plain HTTP changes nothing, so nothing is marked."""
    with OpenAiServer() as server:
        assert "insecure" not in loaded(capsys, server.url, "--insecure")["load"]


@pytest.mark.parametrize("options", [("--model", "m"), ()])
@pytest.mark.parametrize("command", [("load", "--duration", "30s"), ("sweep", "-c", "1,2")])
def test_a_server_that_nobody_reaches_is_found_before_the_load(
    command: tuple[str, ...], options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """In three seconds, with an exit code of its own, and without a folder."""
    began = time.monotonic()
    code, out, err = run(capsys, *command, "http://127.0.0.1:9", *options)
    assert (code, out) == (12, "")
    assert "Nobody answers at http://127.0.0.1:9: Connection refused." in err
    assert "Try: " in err
    assert time.monotonic() - began < 3
    assert list(Path().iterdir()) == []


def test_without_a_list_of_models_nothing_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """The reason, and --model as the remedy."""
    with OpenAiServer(Listing(503, b'{"error": {"message": "Loading model"}}')) as server:
        code, _, err = run(capsys, "load", server.url)
        assert server.chats == []
    assert code == 2
    assert "503" in err
    assert "--model NAME" in err
    assert list(Path().iterdir()) == []


# --- the body -------------------------------------------------------------------------------------------


def test_members_are_set_and_left_out_and_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON; a single word needs no quotes."""
    options = (
        *("--body", "temperature=0.7", "--body", "reasoning_effort=low", "--body", 'stop=["a", null]'),
        *("--without", "top_p", "--without", "seed", "--limit-key", "max_completion_tokens", "--no-system"),
        *("--output-tokens", "7", "--ignore-eos"),
    )
    with OpenAiServer() as server:
        cell = loaded(capsys, server.url, *options)
        document = server.chats[0].document
    assert document.keys() == {
        *("model", "messages", "max_completion_tokens", "temperature", "stream", "stream_options"),
        *("ignore_eos", "reasoning_effort", "stop"),
    }
    assert (document["temperature"], document["reasoning_effort"]) == (0.7, "low")
    assert (document["stop"], document["max_completion_tokens"]) == (["a", None], 7)
    assert [message["role"] for message in document["messages"]] == ["user"]
    load = cell["load"]
    assert load["extra_body"]["stop"] == ["a", None]
    assert (load["without"], load["limit_key"], load["chat"]) == (
        ["top_p", "seed"],
        "max_completion_tokens",
        "user",
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--body", "max_tokens=5"), "may not set max_tokens"),
        (("--body", "stream=false"), "may not set stream"),
        (("--body", "messages=[]"), "may not set messages"),
        (("--without", "model"), "can go without model"),
        (("--body", "temperature"), "KEY=JSON"),
        (("--body", "=5"), "KEY=JSON"),
        (("--body", "a b=5"), "KEY=JSON"),
        (("--body", "temperature=0,7"), "is no JSON"),
        (("--body", "x=two words"), 'x="two words"'),
        (("--body", "x=NaN"), "is no JSON"),
        (("--body", 'x={"a": 1, "a": 2}'), "the same key twice"),
        (("--without", "a b"), "not the name of a member"),
        (("--limit-key", "n_predict"), "max_completion_tokens"),
        (("--prompts", "shrt"), "'short'"),
        (("--prompts", "no/such/file"), "cannot be read"),
        (("--prompts", "nothing.txt"), "cannot be read"),
        (("--prompts", "short", "--input-tokens", "5"), "either --prompts or --input-tokens"),
        (("--input-tokens", "0"), "--input-tokens"),
        (("--duration", "1d"), "not a duration"),
        (("--timeout-first", "0"), "not between"),
    ],
)
def test_options_that_make_no_sense_are_told(
    options: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anybody is asked: nobody listens at this address."""
    code, out, err = run(capsys, "load", "http://127.0.0.1:9", "--model", "m", *options)
    assert (code, out) == (2, "")
    assert words in " ".join(err.split()), err
    assert list(Path().iterdir()) == []


# --- prompts, times, traces -----------------------------------------------------------------------------


def test_prompts_of_a_file_are_asked_and_kept(capsys: pytest.CaptureFixture[str]) -> None:
    """Byte for byte beside the records, so that the load can be played again."""
    data = b'{"messages": [{"role": "user", "content": "why?"}]}\n'
    Path("mine.jsonl").write_bytes(data)
    with OpenAiServer() as server:
        cell = loaded(capsys, server.url, "--prompts", "mine.jsonl")
        again = loaded(capsys, server.url, "--prompts", "out/prompts.source", "--out", "again")
        first, second = (chat.document["messages"] for chat in server.chats)
    assert [message["role"] for message in first] == ["system", "user"]
    assert first == second
    assert Path("out/prompts.source").read_bytes() == data
    assert (cell["load"]["prompts_from"], cell["load"]["prompts"]["name"]) == ("file", "mine")
    assert cell["load"]["prompts"]["sha256"] == again["load"]["prompts"]["sha256"]
    assert {path.name for path in Path("out").iterdir()} == {
        *("records.jsonl", "texts.jsonl", "cell.json", "prompts.source"),
    }


def test_prompts_can_be_made_up_to_a_length(capsys: pytest.CaptureFixture[str]) -> None:
    """And are kept like those of a file."""
    with OpenAiServer() as server:
        cell = loaded(capsys, server.url, "--input-tokens", "500", "--seed", "3")
        asked = [chat.document for chat in server.chats]
    assert [each["max_tokens"] for each in asked[:5]] == [
        1
    ] * 5  # how does it count? It tells nothing of use here.
    text = asked[5]["messages"][-1]["content"].removeprefix("Continue this report:")
    assert len(text.replace(".", " .").replace(",", " ,").split()) == cell["load"]["made_up"]["words"] == 476
    assert (cell["load"]["prompts_from"], cell["load"]["prompts"]["name"]) == ("synthetic", "synthetic-500")
    assert Path("out/prompts.source").is_file()


def test_entries_that_ask_nothing_are_mentioned(capsys: pytest.CaptureFixture[str]) -> None:
    """Once, on standard error."""
    Path("shared.json").write_text('[{"conversations": [{"from": "gpt", "value": "a"}]}, "why?"]')
    with OpenAiServer() as server:
        _, _, err = run(capsys, "load", server.url, "--requests", "1", "-q", "--prompts", "shared.json")
    assert "left out: 1." in err


def test_time_outs_are_those_that_were_given(capsys: pytest.CaptureFixture[str]) -> None:
    """A longer one for the first text lengthens the whole."""
    options = ("--timeout-connect", "500ms", "--timeout-first", "20m", "--timeout-idle", "1.5")
    with OpenAiServer() as server:
        cell = loaded(capsys, server.url, *options)
    assert cell["load"]["timeouts"] == {
        "connect_ns": 5 * 10**8, "first_ns": 1200 * 10**9, "idle_ns": 15 * 10**8, "total_ns": 1800 * 10**9,
    }  # fmt: skip
    assert cell["load"]["drain_ns"] == 1800 * 10**9


def test_a_load_of_the_usual_kind_has_no_new_fields(capsys: pytest.CaptureFixture[str]) -> None:
    """Its document is what it was before the options existed."""
    with OpenAiServer() as server:
        cell = loaded(capsys, server.url)
    new = {"prompts_from", "without", "limit_key", "headers", "insecure", "chat"}
    assert not new & cell["load"].keys()
    assert cell["load"]["url"] == server.url


def test_a_trace_of_mooncake_is_played_with_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    """Its times and answer lengths; what is not played is said."""
    Path("m.jsonl").write_text(
        '{"timestamp": 0, "input_length": 655, "output_length": 52, "hash_ids": [0, 1]}\n'
        '{"timestamp": 20, "input_length": 7, "output_length": 5, "hash_ids": [0, 2]}\n'
    )
    with OpenAiServer() as server:
        code, _, err = run(capsys, "load", server.url, "--trace", "m.jsonl", "-q")
        assert [chat.document["max_tokens"] for chat in server.chats] == [52, 5]
    assert code == 0
    assert "input lengths" in err


# --- windows and folders --------------------------------------------------------------------------------


def test_a_window_shorter_than_an_answer_says_which_would_do(capsys: pytest.CaptureFixture[str]) -> None:
    """In words, in the document, and with the exit code of no result; the window it names does."""
    with OpenAiServer(tokens=8, gap_s=0.1) as server:
        options = ("--duration", "500ms", "--warmup", "200ms", "--output-tokens", "8")
        code, out, _ = run(capsys, "load", server.url, *options, "--out", "a")
        assert code == 8
        assert "No request began in the window of 0.5 s" in out
        assert "Saved to a." in out
        longer = out.split("--duration ")[1].split(".")[0]
        cell = json.loads(Path("a/cell.json").read_bytes())
        assert (cell["status"], cell["failure"]["kind"], cell["metrics"]) == ("failed", "EmptyWindow", None)
        assert run(capsys, "load", server.url, *options, "--duration", longer, "-q")[0] == 0


def test_a_sweep_says_why_a_level_has_no_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    """It does not say that no request succeeded; its document has the reason too."""
    with OpenAiServer(tokens=8, gap_s=0.1) as server:
        options = ("--duration", "0.5", "--warmup", "200ms", "--output-tokens", "8", "-o", "s")
        code, out, _ = run(capsys, "sweep", server.url, "-c", "1,2", *options)
    assert code == 8
    assert "Stopped early: No request began in the window of 0.5 s" in out
    assert "succeeded" not in out
    document = json.loads(Path("s/sweep.json").read_bytes())
    assert problems(document, "sweep") == []
    assert "--duration" in document["levels"][0]["failure"]


def test_two_runs_of_one_second_have_two_folders() -> None:
    """Made at once, in order, and never the same."""
    made = [new_folder(None, "load") for _ in range(5)]
    assert len(set(made)) == 5
    assert all(folder.is_dir() for folder in made)
    assert new_folder(Path("given"), "load") == Path("given")
    assert not Path("given").exists()


# --- two servers ------------------------------------------------------------------------------------------


def test_loads_of_two_servers_are_no_one_entry_and_the_error_says_how_to_compare_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Both addresses are named; what is compared is two runs, or one run of both."""
    with OpenAiServer() as first, OpenAiServer() as second:
        for folder, url in (("a", first.url), ("b", second.url)):
            assert run(capsys, "load", url, "--duration", "1", "-q", "-o", folder)[0] == 0
        code, _, err = run(capsys, "recommend", "a", "b", "--users", "1")
        assert code == 2
        assert first.url in err
        assert second.url in err
        assert "kit run --url A --url B" in err
