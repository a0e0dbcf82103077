"""Files of probador, read strictly: a bare LoadTestResult, a bench report or a sweep report.

Fields that nobody knows are passed over (newer versions have more); whatever is known must be what it should be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import NoReturn

from kit.judge.probador.fields import DETAILS, KNOWN, NUMBERS, Field
from kit.judge.probador.stamps import utc_of
from kit.metrics.registry import LENGTHS
from kit.strict.json_reader import MAX_JSON_BYTES, Json, StrictError, read_json
from kit.text import did_you_mean, path_text, plain_text, value_text

MAX_FILE_BYTES = MAX_JSON_BYTES
MAX_RESULTS = 10_000  # as many as a study may hold
MAX_DETAILS = 1_000_000
MAX_NAME_CHARS = 1000
# 20,000 tokens a second for one user: what old files say of answers that came in one piece.
MIN_PACE_MS = 0.05


@dataclass(frozen=True, slots=True)
class LoadResult:
    """One LoadTestResult: `numbers` by field name, with dots for what lies deeper; absent or null is not there.

    `place` is where it stands in its file ("" or "runs[1]"). `paces_ms` is the mean of `itl_ms` of the requests
    in request_details with short, medium and long answers (`kit.judge.study.LENGTHS`), where there are any.
    """

    place: str
    runtime_name: str
    measured_utc: str
    concurrency: int
    numbers: Mapping[str, float]
    paces_ms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Spot:
    """A place in a file, to be named when what stands there is wrong."""

    where: str
    path: tuple[str | int, ...] = ()

    def at(self, *steps: str | int) -> _Spot:
        return _Spot(self.where, (*self.path, *steps))

    def refuse(self, message: str) -> NoReturn:
        raise StrictError(self.where, path_text(self.path), message)


def read_file(data: bytes, where: str) -> tuple[tuple[LoadResult, ...], ...]:
    """The results in a file; each inner tuple holds the runs of one measurement (several in a bench report).

    `StrictError`, which names file and field, for everything else.
    """
    spot = _Spot(where)
    value = _object(read_json(data, where, max_bytes=MAX_FILE_BYTES), spot)
    bare = "total_requests" in value
    if not bare and "runs" in value:
        return (_bench(value["runs"], spot.at("runs")),)
    if not bare and "levels" in value:
        return _sweep(value["levels"], spot.at("levels"))
    if not bare:
        _refuse_other_reports(value, spot)
    return ((_result(value, spot),),)


def _refuse_other_reports(value: Mapping[str, Json], spot: _Spot) -> None:
    for key, command in (("results", "test"), ("runtimes", "score")):
        if isinstance(value.get(key), list):
            spot.refuse(f"a report of `probador llm {command}`, which has no results of a load")


def _bench(value: Json, spot: _Spot) -> tuple[LoadResult, ...]:
    runs = tuple(_result(item, spot.at(index)) for index, item in enumerate(_items(value, spot, MAX_RESULTS)))
    first = runs[0]
    for index, run in enumerate(runs):
        if run.runtime_name != first.runtime_name:
            spot.at(index, "runtime_name").refuse("not the runtime of the first run")
        if run.concurrency != first.concurrency:
            spot.at(index, "concurrency").refuse("not the concurrency of the first run")
    return runs


def _sweep(value: Json, spot: _Spot) -> tuple[tuple[LoadResult, ...], ...]:
    return tuple((_level(item, spot.at(index)),) for index, item in enumerate(_items(value, spot, MAX_RESULTS)))


def _level(value: Json, spot: _Spot) -> LoadResult:
    level = _object(value, spot)
    if "result" not in level:
        spot.refuse('missing field "result"')
    result = _result(level["result"], spot.at("result"))
    if level.get("concurrency", result.concurrency) != result.concurrency:
        spot.at("concurrency").refuse(f"not that of its result, {result.concurrency}")
    return result


def _result(value: Json, spot: _Spot) -> LoadResult:
    found = _object(value, spot)
    numbers: dict[str, float] = {}
    for field in NUMBERS:
        number = _number(found, field, spot)
        if number is not None:
            numbers[field.name] = number
    _check_counts(numbers, spot)
    return LoadResult(
        place=path_text(spot.path),
        runtime_name=_text(found, "runtime_name", spot),
        measured_utc=_time(_text(found, "timestamp", spot), spot.at("timestamp")),
        concurrency=int(numbers["concurrency"]),
        numbers=numbers,
        paces_ms=_paces(found.get("request_details"), spot.at("request_details")),
    )


def _check_counts(numbers: Mapping[str, float], spot: _Spot) -> None:
    total, successful, failed = (int(numbers[name]) for name in ("total_requests", "successful", "failed"))
    if successful > total:
        spot.at("successful").refuse(f"{successful} are more than total_requests, {total}")
    if successful + failed != total:
        spot.at("failed").refuse(
            f"{failed} and {successful} successful do not add up to {total} in total_requests"
        )


def _paces(value: Json, spot: _Spot) -> dict[str, float]:
    if value is None or value == []:
        return {}
    paces: dict[str, list[float]] = {name: [] for name, _, _ in LENGTHS}
    for index, item in enumerate(_items(value, spot, MAX_DETAILS)):
        here = spot.at(index)
        request = _object(item, here)
        pace, tokens = [_number(request, field, here) for field in DETAILS][-1], request["completion_tokens"]
        if pace is None or pace < MIN_PACE_MS or not isinstance(tokens, int):
            continue  # an answer of less than two tokens has none
        for name, low, high in LENGTHS:
            if low <= tokens and (high is None or tokens < high):
                paces[name].append(pace)
    return {name: fmean(found) for name, found in paces.items() if found}


# --- single values --------------------------------------------------------------------------------------


def _object(value: Json, spot: _Spot) -> dict[str, Json]:
    return value if isinstance(value, dict) else spot.refuse(f"expected an object, found {value_text(value)}")


def _items(value: Json, spot: _Spot, most: int) -> list[Json]:
    if not isinstance(value, list):
        spot.refuse(f"expected a list, found {value_text(value)}")
    if not 1 <= len(value) <= most:
        spot.refuse(f"expected 1 to {most} items, found {len(value)}")
    return value


def _required(found: Mapping[str, Json], name: str, spot: _Spot) -> Json:
    if name not in found:
        others = [key for key in found if key not in KNOWN]
        spot.refuse(f'missing field "{name}"{did_you_mean(name, others)}'.removesuffix("?"))
    return found[name]


def _number(found: Mapping[str, Json], field: Field, spot: _Spot) -> float | None:
    """The number if it is there; None where it may be absent."""
    *outer, last = field.name.split(".")
    for key in outer:
        spot, inner = spot.at(key), found.get(key)
        if inner is None:
            return None
        found = _object(inner, spot)
    if field.presence == "R":
        _required(found, last, spot)
    if last not in found or (found[last] is None and field.presence == "O"):
        return None
    return _ranged(found[last], field, spot.at(last))


def _ranged(value: Json, field: Field, spot: _Spot) -> float:
    if type(value) is not int and (type(value) is not float or field.whole):
        kind = "an integer" if field.whole else "a number"
        spot.refuse(f"expected {kind}, found {value_text(value)}")
    if not field.least <= value <= field.most:
        words = "must not be negative" if value < 0 else f"must lie in {field.least} to {field.most}"
        spot.refuse(f"{words}, found {value_text(value)}")
    return value


def _text(found: Mapping[str, Json], name: str, spot: _Spot) -> str:
    value = _required(found, name, spot)
    if not isinstance(value, str):
        spot.at(name).refuse(f"expected a string, found {value_text(value)}")
    if len(value) > MAX_NAME_CHARS:
        spot.at(name).refuse(f"longer than {MAX_NAME_CHARS} characters")
    return value


def _time(text: str, spot: _Spot) -> str:
    try:
        return utc_of(text)
    except ValueError:
        spot.refuse(f'"{plain_text(text, 60)}" is not a time like 2026-03-04T12:00:00Z')
