"""The signature of a bundle is over its manifest, and a key's validity is asked for the start of the run."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from kit.signing import bundle_signature, sign, started_utc
from kit.storage.archive import unpack
from kit.storage.names import CALIBRATION, MANIFEST
from tests.support.good_bundle import Files, good_bundle
from tests.support.keys import allowed, key_pair, public


@cache
def files() -> Files:
    return dict(unpack(good_bundle()))


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return key_pair(tmp_path_factory.mktemp("keys"), "ann")


def test_the_start_is_the_earliest_that_any_document_says() -> None:
    """The calibration comes first; without it the first cell; what is no time counts for nothing."""
    started = started_utc(files())
    without = {name: data for name, data in files().items() if name != CALIBRATION}
    later = started_utc(without)

    assert started is not None
    assert later is not None
    assert started < later
    assert started_utc({}) is None
    for wrong in (
        b'{"started_utc": "1999"}',
        b'{"started_utc": 3}',
        b"[]",
        b"{",
        b'{"started_utc": "' + b"9" * 27 + b'"}',
    ):
        assert started_utc({**without, CALIBRATION: wrong}) == later
        assert started_utc({CALIBRATION: wrong}) is None


def test_a_key_counts_at_the_time_of_the_run(tmp_path: Path, key: Path) -> None:
    """A key that ran out since then is still its owner's; one that was valid only before is nobody's."""
    started = started_utc(files())
    assert started is not None
    day = started[:10].replace("-", "")
    signature = sign(files()[MANIFEST], key)

    outcomes = [
        bundle_signature(files(), signature, allowed(tmp_path, f"ann {option} {public(key)}")).outcome
        for option in (f'valid-after="{day}"', f'valid-before="{day}"')
    ]

    assert outcomes == ["known", "unknown"]


def test_what_lacks_a_signature_a_manifest_or_a_time_is_not_signed(key: Path) -> None:
    """None of them raises, and none is known."""
    signature = sign(files()[MANIFEST], key)
    no_manifest = {name: data for name, data in files().items() if name != MANIFEST}

    assert bundle_signature(files(), None, None).outcome == "missing"
    assert bundle_signature(no_manifest, signature, None).outcome == "bad"
    assert bundle_signature({MANIFEST: files()[MANIFEST]}, signature, None).outcome == "bad"
    assert bundle_signature(files(), signature, None).outcome == "unknown"
