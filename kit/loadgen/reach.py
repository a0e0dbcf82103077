"""Whether anybody answers at an address: found out before a load, within seconds and once, not by each request."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from typing import Any

from kit.errors import InputError, UnreachableError
from kit.loadgen.connector import Address, reason_of, tls_context
from kit.plan.target import Access, Target

REACH_S = 3.0
_CERTIFICATE = "Trust its authority with --cacert FILE or SSL_CERT_FILE, or any certificate with --insecure."


def reach(target: Target, access: Access, limit_s: float = REACH_S) -> Address:
    """The address of a server that accepts a connection, over TLS where it is asked so; the first that does.

    A name may stand for several addresses (localhost: ::1 and 127.0.0.1). `UnreachableError` if none accepts in
    time, `InputError` if the name has no address.
    """
    deadline = time.monotonic() + limit_s
    context = tls_context(access) if target.tls else None
    addresses = _addresses(target, limit_s)
    last = "no answer"
    for number, address in enumerate(addresses):
        left_s = (deadline - time.monotonic()) / (len(addresses) - number)
        if left_s <= 0:
            break
        try:
            _touch(target, address, context, left_s)
        except TimeoutError:
            last = f"no answer within {limit_s:g} s"
        except ssl.SSLError as error:
            remedy = (
                _CERTIFICATE
                if isinstance(error, ssl.SSLCertVerificationError)
                else "Is it http:// rather than https://?"
            )
            raise UnreachableError(
                f"No TLS connection to {target.authority}: {reason_of(error)}.", remedy
            ) from None
        except OSError as error:
            last = reason_of(error)
        else:
            return address
    raise UnreachableError(
        f"Nobody answers at {target.base_url}: {last}.", "Start the server, or check host and port."
    )


def _touch(target: Target, address: Address, context: ssl.SSLContext | None, limit_s: float) -> None:
    """Connect, shake hands if need be, and leave."""
    with socket.socket(address[0], socket.SOCK_STREAM) as sock:
        sock.settimeout(limit_s)
        sock.connect(address[1])
        if context is None:
            return
        with context.wrap_socket(sock, server_hostname=target.host) as secure, contextlib.suppress(OSError):
            secure.shutdown(socket.SHUT_RDWR)


def _addresses(target: Target, limit_s: float) -> list[Address]:
    """All addresses of a target. Looking up a name takes as long as the system likes, so it is not waited for."""
    if target.unix is not None:
        return [(socket.AF_UNIX, target.unix)]
    found: list[Any] = []

    def look() -> None:
        try:
            rows = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
            found.append([(family, address) for family, _, _, _, address in rows])
        except (OSError, UnicodeError) as error:
            found.append(reason_of(error))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(limit_s)
    if not found:
        raise UnreachableError(
            f"The name {target.host!r} was not looked up within {limit_s:g} s.", "Check the network, or its DNS."
        )
    if isinstance(found[0], str):
        raise InputError(f"The host {target.host!r} has no address: {found[0]}.", "Check the name in the URL.")
    addresses: list[Address] = found[0]
    return addresses
