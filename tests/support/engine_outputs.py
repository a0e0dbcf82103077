"""What an engine answers, made up: output in pieces, and errors."""

from __future__ import annotations

import io

import requests
from docker.errors import APIError, NotFound


class Raw:
    """The body of an answer that comes in pieces."""

    def __init__(self, data: bytes) -> None:
        self.raw = io.BytesIO(data)


def api_error(status: int) -> APIError:
    response = requests.Response()
    response.status_code = status
    kind = NotFound if status == 404 else APIError
    return kind("no", response, "the engine's \x1b words")
