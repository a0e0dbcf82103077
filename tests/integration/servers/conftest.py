"""The model that the demo measures, fetched once."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.catalogue import model
from kit.supply.download import fetch

SMOL = "smollm2-135m-instruct-q4_1"


@pytest.fixture(scope="session")
def weights() -> Path:
    return fetch(model(SMOL))
