"""Files of probador are read strictly: what is wrong is refused with file and field, the unknown passed over."""

from __future__ import annotations

import json
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.errors import InputError
from kit.judge.probador import MAX_FILE_BYTES, LoadResult, read_file
from kit.judge.probador.fields import NUMBERS
from kit.judge.probador.stamps import utc_of
from tests.support.documents_probador import PROBADOR

FILES = Path(__file__).parents[3] / "support" / "probador"
LOAD = PROBADOR["probador-load"]
REQUIRED = [field.name for field in NUMBERS if field.presence == "R"] + ["timestamp", "runtime_name"]


def read(value: Any) -> tuple[tuple[LoadResult, ...], ...]:
    return read_file(json.dumps(value).encode(), "a.json")


def one(value: Any) -> LoadResult:
    ((result,),) = read(value)
    return result


def changed(value: Any, *path: str | int) -> dict[str, Any]:
    """The good result with one place changed."""
    found: dict[str, Any] = deepcopy(LOAD)
    spot: Any = found
    for step in path[:-1]:
        spot = spot[step]
    spot[path[-1]] = value
    return found


# --- what is read ---------------------------------------------------------------------------------------


def test_every_number_is_read_as_it_stands() -> None:
    """By its name, with dots for what lies deeper."""
    result = one(LOAD)
    assert set(result.numbers) == {field.name for field in NUMBERS}
    assert result.numbers["gpu_telemetry.memory_used_mb.max"] == 2048.0
    assert result.numbers["tail_analysis.jitter.spike_count"] == 1
    assert result.paces_ms == {"short": 8.0, "medium": 10.0, "long": 12.0}
    assert (result.runtime_name, result.concurrency, result.place) == ("llamacpp-gpu-c4", 4, "")


def test_a_result_needs_no_more_than_the_required_fields() -> None:
    """As files of early March 2026 have them."""
    ((result,),) = read_file((FILES / "old-load.json").read_bytes(), "old-load.json")
    assert set(result.numbers) == {field.name for field in NUMBERS if field.presence == "R"}


def test_unknown_fields_are_passed_over() -> None:
    """Newer versions have more."""
    assert one({**LOAD, "new_thing": {"deep": [1, None]}}) == one(LOAD)


@pytest.mark.parametrize(
    "name", [field.name for field in NUMBERS if field.presence == "O" and "." not in field.name]
)
def test_an_optional_field_may_be_null(name: str) -> None:
    """Some older files have num_layers so."""
    assert name not in one(changed(None, name)).numbers


def test_a_bench_report_is_runs_of_one_measurement() -> None:
    """In their order, with their place."""
    (runs,) = read_file((FILES / "bench.json").read_bytes(), "bench.json")
    assert [run.place for run in runs] == ["runs[0]", "runs[1]", "runs[2]"]


def test_a_sweep_report_is_a_measurement_a_level() -> None:
    """Each with its concurrency."""
    found = read_file((FILES / "sweep.json").read_bytes(), "sweep.json")
    assert [(run.concurrency, run.place) for (run,) in found] == [(1, "levels[0].result"), (2, "levels[1].result")]


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-03-04T12:00:00Z", "2026-03-04T12:00:00.000000Z"),
        ("2026-03-04t12:00:00.5z", "2026-03-04T12:00:00.500000Z"),
        ("2026-03-04T12:00:10.123456789+00:00", "2026-03-04T12:00:10.123456Z"),
        ("2026-03-04T00:30:00+01:00", "2026-03-03T23:30:00.000000Z"),
        ("2024-02-29T23:59:59.999999999-05:30", "2024-03-01T05:29:59.999999Z"),
    ],
)
def test_rfc_3339_becomes_our_form(text: str, utc: str) -> None:
    """UTC, microseconds, what is below cut off."""
    assert utc_of(text) == utc


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-03-04", "2026-03-04T12:00:00", "2026-02-30T12:00:00Z", "0001-01-01T00:00:00+01:00",
     "2026-03-04T12:00:00+24:00", "2026-03-04T12:00:00Z\n", "٢٠٢٦-03-04T12:00:00Z"],
)  # fmt: skip
def test_what_is_no_time_is_refused_with_its_field(text: str) -> None:
    """Dates that do not exist included."""
    with pytest.raises(InputError, match=r"a\.json: timestamp: .* is not a time like"):
        read(changed(text, "timestamp"))


# --- what is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in REQUIRED if name != "total_requests"])
def test_a_missing_field_is_named(name: str) -> None:
    """Whichever it is."""
    value = {key: item for key, item in LOAD.items() if key != name}
    with pytest.raises(InputError, match=f'missing field "{name}"'):
        read(value)


def test_a_misspelled_field_is_named_beside_the_missing_one() -> None:
    """As it stands in the file."""
    value = {("ttft_p50ms" if key == "ttft_p50_ms" else key): item for key, item in LOAD.items()}
    with pytest.raises(InputError, match=r'missing field "ttft_p50_ms"; did you mean "ttft_p50ms"'):
        read(value)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("total_requests",), 4.0, "total_requests: expected an integer, found 4.0"),
        (("ttft_p50_ms",), "50", 'ttft_p50_ms: expected a number, found "50"'),
        (("ttft_p50_ms",), None, "ttft_p50_ms: expected a number, found null"),
        (("tokens_per_sec",), True, "tokens_per_sec: expected a number, found true"),
        (("itl_p50_ms",), -0.5, "itl_p50_ms: must not be negative"),
        (("latency_p99_ms",), 1e300, "latency_p99_ms: must lie in"),
        (("concurrency",), 0, "concurrency: must lie in 1 to 1000000, found 0"),
        (("error_rate",), 1.5, "error_rate: must lie in 0 to 1"),
        (("successful",), 5, "successful: 5 are more than total_requests, 4"),
        (("failed",), 2, "failed: 2 and 3 successful do not add up to 4"),
        (("runtime_name",), 7, "runtime_name: expected a string"),
        (("runtime_name",), "x" * 1001, "runtime_name: longer than"),
        (("quality",), [], "quality: expected an object, found a list"),
        (("quality", "pass_rate"), 2, "quality.pass_rate: must lie in"),
        (("tail_analysis", "jitter", "itl_cv"), "x", "tail_analysis.jitter.itl_cv: expected a number"),
        (("gpu_telemetry", "memory_used_mb"), 3, "gpu_telemetry.memory_used_mb: expected an object"),
        (("request_details",), {}, "request_details: expected a list"),
        (("request_details", 1), 7, "request_details[1]: expected an object"),
        (("request_details", 1, "itl_ms"), None, "request_details[1].itl_ms: expected a number"),
        (("request_details", 2), {"latency_ms": 1.0}, 'request_details[2]: missing field "ttft_ms"'),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(path: tuple[str | int, ...], value: Any, words: str) -> None:
    """Type, sign, range, counts that do not add up."""
    with pytest.raises(InputError) as refused:
        read(changed(value, *path))
    assert f"a.json: {words}" in refused.value.what


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not JSON"),
        (b"hello", "not JSON"),
        (b"[]", "expected an object, found a list"),
        (b'{"ttft_p50_ms": NaN}', "NaN is not a JSON number"),
        (b'{"ttft_p50_ms": -Infinity}', "Infinity is not a JSON number"),
        (b'{"total_requests": 1, "total_requests": 1}', "the same key twice"),
        (b"[" * 100, "nested more than"),
        (b"\xff", "not valid UTF-8"),
        (b" " * (MAX_FILE_BYTES + 1), "bytes are more than"),
        (b'{"results": [], "passed": 1}', "`probador llm test`"),
        (b'{"runtimes": [], "contract_version": "2.0.0"}', "`probador llm score`"),
        (b'{"runs": []}', "runs: expected 1 to 10000 items, found 0"),
        (b'{"runs": 1}', "runs: expected a list"),
        (b'{"levels": [{"concurrency": 1}]}', 'levels[0]: missing field "result"'),
        (b"{}", 'missing field "total_requests"'),
    ],
)
def test_what_is_no_result_is_refused(data: bytes, words: str) -> None:
    """In words that say what it is instead."""
    with pytest.raises(InputError) as refused:
        read_file(data, "a.json")
    assert refused.value.what.startswith("a.json: ")
    assert words in refused.value.what


@pytest.mark.parametrize(("name", "value"), [("runtime_name", "other"), ("concurrency", 8)])
def test_the_runs_of_a_bench_report_are_of_one_measurement(name: str, value: Any) -> None:
    """Another runtime or concurrency among them is refused."""
    with pytest.raises(InputError, match=rf"runs\[1\]\.{name}: not the"):
        read({"runs": [LOAD, changed(value, name)]})


def test_a_level_must_say_the_concurrency_of_its_result() -> None:
    """Else nobody knows which is right."""
    with pytest.raises(InputError, match=r"levels\[0\]\.concurrency: not that of its result, 4"):
        read({"levels": [{"concurrency": 8, "result": LOAD}]})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
KEYS = st.sampled_from([*LOAD, "runs", "levels", "result"])


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(KEYS, JSON, max_size=3), st.sampled_from(["bare", "bench", "sweep", "changed"]))
def test_any_object_is_read_or_refused(value: dict[str, Any], shape: str) -> None:
    """Never anything else than `InputError`, whatever stands where."""
    shapes = {
        "bare": value,
        "bench": {"runs": [{**LOAD, **value}]},
        "sweep": {"levels": [{"result": {**LOAD, **value}}]},
        "changed": {**LOAD, **value},
    }
    found: tuple[tuple[LoadResult, ...], ...] = ()
    with suppress(InputError):
        found = read(shapes[shape])
    assert all(run.concurrency >= 1 for runs in found for run in runs)
