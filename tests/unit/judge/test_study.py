"""A study says of a run what its records say, and nothing where they say nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kit.documents.study import Subject
from kit.errors import InputError
from kit.judge.machines import machine_of
from kit.judge.open import OpenedStudy, RefusedError, imported_study, verified_study
from kit.judge.study import is_complete, median_interval_of, study_of_run, suspicions_of, values_of
from kit.judge.trial_figures import CellParts
from kit.metrics.goodput import parse_slo
from kit.metrics.registry import METRICS
from kit.strict import plain, write_json
from kit.strict.schema import problems
from kit.verify.evidence import open_bundle, open_run
from tests.support.good_bundle import good_bundle, good_files, good_host, good_plan, run_files
from tests.support.records import make_record
from tests.support.studies import replicated, study, subject, trial

FIGURES = "figures.json"


def opened(slo: str | None = None) -> OpenedStudy:
    return verified_study(open_bundle(good_bundle()), "demo.tar.gz", parse_slo(slo) if slo else None)


def one(entry: str, concurrency: int, found: OpenedStudy) -> Subject:
    (mine,) = [each for each in found.study.subjects if (each.entry, each.concurrency) == (entry, concurrency)]
    return mine


# --- of a run -------------------------------------------------------------------------------------------


def test_a_study_has_every_planned_cell_and_the_figures_of_its_records() -> None:
    """By path, as they stand in the result that is made again."""
    found = opened()
    plan = good_plan()
    assert found.result is not None
    assert len(found.study.subjects) == len(plan.entries) * len(plan.workload.concurrencies)
    for line in found.result.cells:
        (run,) = one(line.entry, line.concurrency, found).trials
        assert line.metrics is not None
        assert run.source == line.id
        assert run.values["throughput_tok_s"] == line.metrics.throughput_tok_s
        assert run.values["ttft_ms.p50"] == line.metrics.ttft_ms.p50
        assert run.values["requests.ok"] == line.metrics.requests.ok


def test_every_figure_has_a_known_path_and_is_a_number() -> None:
    """What is no data has no path at all."""
    for mine in opened().study.subjects:
        for run in mine.trials:
            assert set(run.values) <= set(METRICS)
            assert None not in run.values.values()
            assert not {"power_mean_w", "memory_max_mb", "ttft_ms.p999"} & set(run.values)


def test_the_further_figures_of_a_cell_are_those_of_phases_answers_and_requests() -> None:
    """Cold start from start to ready, all answers right, tokens for each request, the pace of a layer."""
    found = opened()
    mine = one(good_plan().entries[0].name, 2, found)
    values = mine.trials[0].values
    assert found.evidence is not None
    cell = found.evidence.cells[mine.trials[0].source].cell
    assert cell is not None
    spans = {phase.name: phase for phase in cell.phases}
    assert values["cold_start_ms"] == (spans["ready"].ended_ns - spans["start"].started_ns) / 1e6
    assert values["pass_rate"] == 1.0
    tpot, tokens, requests = values["tpot_ms.p50"], values["tokens.completion"], values["requests.ok"]
    assert tpot is not None
    assert tokens is not None
    assert requests is not None
    assert values["decode_us_per_layer"] == pytest.approx(tpot * 1000 / 30)
    assert values["output_tokens_mean"] == tokens / requests


def test_paces_are_sorted_by_the_length_of_the_answer() -> None:
    """Only lengths that were seen have a figure, and it lies among the paces."""
    values = opened().study.subjects[0].trials[0].values
    found = {path: value for path, value in values.items() if path.startswith("tpot_ms.by_output.")}
    assert found
    for value in found.values():
        low, high = values["tpot_ms.min"], values["tpot_ms.max"]
        assert value is not None
        assert low is not None
        assert high is not None
        assert low <= value <= high


def test_a_length_belongs_to_one_bucket_from_its_first_token_to_its_last() -> None:
    """Short up to 31 tokens, medium up to 128, long from 129 on, as probador sorts them."""
    found = opened()
    assert found.plan is not None
    assert found.result is not None
    line = found.result.cells[0]
    assert found.evidence is not None
    cell = found.evidence.cells[line.id].cell
    assert cell is not None
    paces = {31: 1, 32: 2, 128: 4, 129: 8}  # ms a token
    records = [
        make_record(tokens, sent_ms=300, chunks_ms=tuple(310.0 + at * pace for at in range(tokens)))
        for tokens, pace in paces.items()
    ]
    parts = {line.id: CellParts(cell, records, ())}
    values = study_of_run(found.plan, found.result, parts, None, None).subjects[0].trials[0].values
    means = {name: values[f"tpot_ms.by_output.{name}"] for name in ("short", "medium", "long")}
    assert means == {"short": 1.0, "medium": 3.0, "long": 8.0}


def test_limits_put_goodput_among_the_figures() -> None:
    """All keep a limit that none can break, none one that all break; without limits there is no figure."""
    shares = [opened(slo).study.subjects[0].trials[0].values for slo in ("e2e=1000s", "e2e=0.001ms")]
    assert [values["goodput_share"] for values in shares] == [1.0, 0.0]
    assert "goodput_share" not in opened().study.subjects[0].trials[0].values


def test_where_figures_come_from_stands_beside_them() -> None:
    """The bundle's identity, the label, the conditions; a run folder is known by its plan."""
    found = opened().study
    plan = good_plan()
    assert (found.origin, found.name, found.label) == ("run", "demo-short", "consistent")
    assert found.identity == open_bundle(good_bundle()).identity
    assert found.conditions.prompts_sha256 == plan.prompts.sha256
    assert found.conditions.window_s == 0.6
    assert found.subjects[0].model_sha256 == plan.model.sha256
    folder = verified_study(open_run(dict(good_files())), "runs/demo").study
    assert folder.identity is not None
    assert folder.identity != found.identity
    assert folder.subjects == found.subjects


def test_a_cell_that_failed_or_is_missing_has_a_reason_and_no_figures() -> None:
    """As the result says it."""
    found = opened()
    assert found.plan is not None
    assert found.result is not None
    first, *others = found.result.cells
    gone = replace(found.result, cells=(replace(first, status="missing", metrics=None), *others))
    (lost,) = study_of_run(found.plan, gone, {}, None, "rejected").subjects[0].trials
    assert (lost.status, dict(lost.values), lost.measured_utc) == ("missing", {}, None)
    assert study_of_run(found.plan, gone, {}, None, "rejected").label is None


def test_a_subject_is_complete_when_all_its_replicates_were_measured() -> None:
    """A failed one counts, and its figures do not."""
    whole = replicated("llamacpp", 4, {"throughput_tok_s": [10.0, 12.0, 11.0]})
    broken = subject("llamacpp", 4, trial(1, throughput_tok_s=10.0), trial(2, "failed"))
    assert (is_complete(whole), is_complete(broken)) == (True, False)
    assert values_of(broken, "throughput_tok_s") == [10.0]
    assert median_interval_of(whole, "throughput_tok_s").median == 11.0
    assert median_interval_of(broken, "ttft_ms.p50").n == 0
    doubted = subject(
        "llamacpp", 4, replace(trial(1), suspect=("late", "x")), replace(trial(2), suspect=("late",))
    )
    assert suspicions_of(doubted) == ("late", "x")


# --- what is refused ------------------------------------------------------------------------------------


def test_what_verification_refuses_is_not_judged() -> None:
    """With the first finding and the command that tells all."""
    files = run_files({})
    name = next(name for name in files if name.endswith("texts.jsonl"))
    with pytest.raises(RefusedError, match="was rejected by verification") as refused:
        verified_study(open_run({**files, name: files[name] + b'{"id":999,"text":"x"}\n'}), "mine")
    assert refused.value.remedy == "All findings: kit verify mine"
    assert refused.value.exit_code == 1


def imported() -> dict[str, object]:
    made = replace(study(subject("vllm", 4, throughput_tok_s=98.5)), origin="imported", label=None)
    value: dict[str, object] = json.loads(write_json(plain(made)))
    return value


def test_imported_results_are_read_as_they_were_written() -> None:
    """The document of a study becomes that study."""
    found = imported_study(json.dumps(imported()).encode(), FIGURES)
    assert found.study.subjects[0].trials[0].values == {"throughput_tok_s": 98.5}
    assert (found.evidence, found.records("c1")) == (None, ())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"origin": "run"}, "claims to be a run of the kit"),
        ({"schema": "kit/study/2"}, "kit/study/1"),
        ({"subject": []}, "unknown key"),
        ({"name": "../x"}, "does not have the form"),
    ],
)
def test_a_document_that_is_no_import_is_refused(change: dict[str, object], words: str) -> None:
    """Figures of a run come from its records only; everything else is a place in the file."""
    with pytest.raises(InputError, match=words):
        imported_study(json.dumps(imported() | change).encode(), FIGURES)


@pytest.mark.parametrize("document", [{"total_requests": 3}, {"runs": []}, {"levels": []}])
def test_a_file_of_probador_is_told_how_to_get_in(document: dict[str, object]) -> None:
    """The likeliest mistake: it has to be imported first."""
    with pytest.raises(InputError, match="is a raw result of probador") as refused:
        imported_study(json.dumps(document).encode(), FIGURES)
    assert refused.value.remedy == "Import it first: kit import probador figures.json"


def test_what_is_no_bundle_is_named() -> None:
    """The file that was given, not only what is wrong inside."""
    with pytest.raises(InputError, match=r"empty\.tar\.gz: the archive: It has no content"):
        verified_study(open_bundle(b""), "empty.tar.gz")


def test_a_folder_of_a_run_without_plan_is_no_run(tmp_path: Path) -> None:
    """Said in one sentence."""
    with pytest.raises(InputError, match=r"There is no plan\.json"):
        verified_study(open_run({}), str(tmp_path))


def test_a_file_of_a_study_has_its_note_and_no_machine_that_nobody_states() -> None:
    """As the files that were made before a study had a machine."""
    written = plain(study())
    assert isinstance(written, dict)
    assert written["note"] == ""
    assert "machine" not in written
    stated = plain(replace(study(), machine=machine_of(good_host())))
    assert problems(stated, "study") == []
    assert isinstance(stated, dict)
    assert isinstance(stated["machine"], dict)
    assert stated["machine"]["cpus"] == 2
