"""A headless Chromium, driven over its DevTools protocol through a pipe: no driver, no port, no library.

Everything that the page says (console, log, exceptions, violations of its policy) and asks for (requests) is kept.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
WAIT_S = 30.0
# What a failed wait says of the page: where it stands, and what has the keys.
STATE = "`${location.href} ${document.readyState} ${document.activeElement?.outerHTML?.slice(0, 120)}`"
# Moves the two ends to the numbers that the browser wants them at, by way of numbers that are free.
MOVE = (
    "import os, sys; a, b = os.dup(int(sys.argv[1])), os.dup(int(sys.argv[2])); os.dup2(a, 103); os.dup2(b, 104); "
    "os.dup2(103, 3); os.dup2(104, 4); os.execv(sys.argv[3], sys.argv[3:])"
)


def chromium() -> str | None:
    """The browser on this machine; None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class RefusedError(AssertionError):
    """The browser did not carry out a command."""


@dataclass(slots=True)
class Browser:
    """One page of one browser: commands by name, events as they come."""

    to_fd: int
    from_fd: int
    session: str | None = None
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    _buffer: bytes = b""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Carry out one command and give its result; events that come meanwhile are kept."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to_fd, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next(WAIT_S)
            if answer.get("id") == number:
                if "error" in answer:
                    raise RefusedError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._keep(answer)

    def _next(self, wait_s: float) -> dict[str, Any]:
        end = time.monotonic() + wait_s
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self.from_fd], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise AssertionError(f"The browser said nothing for {wait_s:g} s.")
            data = os.read(self.from_fd, 1 << 20)
            if not data:
                raise AssertionError("The browser is gone.")
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        parsed: dict[str, Any] = json.loads(message)
        return parsed

    def _keep(self, event: dict[str, Any]) -> None:
        name, params = event.get("method"), event.get("params", {})
        if name == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif name == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.complaints.append(f"console: {params['args']}")
        elif name == "Runtime.exceptionThrown":
            self.complaints.append(f"exception: {params['exceptionDetails']}")
        elif name == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"log: {params['entry']['text']}")
        elif name == "Audits.issueAdded":
            self.complaints.append(f"issue: {params['issue']['code']}")

    def open(self, path: Path, width: int = 1280, height: int = 800, *, dark: bool = False) -> None:
        """Load a file in a window of this size and wait until it is there."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 500,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])
        self.requests.clear()
        self.complaints.clear()
        self.leave(lambda: self.send("Page.navigate", url=path.resolve().as_uri()))

    def reload(self) -> None:
        """The page again, from its address."""
        self.leave(lambda: self.send("Page.reload"))

    def leave(self, go: Callable[[], Any]) -> None:
        """Leave the page that is open and wait until the next one, a file, is there, and not the old one still."""
        self.value("window.isLeft = true")
        go()
        there = "!window.isLeft && document.readyState == 'complete' && location.protocol == 'file:'"

        def is_there() -> bool:
            try:
                return bool(self.value(there))
            except RefusedError:  # between two pages there is nobody to ask
                return False

        self.wait(is_there)

    def value(self, expression: str) -> Any:
        """What a JavaScript expression gives, awaited where it is a promise."""
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait(self, holds: Callable[[], Any], wait_s: float = WAIT_S) -> None:
        """Ask again until it holds."""
        end = time.monotonic() + wait_s
        while not holds():
            if time.monotonic() >= end:
                raise AssertionError(f"waited in vain; {self.value(STATE)}")
            time.sleep(0.02)

    def click(self, x: float, y: float, count: int) -> None:
        """One click with the left button, or the `count`th of several."""
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=count)

    def scroll_through(self) -> None:
        """Come past every plot, so that each is drawn, and back to the top."""
        self.value(
            "(async () => { const all = [...document.querySelectorAll('figure[data-plot]')];"
            "for (const each of all) { each.scrollIntoView({behavior: 'instant'});"
            "for (let i = 0; i < 200 && !each.dataset.drawn; i++) await new Promise(r => setTimeout(r, 10)); }"
            "scrollTo({top: 0, behavior: 'instant'}); })()"
        )

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """A PNG of what is on the screen, or of the whole page."""
        found = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))


@contextmanager
def browser() -> Iterator[Browser]:
    """A fresh browser without a profile; gone at the end."""
    program = chromium()
    assert program, "There is no chromium on this machine: apt-get install chromium."
    ours, theirs = os.pipe(), os.pipe()  # (read, write): to the browser, and from it
    with tempfile.TemporaryDirectory(prefix="kit-chromium-", ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [
                sys.executable, "-c", MOVE, str(ours[0]), str(theirs[1]), program,
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--remote-debugging-pipe", "--hide-scrollbars", "--no-first-run", "--disable-extensions",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                f"--user-data-dir={profile}", "about:blank",
            ],
            pass_fds=(ours[0], theirs[1]),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(ours[0])
        os.close(theirs[1])
        try:
            yield _attached(Browser(ours[1], theirs[0]))
        finally:
            os.close(ours[1])
            os.close(theirs[0])
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _attached(found: Browser) -> Browser:
    targets = found.send("Target.getTargets")["targetInfos"]
    page = next(target["targetId"] for target in targets if target["type"] == "page")
    found.session = found.send("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
    for domain in ("Page", "Runtime", "Log", "Network", "Audits"):
        found.send(f"{domain}.enable")
    return found
