"""An OpenAI-compatible server that answers tasks as a test says: right, wrong, late, with an error, not at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kit.documents.quality.suite import SuiteTask
from kit.evaluation.asking import question_of
from kit.evaluation.suites import load_suite, task_of
from kit.plan.correctness import load_suite as load_level
from tests.support.good_bundle import ANSWERS

MODEL = "scripted"
BASICS = load_suite("basics")


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; without a `status` of 200 it is an error, and with a `delay_s` it comes later."""

    text: str
    finish_reason: str = "stop"
    status: int = 200
    delay_s: float = 0.01
    tokens: int | None = 40


# What a task is answered, where so many questions are open, this one included.
Answer = Callable[[SuiteTask, int], Reply]


def right(task: SuiteTask, _: int = 1) -> Reply:
    return Reply(f"```python\n{task.prompt}{task.solution}```")


def wrong(task: SuiteTask, _: int = 1) -> Reply:
    return Reply(f"```python\ndef {task.entry_point}(*values):\n    return 'no'\n```")


class AnsweringServer:
    """Answers the tasks of `basics` by `answer`, and correctness prompts rightly; `asked` are the tasks' ids."""

    def __init__(self, answer: Answer = right) -> None:
        outer = self
        self.answer = answer
        self.asked: list[str] = []
        self._gone = False
        self._open = 0
        self._lock = threading.Lock()
        self._wait = threading.Event()
        self._tasks = {question_of(task_of(task)): task for task in BASICS.tasks}
        self._gates = {test.prompt: ANSWERS[test.name] for test in load_level("correctness", "tiny").tests}

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                if self.path == "/v1/models":
                    outer._send(self, 200, {"data": [{"id": MODEL}]})
                else:
                    outer._send(self, 404, {})

            def do_POST(self) -> None:
                outer._post(self)

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_: object) -> None:
                """A client that goes away is no error of a test."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> AnsweringServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nobody answers any more, over old connections neither."""
        self._gone = True
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def _post(self, handler: BaseHTTPRequestHandler) -> None:
        document = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        if self._gone:
            handler.close_connection = True
            return
        words = document["messages"][-1]["content"]
        task = self._tasks.get(words)
        if task is None:
            self._send(handler, 200, self._completion(Reply(self._gates[words])))
            return
        with self._lock:
            self._open += 1
            self.asked.append(task.id)
            reply = self.answer(task, self._open)
        self._wait.wait(reply.delay_s)
        with self._lock:
            self._open -= 1
        if reply.status != 200:
            self._send(handler, reply.status, {"error": {"message": reply.text}})
        else:
            self._send(handler, 200, self._completion(reply))

    def _completion(self, reply: Reply) -> dict[str, Any]:
        message = {"role": "assistant", "content": reply.text}
        usage = {} if reply.tokens is None else {"usage": {"prompt_tokens": 90, "completion_tokens": reply.tokens}}
        choice = {"index": 0, "message": message, "finish_reason": reply.finish_reason}
        return {"model": MODEL, "choices": [choice], **usage}

    def _send(self, handler: BaseHTTPRequestHandler, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
