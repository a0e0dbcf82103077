"""Whether anybody answers at an address: found out before a load, within seconds and once, not by each request."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time

from kit.errors import UnreachableError
from kit.loadgen.connector import Address, addresses, reason_of, tls_context
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
    found = addresses(target, limit_s)
    last = "no answer"
    for number, address in enumerate(found):
        left_s = (deadline - time.monotonic()) / (len(found) - number)
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
    raise nobody_answers(target, last)


def stands_here(address: Address) -> bool:
    """Whether an address is one of this machine: only then can something of it be bound to it."""
    family, place = address[0], address[1]
    if family == socket.AF_UNIX:
        return True
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind((place[0], 0, *place[2:]))
    except OSError:
        return False
    return True


def _touch(target: Target, address: Address, context: ssl.SSLContext | None, limit_s: float) -> None:
    """Connect, shake hands if need be, and leave."""
    with socket.socket(address[0], socket.SOCK_STREAM) as sock:
        sock.settimeout(limit_s)
        sock.connect(address[1])
        if context is None:
            return
        with context.wrap_socket(sock, server_hostname=target.host) as secure, contextlib.suppress(OSError):
            secure.shutdown(socket.SHUT_RDWR)


def nobody_answers(target: Target, why: str) -> UnreachableError:
    """The error for a server that nobody reaches."""
    return UnreachableError(
        f"Nobody answers at {target.base_url}: {why}.", "Start the server, or check host and port."
    )
