"""What the kit asks a server besides load: is it ready, what does it say of itself, does it answer right.

Asked directly where its address can be reached from here. Where it cannot (a container on a network of its own),
the same operations are carried out beside it, by this module as a program in the load generator's image:

    python -m kit.visit OPERATION      OPERATION is JSON, or @FILE with JSON in it

prints one line: {"ok": VALUE} or {"error": WORDS}. That line is hostile to us: it is read strictly.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit import endpoint
from kit.correctness import SuiteLevel, load_suite
from kit.endpoint import EndpointError
from kit.engines.contract import Beside, Running
from kit.errors import EngineError, KitError, RuntimeNotReadyError
from kit.model import AnswerCheck
from kit.sources import file_sha256
from kit.strict import Json, plain, read_json, typed
from kit.text import plain_text

SLICE_S = 5.0  # so often at least somebody looks whether the server has died meanwhile
MARGIN_S = 30.0  # for starting Python beside a server that takes all CPUs
ASK_S = 15.0
EXAMINE_S = 600.0
HASH_BYTES_PER_S = 20_000_000
MAX_LINE_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Visitor:
    """Asks one server; every method raises `EndpointError` if there is no good answer, but where it says more."""

    running: Running

    def wait_ready(self, path: str, budget_s: float) -> None:
        """Wait until the server answers 200 at `path`; `RuntimeNotReadyError` if it ends or takes too long."""
        running, deadline = self.running, time.monotonic() + budget_s
        if running.beside is None:
            endpoint.wait_ready(running.url, path, budget_s, running.exit_code, running.log_tail)
            return
        last = "no answer"
        while (left_s := deadline - time.monotonic()) > 0:
            code = running.exit_code()
            if code is not None:
                raise RuntimeNotReadyError(
                    f"The server ended with exit code {code} before it was ready.",
                    "Read its last log lines below; the whole log is in the cell's folder.",
                    running.log_tail(),
                )
            try:
                self._do(SLICE_S, "ready", path=path, budget_s=min(SLICE_S, left_s))
            except EndpointError as error:
                last = str(error)
            else:
                return
        raise RuntimeNotReadyError(
            f"The server was not ready within {budget_s:g} s (last answer: {last}).",
            "Read its last log lines below; a slow disk or a large model needs a longer start budget.",
            running.log_tail(),
        )

    def fetch_json(self, path: str) -> Json:
        """The JSON document at `path`."""
        return self._do(ASK_S, "json", path=path)

    def fetch_text(self, path: str) -> str:
        """The text at `path`."""
        return _text(self._do(ASK_S, "text", path=path))

    def served_model(self) -> str | None:
        """The first model the server lists, or None."""
        found = self._do(ASK_S, "model")
        return None if found is None else _text(found)

    def examine(self, level: SuiteLevel, model: str, requests: int) -> list[AnswerCheck]:
        """Every test of the level once, one by one (`requests` 1), or so many of them at the same time."""
        if self.running.beside is None:
            return _examined(self.running.url, level, model, requests)
        found = self._do(
            EXAMINE_S,
            "examine",
            suite=level.suite,
            level=level.level,
            sha256=level.sha256,
            model=model,
            requests=requests,
        )
        if not isinstance(found, list):
            raise EndpointError("the kit beside the server gave no list of answers")
        return [typed(AnswerCheck, row, "answers") for row in found]

    def post(self, path: str, document: Mapping[str, object], timeout_s: float) -> Json:
        """The JSON that the server answers to a document."""
        return self._do(timeout_s, "post", path=path, document=dict(document), timeout_s=timeout_s)

    def upload(self, path: str, file: str, timeout_s: float) -> None:
        """POST a file that lies beside the server."""
        self._do(timeout_s, "upload", path=path, file=file, timeout_s=timeout_s)

    def sha256(self, file: str, size_bytes: int) -> str:
        """sha256 of a file as it lies beside the server, in its mount."""
        return _text(self._do(ASK_S + size_bytes / HASH_BYTES_PER_S, "sha256", file=file))

    def _do(self, limit_s: float, name: str, **arguments: Any) -> Json:
        operation = {"do": name, "url": self.running.url, **arguments}
        if self.running.beside is None:
            return perform(operation)
        return _beside(self.running.beside, operation, limit_s + MARGIN_S)


def visitor_for(running: Running) -> Visitor:
    """Who asks this server."""
    return Visitor(running)


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise EndpointError("the kit beside the server gave no text")
    return value


def _beside(beside: Beside, operation: Mapping[str, object], limit_s: float) -> Json:
    """Have an operation carried out beside the server; `EngineError` if nobody there says how it went."""
    line = beside(json.dumps(operation).encode(), limit_s)
    try:
        answer = read_json(line, "answer of the kit beside the server", max_bytes=MAX_LINE_BYTES)
    except KitError as error:
        raise EngineError(f"The kit beside the server said something else: {error.what}.") from None
    if isinstance(answer, dict) and answer.keys() == {"ok"}:
        return answer["ok"]
    if isinstance(answer, dict) and answer.keys() == {"error"} and isinstance(answer["error"], str):
        raise EndpointError(plain_text(answer["error"], 400))
    raise EngineError("The kit beside the server said neither ok nor error.", "Build it: kit images build loadgen")


# --- beside the server ------------------------------------------------------------------------------------


def perform(operation: Mapping[str, Any]) -> Json:
    """Carry one operation out; `EndpointError` if the server does not answer as asked."""
    known: Mapping[str, Callable[..., Json]] = {
        "ready": _ready,
        "json": lambda url, path: endpoint.fetch_json(url + path),
        "text": lambda url, path: endpoint.fetch_text(url + path),
        "model": endpoint.served_model,
        "examine": _examine,
        "post": lambda url, path, document, timeout_s: endpoint.post_json(url + path, document, timeout_s),
        "upload": lambda url, path, file, timeout_s: endpoint.post_file(url + path, Path(file), timeout_s),
        "sha256": lambda url, file: file_sha256(Path(file)) if url else None,
    }
    arguments = {name: value for name, value in operation.items() if name != "do"}
    return known[operation["do"]](**arguments)


def _ready(url: str, path: str, budget_s: float) -> None:
    try:
        endpoint.wait_ready(url, path, budget_s, lambda: None, lambda: ())
    except RuntimeNotReadyError as error:
        raise EndpointError(error.what) from None


def _examine(url: str, suite: str, level: str, sha256: str, model: str, requests: int) -> Json:
    found = load_suite(suite, level)
    if found.sha256 != sha256:
        raise EndpointError("the kit beside the server has other correctness tests: kit images build loadgen")
    return [plain(check) for check in _examined(url, found, model, requests)]


def _examined(url: str, level: SuiteLevel, model: str, requests: int) -> list[AnswerCheck]:
    examiner = endpoint.Examiner(url, model, level)
    return examiner.single() if requests == 1 else examiner.concurrent(requests)


def main(argument: str) -> int:
    """Carry out the operation in `argument` and print how it went."""
    data = Path(argument[1:]).read_bytes() if argument.startswith("@") else argument.encode()
    try:
        said: dict[str, Json] = {"ok": perform(json.loads(data))}
    except EndpointError as error:
        said = {"error": str(error)}
    except (KitError, OSError) as error:
        said = {"error": f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps(said) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
