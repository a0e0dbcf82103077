"""Which model is asked for: the first of the list, or an error that says why not and what to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kit.errors import InputError, UnreachableError
from kit.plan.target import Access, parse_target
from kit.run.model_choice import chosen_model
from tests.support.hostile import certificate
from tests.support.openai_server import Listing, OpenAiServer

KEY = Access((("Authorization", "Bearer k1"),))


def chosen(server: OpenAiServer, access: Access = KEY) -> str:
    return chosen_model(parse_target(server.url), access)


@pytest.mark.parametrize(
    "body",
    [
        b'{"object": "list", "data": [{"id": "served-model"}, {"id": "second"}]}',
        b'\xef\xbb\xbf{"data": [{"id": "served-model"}]}',
        b'{"data": [{"id": "served-model", "n_params": 123456789012345678901}]}',
        b'{"data": [{"id": "served-model", "score": NaN}]}',
        b'[{"id": "served-model"}]',
        b'["served-model"]',
        b'{"data": [{"id": "served-model"}], "data2": null}',
    ],
)
def test_the_first_model_of_a_list_is_found_whatever_stands_beside_it(body: bytes) -> None:
    """Only the name matters; a long integer or a NaN elsewhere is no reason to ask for another model."""
    with OpenAiServer(Listing(body=body)) as server:
        assert chosen(server) == "served-model"


@pytest.mark.parametrize(
    ("listing", "words"),
    [
        (
            Listing(503, b'{"error": {"message": "Loading model"}}'),
            ("503", "Loading model", "Wait until it is ready"),
        ),
        (Listing(404, b""), ("404",)),
        (Listing(500, b"Internal Server Error"), ("500", "Internal Server Error")),
        (Listing(307, b"", {"Location": "/v1/models/"}), ("307",)),
        (Listing(200, b""), ("cannot be read",)),
        (Listing(200, b"{}"), ("cannot be read",)),
        (Listing(200, b'{"data": null}'), ("no model",)),
        (Listing(200, b'{"data": []}'), ("no model",)),
        (Listing(200, b'{"data": [{}]}'), ("cannot be read",)),
        (Listing(200, b'{"data": [{"id": ""}]}'), ("cannot be read",)),
        (Listing(200, b'{"data": [{"id": 5}]}'), ("cannot be read",)),
        (Listing(200, b"<html>"), ("no JSON",)),
        (Listing(200, b"[" * 100_000), ("no JSON",)),
    ],
)
def test_without_a_list_the_reason_and_the_remedy_are_told(listing: Listing, words: tuple[str, ...]) -> None:
    """Nothing is asked by a made-up name."""
    with OpenAiServer(listing) as server:
        with pytest.raises(InputError) as caught:
            chosen(server)
        assert server.chats == []
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert "--model NAME" in caught.value.remedy
    assert "/v1/models" in caught.value.what


def test_the_list_is_asked_with_the_key_the_headers_and_the_host() -> None:
    """As the load is."""
    with OpenAiServer(key="k1") as server:
        access = Access((("Authorization", "Bearer k1"), ("Host", "model.internal"), ("X-Team", "a")))
        assert chosen(server, access) == "served-model"
        headers = server.asked[0].headers
    assert (headers["host"], headers["x-team"]) == ("model.internal", "a")


def test_a_missing_key_is_told_as_that() -> None:
    """With the variable."""
    with OpenAiServer(key="k1") as server, pytest.raises(InputError, match=r"401.*no key") as caught:
        chosen(server, Access())
    assert "KIT_API_KEY" in caught.value.remedy


def test_the_list_lies_beside_the_chat() -> None:
    """Under the same prefix."""
    with OpenAiServer() as server:
        for path in ("/v3", "/openai", "/v3/chat/completions", "/p/chat/completions"):
            chosen_model(parse_target(server.url + path), KEY)
        assert [each.path for each in server.asked] == [
            "/v3/models",
            "/openai/v1/models",
            "/v3/models",
            "/p/models",
        ]


def test_nobody_there_is_another_error() -> None:
    """With an exit code of its own, at once."""
    with pytest.raises(UnreachableError, match="Connection refused"):
        chosen_model(parse_target("http://127.0.0.1:9"), KEY)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program makes certificates")
def test_the_list_trusts_whom_the_load_trusts(tmp_path: Path) -> None:
    """A file of authorities, or anybody."""
    cert, context = certificate(tmp_path)
    with OpenAiServer(tls=context) as server:
        assert chosen(server, Access(ca_file=str(cert))) == "served-model"
        assert chosen(server, Access(insecure=True)) == "served-model"
        with pytest.raises(UnreachableError, match="certificate verify failed"):
            chosen(server, Access())
