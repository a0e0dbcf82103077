"""An engine on another machine as a socket here: each connection becomes `ssh HOST docker system dial-stdio`.

That is how the docker program does it, so keys, jump hosts and multiplexing of the user's ssh all count. ssh gets
the connection itself as its input and output: nothing is copied here, and when the kit ends, however it ends, the
connections close and every ssh leaves.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from urllib.parse import urlsplit

from kit.engines.logtail import read_tail
from kit.errors import InputError
from kit.text import plain_text, without_password

SCHEME = "ssh://"
# Nobody can answer a question of this ssh: it must not wait for one. A host that is not there is soon given up.
OPTIONS = ("-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=30")
LEAVE_S = 5.0


def ssh_command(url: str) -> tuple[str, list[str]]:
    """The host of an ssh:// address and the command that speaks to the engine there; `InputError` if none."""
    remedy = "Write it like ssh://user@host or ssh://user@host:port."
    shown = plain_text(without_password(url), 200)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InputError(f"{shown} cannot be read as an address.", remedy) from None
    host = parts.hostname or ""
    # What begins with a dash would be an option to ssh, and not a name.
    if not host or host.startswith("-") or (parts.username or "").startswith("-"):
        raise InputError(f"{shown} names no host.", remedy)
    if parts.password is not None or parts.query or parts.fragment:
        raise InputError("The address of the engine has a password, a query or a fragment.", remedy)
    remote = ["docker", "system", "dial-stdio"]
    if parts.path.strip("/"):
        if not all(c.isalnum() or c in "/._-" for c in parts.path):
            raise InputError(f"{shown} names a socket with characters that a shell would read.", remedy)
        remote[1:1] = ["--host", f"unix://{parts.path}"]
    user = ["-l", parts.username] if parts.username else []
    return host, ["ssh", *OPTIONS, *user, *(["-p", str(port)] if port else []), "--", host, *remote]


class SshRelay:
    """Listens on a Unix socket that only this user can reach."""

    def __init__(self, url: str) -> None:
        self.host, self._command = ssh_command(url)
        if shutil.which("ssh") is None:
            raise InputError(
                "The engine is to be reached by ssh, but there is no ssh here.", "Install OpenSSH's client."
            )
        self._folder = Path(tempfile.mkdtemp(prefix="kit-ssh-"))
        self._words = self._folder / "ssh.log"
        self._children: list[subprocess.Popen[bytes]] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self._folder / "engine"))
        self._listener.listen()
        self.address = f"unix://{self._folder / 'engine'}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def last_words(self) -> str:
        """What ssh complained of last."""
        return " ".join(read_tail(self._words, 2))

    def close(self) -> None:
        """End every connection; may be called twice."""
        # A listening socket that is shut down wakes the thread; to close it would not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(LEAVE_S)
        for child in self._children:
            child.terminate()
        for child in self._children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(LEAVE_S)
        self._children.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._children = [child for child in self._children if child.poll() is None]
            with connection, self._words.open("ab") as words, contextlib.suppress(OSError):
                # A session of its own: a Ctrl-C in the terminal must not end what we still need to clean up.
                ends = connection.fileno()
                child = subprocess.Popen(
                    self._command, stdin=ends, stdout=ends, stderr=words, start_new_session=True
                )
                self._children.append(child)
