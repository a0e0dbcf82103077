"""Words of programs before strangers read them: no people, machines or places, and still readable."""

from __future__ import annotations

import pytest

from kit.judge.redaction import MAX_WORDS, without_names

MINE = ("workhorse", "alice", "al")


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("The server exited with code 1.", "The server exited with code 1."),
        ("43.9 tok/s and 2.2 s, 3/4 of them", "43.9 tok/s and 2.2 s, 3/4 of them"),
        ("No file /home/alice/models/m.gguf.", "No file (path)"),
        ("see ~/secret/x and C:\\Users\\alice\\m", "see (path) and (path)"),
        ("on workhorse, as ALICE (uid 1000)", "on (name), as (name) (uid 1000)"),
        ("workhorses are also al", "workhorses are also al"),
        ("ssh://alice@10.0.0.7:22 did not answer", "(address) did not answer"),
        ("http://127.0.0.1:8080/health gave 503", "http://127.0.0.1:8080/health gave 503"),
        ("http://server:8000/v1 gave 404", "http://server:8000/v1 gave 404"),
        ("registry.example.com said https://auth.example.com/t?x=1", "registry.example.com said (address)"),
        ("write to alice@example.com", "write to (address)"),
        ("image x@sha256:abcd", "image x@sha256:abcd"),
        ("peer 192.168.1.20 and fe80::1:2:3", "peer (address) and (address)"),
        ("bound to 127.0.0.1", "bound to 127.0.0.1"),
        ("GPU-1b2c3d4e-0000-1111-2222-333344445555", "GPU-(id)"),
        ("Authorization: Bearer abcdef0123456789", "Authorization: (secret)"),
        ("HF_TOKEN=hf_abcdefghij failed", "(secret) failed"),
        ("key sk-abcdefghijkl is wrong", "key (secret) is wrong"),
        ("first line\n/home/alice second", "first line"),
        ("\x1b[2Jred", "\ufffd[2Jred"),
        ("", ""),
    ],
)
def test_names_places_and_secrets_are_taken_out(words: str, left: str) -> None:
    """And nothing else."""
    assert without_names(words, MINE) == left


def test_long_words_are_cut_before_anything_looks_at_them() -> None:
    """A log line may be a megabyte."""
    assert len(without_names("/a" * 10**6, MINE)) <= MAX_WORDS
    assert len(without_names("a" * 10**6, MINE)) == MAX_WORDS
