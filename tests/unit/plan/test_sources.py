"""What people write for a model that no catalogue has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kit.documents import ModelSource
from kit.errors import InputError
from kit.plan.sources import hub_word, plan_file, plan_name, source_of


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("hf:Org/Repo", ModelSource(hf="Org/Repo")),
        ("hf:Org/Repo:a/b.gguf", ModelSource(hf="Org/Repo", file="a/b.gguf")),
        ("hf:Org/Repo@v1/x", ModelSource(hf="Org/Repo", revision="v1/x")),
        ("hf:Org/Repo:b.gguf@main", ModelSource(hf="Org/Repo", file="b.gguf", revision="main")),
        ("hf:Org/Repo:a%20b.gguf@v1", ModelSource(hf="Org/Repo", file="a b.gguf", revision="v1")),
        ("https://example.org/x.gguf", ModelSource(https="https://example.org/x.gguf")),
        ("smollm2-135m-instruct-q4_1", None),
    ],
)
def test_a_word_is_a_source_or_a_name_of_the_catalogue(text: str, source: ModelSource | None) -> None:
    """As kit run and kit models show take it."""
    assert source_of(text) == source


@pytest.mark.parametrize("text", ["x.gguf", "./x", "a/b"])
def test_a_path_is_one_from_here(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether there is such a file is for those who read it."""
    monkeypatch.chdir(tmp_path)
    assert source_of(text) == ModelSource(file=str(tmp_path / text))


@pytest.mark.parametrize("text", ["hf:", "hf:Org", "hf:Org/Repo:", "hf:Org/Repo@", "hf:../x", "hf:a/b/c"])
def test_what_names_no_repository_is_refused(text: str) -> None:
    """With the form in the remedy."""
    with pytest.raises(InputError, match="names no repository") as caught:
        source_of(text)
    assert "hf:ORG/REPO" in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "name", "file"),
    [
        ("Mistral-7B.Q4_K_M.gguf", "mistral-7b.q4_k_m", "Mistral-7B.Q4_K_M.gguf"),
        ("ein Modell (neu).GGUF", "ein-modell-neu", "ein-Modell-neu-.GGUF"),
        ("模型.gguf", "model", "gguf"),
        ("..", "model", "model.gguf"),
        ("x" * 300, "x" * 64, "x" * 200),
    ],
)
def test_names_of_files_are_made_fit_for_a_plan(text: str, name: str, file: str) -> None:
    """Whatever a file is called."""
    assert (plan_name(text), plan_file(text)) == (name, file)


@pytest.mark.parametrize(
    "text", ["https://example.org/a b.gguf", "https://me:pw@example.org/a.gguf", "https://ä/x"]
)
def test_an_address_that_is_none_is_refused(text: str) -> None:
    """Nor may it hold a password, which stays out of the message."""
    with pytest.raises(InputError) as caught:
        source_of(text)
    assert "pw" not in str(caught.value)


def test_a_file_of_a_repository_is_one_word_that_is_read_again() -> None:
    """As plans hold it, whatever the file is called."""
    word = hub_word("Org/Repo", "a/b c@d:e.gguf", "0" * 40)
    assert re.fullmatch(r"[!-~]+", word)
    assert source_of(word) == ModelSource(hf="Org/Repo", file="a/b c@d:e.gguf", revision="0" * 40)
