"""Imported results are a study: figures by path, no zeros that cannot be, the raw numbers beside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.documents.study import Study
from kit.errors import InputError
from kit.judge.open import imported_study
from kit.judge.probador import entry_of, imported_text, runtime_of, study_of_files
from kit.judge.study import values_of
from kit.metrics.registry import METRICS
from kit.strict import plain, write_json
from kit.strict.schema import check
from tests.support.documents_probador import PROBADOR

FILES = Path(__file__).parents[3] / "support" / "probador"
LOAD = PROBADOR["probador-load"]
FULL = ("full.json", json.dumps(LOAD).encode())


def imported(*names: str) -> Study:
    return study_of_files([(f"somewhere/{name}", (FILES / name).read_bytes()) for name in names])


def values(study: Study) -> Mapping[str, float | None]:
    """Of the only trial."""
    ((trial,),) = [subject.trials for subject in study.subjects]
    return trial.values


def figures(found: Mapping[str, float | None]) -> dict[str, float | None]:
    """Without the raw numbers."""
    return {path: value for path, value in found.items() if not path.startswith("raw.")}


# --- figures --------------------------------------------------------------------------------------------


def test_every_figure_of_a_full_result_stands_under_its_path() -> None:
    """By the table of docs/probador.md."""
    assert figures(values(study_of_files([FULL]))) == {
        "throughput_tok_s": 18.9, "decode_tok_s": 100.0, "request_rate_s": 0.3, "error_rate": 0.25,
        "requests.ok": 3, "requests.failed": 1, "tokens.completion": 189, "tokens.prompt": 300,
        "output_tokens_mean": 63.0, "prompt_tokens_mean": 100.0,
        "ttft_ms.n": 3, "ttft_ms.p50": 50.0, "ttft_ms.p90": 58.0, "ttft_ms.p95": 59.0, "ttft_ms.p99": 59.8,
        "itl_ms.p50": 10.0, "tpot_ms.p50": 10.0, "tpot_ms.p90": 11.6, "tpot_ms.p95": 11.8, "tpot_ms.p99": 11.96,
        "e2e_ms.n": 3, "e2e_ms.p50": 250.0, "e2e_ms.p95": 340.0, "e2e_ms.p99": 348.0, "e2e_ms.min": 200.0,
        "e2e_ms.max": 350.0, "tpot_ms.by_output.short": 8.0, "tpot_ms.by_output.medium": 10.0,
        "tpot_ms.by_output.long": 12.0, "tpot_cv": 0.2, "spikes": 1, "decode_us_per_layer": 357.1,
        "cold_start_ms": 1500.0, "memory_max_mb": 2048.0, "power_mean_w": 80.0, "pass_rate": 0.6666666666666666,
    }  # fmt: skip


def test_raw_numbers_are_what_probador_reads() -> None:
    """A field that may be absent is 0 to it, an optional one is not there."""
    raw = values(imported("old-load.json"))
    assert raw["raw.ttft_p50_ms"] == 20.0
    assert raw["raw.ttft_p99_ms"] == raw["raw.itl_p50_ms"] == raw["raw.error_rate"] == 0
    assert not {"raw.spike_count", "raw.pass_rate", "raw.decode_us_per_layer", "raw.cold_start_ms"} & set(raw)
    full = values(study_of_files([FULL]))
    assert (full["raw.spike_count"], full["raw.itl_cv"], full["raw.pass_rate"]) == (1, 0.2, 0.6666666666666666)


def test_a_dead_server_has_counts_and_an_error_rate_and_nothing_else() -> None:
    """Its zeros are no data, but stay readable as probador scores them."""
    study = imported("dead-load.json")
    found = values(study)
    assert figures(found) == {"requests.ok": 0, "requests.failed": 377086, "error_rate": 1.0}
    assert found["raw.ttft_p50_ms"] == found["raw.decode_tok_per_sec"] == 0.0
    assert found["raw.pass_rate"] == 1.0
    trial = study.subjects[0].trials[0]
    assert trial.status == "measured"
    assert trial.reason == "not one of 377086 requests succeeded"
    assert trial.measured_utc == "2026-03-04T12:00:00.500000Z"


def test_an_old_file_has_no_figures_for_the_fields_it_lacks() -> None:
    """But its error rate follows from its counts."""
    found = figures(values(imported("old-load.json")))
    assert found["error_rate"] == 0
    assert found["throughput_tok_s"] == 32.0
    assert not {"itl_ms.p50", "decode_tok_s", "ttft_ms.p99", "tokens.completion", "output_tokens_mean"} & set(
        found
    )


def test_an_answer_that_was_not_streamed_has_no_time_per_token() -> None:
    """TPOT below 0.05 ms is absent; the ITL that probador makes of the latency stays."""
    found = values(imported("nonstream-load.json"))
    assert not {"tpot_ms.p50", "tpot_ms.p99"} & set(found)
    assert found["itl_ms.p50"] == 28.125
    assert found["raw.tpot_p50_ms"] == 0.0001


def test_one_token_has_no_pace() -> None:
    """The zeros of ITL, decode, layer and jitter are no data."""
    found = values(imported("micro-load.json"))
    paces = {"itl_ms.p50", "decode_tok_s", "tpot_ms.p50", "decode_us_per_layer", "tpot_cv", "spikes"}
    assert not paces & set(found)
    assert found["ttft_ms.p50"] == 20.0
    assert found["raw.spike_count"] == 0


def test_empty_answers_have_no_first_token() -> None:
    """Their TTFT is only the latency once more."""
    found = figures(values(imported("empty-load.json")))
    assert not {"ttft_ms.p50", "ttft_ms.n", "throughput_tok_s"} & set(found)
    assert found["tokens.completion"] == 0
    assert found["e2e_ms.p50"] == 900.0


def test_a_decode_rate_that_nothing_reaches_is_no_data() -> None:
    """It comes from a time per token below 0.05 ms."""
    fast = {**LOAD, "itl_p50_ms": 0.0001, "decode_tok_per_sec": 1e7}
    found = values(study_of_files([("a.json", json.dumps(fast).encode())]))
    assert not {"itl_ms.p50", "decode_tok_s", "decode_us_per_layer"} & set(found)


# --- subjects -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "entry", "runtime"),
    [
        ("realizr-jetson-cpu", "realizr-jetson-cpu", "realizar"),
        ("Realizar (GPU) c4", "realizar--gpu--c4", "realizar"),
        ("llama.cpp-c16", "llama.cpp", "llamacpp"),
        ("llama_cpp", "llama_cpp", "llamacpp"),
        ("vLLM_0.9-c8", "vllm_0.9", "vllm"),
        ("ollama", "ollama", "ollama"),
        ("sglang-c", "sglang-c", "sglang-c"),
        ("-c4", "unknown", "unknown"),
        ("日本", "unknown", "unknown"),
        ("", "unknown", "unknown"),
        ("a" * 100 + "-c1", "a" * 64, "a" * 64),
        ("<script>", "script-", "script-"),
    ],
)
def test_a_runtime_name_becomes_an_entry_and_a_runtime(name: str, entry: str, runtime: str) -> None:
    """Lower case, harmless, without its concurrency."""
    assert entry_of(name) == entry
    assert runtime_of(entry) == runtime


def test_the_runs_of_a_bench_report_are_trials_of_one_subject() -> None:
    """Numbered from 1, with their place as source."""
    (subject,) = imported("bench.json").subjects
    assert values_of(subject, "throughput_tok_s") == [60.0, 62.0, 64.0]
    assert [trial.replicate for trial in subject.trials] == [1, 2, 3]
    assert [trial.source for trial in subject.trials] == [f"bench.json runs[{number}]" for number in range(3)]


def test_files_of_one_entry_and_concurrency_are_subjects_of_their_own() -> None:
    """In order of entry, concurrency and time: nobody said that they are repetitions."""
    later = ("b.json", json.dumps({**LOAD, "timestamp": "2026-03-05T12:00:00Z"}).encode())
    study = study_of_files([later, FULL])
    assert [subject.trials[0].source for subject in study.subjects] == ["full.json", "b.json"]
    levels = imported("sweep.json", "old-load.json").subjects
    assert [(each.entry, each.concurrency) for each in levels] == [("realizr-jetson", 1), ("vllm", 1), ("vllm", 2)]


def test_nothing_is_claimed_that_the_files_do_not_say() -> None:
    """No model, no hardware, no label, no conditions but the method."""
    study = imported("old-load.json", "dead-load.json")
    assert (study.origin, study.label, study.hardware, study.published) == ("imported", None, None, None)
    assert study.conditions.method == "probador"
    assert {study.conditions.loop, study.conditions.warmup_s, study.conditions.output_tokens} == {None}
    assert study.note.startswith("Imported from 2 files of probador; not verifiable: there are no records.")
    assert {subject.model for subject in study.subjects} == {None}


def test_the_identity_is_that_of_the_files_in_any_order() -> None:
    """The sha256 of their sorted hashes."""
    names = ("old-load.json", "dead-load.json")
    hashes = sorted(sha256((FILES / name).read_bytes()).hexdigest() for name in names)
    expected = sha256("".join(f"{each}\n" for each in hashes).encode()).hexdigest()
    assert imported(*names).identity == imported(*reversed(names)).identity == expected


def test_a_study_says_nothing_of_where_its_files_lay() -> None:
    """Names of files without their folders, and harmless."""
    study = study_of_files([("/home/somebody/a\x1b[31m.json", FULL[1])])
    assert study.subjects[0].trials[0].source == "a\ufffd[31m.json"
    assert b"somebody" not in write_json(plain(study))


# --- refused --------------------------------------------------------------------------------------------


def test_no_file_is_refused() -> None:
    """There is nothing to make a study of."""
    with pytest.raises(InputError, match="No file"):
        study_of_files([])


@pytest.mark.parametrize("name", ["", "A b", "../x", "-x", "a" * 65, "x\n"])
def test_a_name_that_no_study_can_have_is_refused(name: str) -> None:
    """With the rule."""
    with pytest.raises(InputError, match="name of a study"):
        study_of_files([FULL], name)


def test_the_same_result_twice_is_refused_with_both_places() -> None:
    """A file given twice, or a result beside the bench report that it is in."""
    with pytest.raises(InputError, match=r"b\.json contains the same result as full\.json"):
        study_of_files([FULL, ("b.json", FULL[1] + b"\n")])
    report = ("bench.json", json.dumps({"runs": [{**LOAD, "timestamp": "2026-03-05T12:00:00Z"}, LOAD]}).encode())
    with pytest.raises(InputError, match=r"bench\.json runs\[1\] contains the same result as full\.json"):
        study_of_files([FULL, report])


def test_more_results_than_a_study_may_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, runs of bench reports included."""
    monkeypatch.setattr("kit.judge.probador.importing.MAX_RESULTS", 3)
    assert len(imported("bench.json").subjects) == 1
    with pytest.raises(InputError, match="4 results are more than 3"):
        imported("bench.json", "old-load.json")


# --- the document ---------------------------------------------------------------------------------------


def test_a_study_is_a_valid_document_that_judgement_opens() -> None:
    """Written, checked and read back without a loss."""
    names = sorted(path.name for path in FILES.iterdir())
    study = imported(*names)
    check(plain(study), "study", "the study")
    data = write_json(plain(study))
    # it is known by its own bytes then, whatever it calls itself
    assert imported_study(data, "a.json").study == replace(study, identity=sha256(data).hexdigest())
    known = {path for subject in study.subjects for trial in subject.trials for path in figures(trial.values)}
    assert known <= set(METRICS)


def test_the_summary_has_a_line_for_each_subject_and_dashes_for_no_data() -> None:
    """And says that nobody can verify it."""
    text = imported_text(imported("dead-load.json", "bench.json"))
    assert "not verifiable" in text
    rows = [[part.strip() for part in line.strip("|").split("|")] for line in text.splitlines()[2:4]]
    assert rows[0] == ["llama.cpp", "2", "3", "62.0", "50.0", "20.0", "20.00", "10", "0", "bench.json runs[0]"]
    assert rows[1][3:6] == ["–", "–", "–"]  # noqa: RUF001


NUMBERS = st.sampled_from([key for key, value in LOAD.items() if isinstance(value, float) and key != "error_rate"])


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(NUMBERS, st.floats(0, 1e12) | st.just(0.0), max_size=8), st.booleans())
def test_whatever_the_numbers_no_figure_but_counts_is_zero(found: dict[str, Any], dead: bool) -> None:
    """And the study of any readable file is a valid document."""
    value = {**LOAD, **found, "truncated_pct": 0.0, "goodput_pct": 0.0}
    if dead:
        value |= {"successful": 0, "failed": 4}
    study = study_of_files([("a.json", json.dumps(value).encode())])
    check(plain(study), "study", "the study")
    zeros = {path for path, figure in figures(values(study)).items() if figure == 0}
    assert zeros <= {"requests.ok", "requests.failed"}
