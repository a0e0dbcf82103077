"""What a server's log says of its build and its devices: a few words by allow list. Pure.

A log may name anybody, so only what a pattern captures is kept. Every pattern is tried on one line at a time, and
every repeat in it is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from kit.documents import LogFacts
from kit.text import plain_text

MAX_WORDS, MAX_CHARS, MAX_LINE_CHARS = 8, 120, 2_000

_VERSION = r"([0-9A-Za-z.+-]{1,40})"
# "build: 6729 (abc1234) with cc" and, since, "common_params_print_info: build 0 (0c1e57098) with GNU 14.2.0"
_LLAMACPP_BUILD = re.compile(r"\bbuild:? (\d{1,9}) \(([0-9a-z]{4,40})\)")
_LLAMACPP_INFO = re.compile(r"\bbuild_info: (b\d{1,9}-[0-9a-z]{1,40})")
# "using device CUDA0 (NVIDIA GeForce RTX 4060) (0000:01:00.0) - 7012 MiB free"
_LLAMACPP_DEVICE = re.compile(r"\busing device \w{1,20} \(([^()]{1,80}(?:\([^()]{1,80}\))?)\)")
_OLLAMA_VERSION = re.compile(rf'msg="Listening on \S{{1,100}} \(version {_VERSION}\)"')
_OLLAMA_DEVICE = re.compile(r'msg="inference compute" id=\S{1,80} library=(\w{1,40})')
_OLLAMA_CARD = re.compile(r' (?:description|name)="([^"]{1,120})"')
_VLLM_VERSION = re.compile(rf"\bInitializing a V\d LLM engine \(v{_VERSION}\)")
_VLLM_DEVICE = re.compile(r"\bdevice_config=(\w{1,40})")

Said = Iterator[tuple[str, str]]


def log_facts(runtime: str, log: str) -> LogFacts | None:
    """What the start of a log says; None of a runtime whose logs say nothing that is known here."""
    read = _READERS.get(runtime)
    if read is None:
        return None
    found: dict[str, dict[str, None]] = {"version": {}, "device": {}}
    for line in log.split("\n"):
        for what, words in read(line[:MAX_LINE_CHARS]):
            if len(found[what]) < MAX_WORDS:
                found[what][plain_text(words, MAX_CHARS)] = None
    return LogFacts(versions=tuple(found["version"]), devices=tuple(found["device"]))


def _llamacpp(line: str) -> Said:
    for number, commit in _LLAMACPP_BUILD.findall(line):
        yield "version", f"b{number}-{commit}"
    for build in _LLAMACPP_INFO.findall(line):
        yield "version", build
    for name in _LLAMACPP_DEVICE.findall(line):
        yield "device", name


def _ollama(line: str) -> Said:
    for version in _OLLAMA_VERSION.findall(line):
        yield "version", version
    library = _OLLAMA_DEVICE.search(line)
    if library is not None:
        card = None if library[1] == "cpu" else _OLLAMA_CARD.search(line, library.end())
        yield "device", card[1] if card else library[1].lower()


def _vllm(line: str) -> Said:
    for version in _VLLM_VERSION.findall(line):
        yield "version", version
    for device in _VLLM_DEVICE.findall(line):
        yield "device", device.lower()


_READERS: Mapping[str, Callable[[str], Said]] = {"llamacpp": _llamacpp, "ollama": _ollama, "vllm": _vllm}
