"""The prompts that lie beside a load: those it names, in either form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kit.documents import TextPin
from kit.errors import InputError
from kit.loadgen.__main__ import prompts_of
from kit.plan.prompt_files import read_prompt_file
from kit.storage.cell_folder import write_load
from tests.unit.loadgen.test_program import pinned


@pytest.mark.parametrize("data", [b"one\ntwo\n", b'{"messages": [{"role": "user", "content": "a"}]}\n"b"\n'])
def test_prompts_of_a_user_lie_beside_the_load(data: bytes, tmp_path: Path) -> None:
    """Texts or whole chats, pinned by the hash of the file they come from."""
    prompts = read_prompt_file(data, "p.txt")
    load = replace(
        pinned("http://127.0.0.1:9"),
        prompts=TextPin(prompts.name, prompts.sha256, prompts.count),
        prompts_from="file",
    )
    write_load(tmp_path, load, prompts)
    assert prompts_of(load, tmp_path) == (prompts.chats or prompts.texts)
    for pin in (TextPin("p", "0" * 64, prompts.count), TextPin("p", prompts.sha256, 3)):
        with pytest.raises(InputError, match="not the one"):
            prompts_of(replace(load, prompts=pin), tmp_path)
