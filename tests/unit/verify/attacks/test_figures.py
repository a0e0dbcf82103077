"""Attacks with fields beside the records: each row stands just inside or just outside of what can be true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kit.documents import Calibration
from kit.metrics.limits import (
    CALIBRATION_RUN_TOK_S,
    CALIBRATION_TOK_S,
    CPU_SLACK_NS,
    CPU_SLACK_PERCENT,
    MAX_ABOVE_PACE_PERCENT,
    MAX_POINT_TRIES,
    MIN_POINT_NS,
    MIN_STEP_NS,
)
from kit.run.calibrate import RATE_TOK_S, RUN_TOK_S, Effort
from kit.verify.circumstances.environment import OFFICIAL, container_environment
from kit.verify.evidence import open_bundle
from kit.verify.rule import Issue
from kit.verify.rules_calibration import MAX_STEPS
from tests.support.calibrations import good_calibration
from tests.support.forge import BATCHED, Change, document, in_calibration, in_record, in_server, records_of
from tests.support.good_bundle import good_files, good_plan
from tests.support.good_containers import LLAMACPP, VLLM, containers_changed, in_labels, with_environment
from tests.support.issues import cell_of, facts, issues


def connected() -> int:
    return sum(record.connect_ns is not None for record in records_of(dict(good_files()), BATCHED))


@pytest.mark.parametrize(("more", "found"), [(0, False), (1, True)])
def test_requests_are_sent_again_at_most_once_and_over_a_new_connection(more: int, found: bool) -> None:
    """Attack A5: retries without end made any count of the server possible."""
    assert bool(issues("evidence.client", facts(stale_retries=connected() + more))) is found


def test_retries_that_cannot_have_been_excuse_no_count() -> None:
    """The server counted far more than the records have: a billion retries say nothing to that."""
    wrong = {"prompt_tokens": 10**6, "completion_tokens": 10**6}
    changes = (facts(stale_retries=10**9), in_server(counters_after=wrong))
    assert issues("evidence.server", *changes[::-1])
    assert issues("evidence.prompts", *changes[::-1])


@pytest.mark.parametrize(("more_ns", "found"), [(0, False), (1, True)])
def test_a_load_generator_has_the_time_of_its_processes(more_ns: int, found: bool) -> None:
    """And some."""
    duration_ns = cell_of().facts.duration_ns  # type: ignore[union-attr]
    most_ns = duration_ns * (100 + CPU_SLACK_PERCENT) // 100 + CPU_SLACK_NS
    assert bool(issues("evidence.client", facts(cpu_ns=most_ns + more_ns))) is found
    assert issues("evidence.client", facts(cpu_ns=most_ns + more_ns, processes=2)) == []


def prompts() -> tuple[int, int]:
    """What the server must have read, and what it can have read at most: of one request cut it is not known."""
    found = records_of(dict(good_files()), BATCHED)
    done = [record.prompt_tokens or 0 for record in found if record.outcome == "ok"]
    return sum(done), sum(done) + 2 * max(done) * (len(found) - len(done))


@pytest.mark.parametrize(
    ("tokens", "found"),
    [(prompts()[0], False), (prompts()[0] - 1, True), (prompts()[1], False), (prompts()[1] + 1, True)],
)
def test_the_server_read_the_prompts_that_it_answered(tokens: int, found: bool) -> None:
    """Not one less, and no more than those that were cut can have been."""
    after = {"prompt_tokens": 120 + tokens, "completion_tokens": 10**4}
    assert bool(issues("evidence.prompts", in_server(counters_after=after))) is found


def test_what_came_from_a_cache_was_not_read() -> None:
    """The counters may lack just so much; the cache itself is a finding of its own."""
    low = prompts()[0]
    cached = in_record(lambda record: replace(record, cached_tokens=5))
    after = in_server(counters_after={"prompt_tokens": 120 + low - 5, "completion_tokens": 10**4})
    assert issues("evidence.prompts", cached, after) == []
    assert len(issues("evidence.cache", cached)) == 1


@pytest.mark.parametrize("code", [0, 143, -15, 137, -9, 130, -2])
def test_a_server_that_is_told_to_stop_ends_so(code: int) -> None:
    """By itself, by the signal, or killed in the end."""
    assert issues("server.exit", in_server(exit_code=code)) == []


@pytest.mark.parametrize("code", [1, 2, 134, 139, -6, -11, None])
def test_a_server_that_crashed_does_not(code: int | None) -> None:
    """Attack A5: 139 in a measured cell."""
    assert len(issues("server.exit", in_server(exit_code=code))) == 1


def host(**values: Any) -> Change:
    return document("host.json", lambda found: found.update(values))


ENGINE = {"name": "a", "version": "1", "api_version": "1"}
WEIGHTS = good_plan().model.bytes


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (host(memory_bytes=WEIGHTS), False),
        (host(memory_bytes=WEIGHTS - 1), True),
        (host(engine={**ENGINE, "architecture": "amd64", "kernel": "6.1.0"}), False),
        (host(engine={**ENGINE, "architecture": "aarch64", "kernel": "6.1.0"}), True),
        (host(engine={**ENGINE, "architecture": "x86_64", "kernel": "5.0"}), True),
        (host(engine={**ENGINE, "architecture": "x86_64"}), True),
        (host(packages={}), True),
    ],
)
def test_the_machine_fits_what_was_done_on_it(change: Change, found: bool) -> None:
    """Its memory holds the weights, its engine names the same kernel and architecture, and it had the kit."""
    assert bool(issues("host.plausible", change)) is found


# --- the calibration --------------------------------------------------------------------------------------


def test_the_limits_of_the_calibration_are_those_that_it_is_made_with() -> None:
    """Verification may not import what calibrates."""
    effort = Effort()
    assert (RATE_TOK_S, RUN_TOK_S, effort.max_steps) == (CALIBRATION_TOK_S, CALIBRATION_RUN_TOK_S, MAX_STEPS)
    assert effort.warmup_ns + effort.window_ns == MIN_POINT_NS
    assert effort.warmup_ns + effort.step_window_ns == MIN_STEP_NS
    assert MAX_POINT_TRIES == 4


def with_pace(percent: float) -> Callable[[Calibration], Calibration]:
    def change(found: Calibration) -> Calibration:
        first, *others = found.points
        return replace(found, points=(replace(first, tok_s=first.expected_tok_s * percent / 100), *others))

    return change


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (with_pace(100 + MAX_ABOVE_PACE_PERCENT), False),
        (with_pace(100.1 + MAX_ABOVE_PACE_PERCENT), True),
        (lambda found: replace(found, duration_ns=2 * MIN_POINT_NS + 2 * MIN_STEP_NS), False),
        (lambda found: replace(found, duration_ns=2 * MIN_POINT_NS + 2 * MIN_STEP_NS - 1), True),
        (lambda found: replace(found, steps=()), False),
        (lambda _: good_calibration((1, 64)), True),  # 64 streams at 200 are more than a run asks for
    ],
)
def test_a_calibration_gives_what_it_asked_for_in_the_time_it_took(
    change: Callable[[Calibration], Calibration], found: bool
) -> None:
    """Attack A5: a billion tokens a second in no time, without any error."""
    assert bool(issues("calibration.plausible", in_calibration(change))) is found


# --- the environment --------------------------------------------------------------------------------------


def odd(*changes: Change) -> list[str]:
    evidence = open_bundle(containers_changed(*changes))
    return [step.message for step in container_environment.check(evidence) if isinstance(step, Issue)]


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("LLAMA_ARG_MODEL_DRAFT", "/models/small.gguf", True),
        ("GGML_SCHED_DEBUG", "1", True),
        ("VLLM_ATTENTION_BACKEND", "FLASHINFER", True),
        ("OLLAMA_FLASH_ATTENTION", "1", True),
        ("LD_PRELOAD", "/tmp/x.so", True),
        ("LD_LIBRARY_PATH", "/tmp/lib", True),
        ("LD_LIBRARY_PATH", "/usr/local/nvidia/lib:/usr/local/nvidia/lib64", False),
        ("PYTHONPATH", "/tmp", True),
        ("OMP_NUM_THREADS", "64", True),
        ("TZ", "UTC", False),
        ("HOSTNAME", "a", False),
    ],
)
def test_variables_that_change_a_runtime_are_flagged(name: str, value: str, found: bool) -> None:
    """Attack A5: nobody ran other flags than planned, but variables can say the same."""
    assert bool(odd(with_environment(LLAMACPP, **{name: value}))) is found


def test_what_the_kits_dockerfile_sets_is_its_own() -> None:
    """With that value, and no other."""
    preload = "/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4:/opt/vllm/lib/libiomp5.so"
    assert odd(with_environment(VLLM, LD_PRELOAD=preload)) == []
    assert len(odd(with_environment(VLLM, LD_PRELOAD=f"{preload}:/tmp/x.so"))) == 1


def test_official_images_set_what_their_makers_set() -> None:
    """Of the runtime's own only what is known."""
    for name in sorted(OFFICIAL | {"CUDA_HOME", "TORCH_CUDA_ARCH_LIST"}):
        assert odd(in_labels(LLAMACPP, target="official"), with_environment(LLAMACPP, **{name: "1"})) == []
    assert len(odd(in_labels(LLAMACPP, target="official"), with_environment(LLAMACPP, LLAMA_ARG_FA="1"))) == 1
