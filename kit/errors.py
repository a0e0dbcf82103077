"""The error tree: every failure a user can meet, with what failed, what to do, and one exit code each.

    KitError                     1
    ├── InputError               2   a file or option of the user is wrong (file, place and remedy are named)
    ├── InternalError            3   the kit itself failed; for `kit verify`: no verdict was reached
    ├── SourceError              4   a model or file could not be fetched, or its hash is wrong
    ├── EngineError              5   the engine could not start or stop what it was asked to
    │   └── PortInUseError       9   somebody else listens on the port
    ├── RuntimeNotReadyError     6   the server exited or never became ready
    ├── WrongDeviceError        11   the server does not compute where it should
    ├── WrongAnswersError        7   the server is up but does not answer correctly
    ├── NoResultError            8   nothing could be measured
    ├── UnreachableError        12   nobody answers at the server's address
    ├── PublishError            13   the place where something was to be published did not take it
    └── StorageError            10   the disk refused what was to be kept

Exit code 0 is success, 1 also a negative answer (verify refused, a test failed), 130 an interrupt.
"""

from __future__ import annotations


class KitError(Exception):
    """What failed (`what`), what to do (`remedy`) and lines of evidence (`detail`, e.g. the end of a log)."""

    exit_code = 1

    def __init__(self, what: str, remedy: str = "", detail: tuple[str, ...] = ()) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}".strip()


class InputError(KitError):
    exit_code = 2


class InternalError(KitError):
    exit_code = 3


class SourceError(KitError):
    exit_code = 4


class EngineError(KitError):
    exit_code = 5


class PortInUseError(EngineError):
    exit_code = 9


class RuntimeNotReadyError(KitError):
    exit_code = 6


class WrongDeviceError(KitError):
    exit_code = 11


class WrongAnswersError(KitError):
    exit_code = 7


class NoResultError(KitError):
    exit_code = 8


class UnreachableError(KitError):
    exit_code = 12


class PublishError(KitError):
    exit_code = 13


class StorageError(KitError):
    exit_code = 10
