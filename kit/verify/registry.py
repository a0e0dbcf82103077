"""All rules of the kit, in the order in which they run and are reported."""

from __future__ import annotations

from kit.verify import (
    rules_answers,
    rules_attempts,
    rules_calibration,
    rules_cells,
    rules_containers,
    rules_files,
    rules_load,
    rules_metrics,
    rules_plan,
    rules_sequential,
    rules_telemetry,
    rules_time,
    rules_tokens,
)
from kit.verify.circumstances import (
    boot,
    calibrated,
    clients,
    environment,
    figures,
    logs,
    machine,
    platform,
    programs,
    recipes,
    runtimes,
    search,
    sessions,
    shapes,
    tail,
    witness,
)
from kit.verify.evaluation import asking, scoring
from kit.verify.forensics import physics
from kit.verify.forensics import rules as rules_forensic
from kit.verify.rule import Rule

RULES: tuple[Rule, ...] = (
    *rules_files.RULES,
    *rules_plan.RULES,
    *programs.RULES,
    *runtimes.RULES,
    *platform.RULES,
    *machine.RULES,
    *rules_sequential.RULES,
    *search.RULES,
    *rules_cells.RULES,
    *rules_attempts.RULES,
    *rules_containers.RULES,
    *environment.RULES,
    *recipes.RULES,
    *rules_metrics.RULES,
    *rules_time.RULES,
    *boot.RULES,
    *rules_load.RULES,
    *shapes.RULES,
    *tail.RULES,
    *clients.RULES,
    *sessions.RULES,
    *rules_tokens.RULES,
    *rules_answers.RULES,
    *witness.RULES,
    *figures.RULES,
    *logs.RULES,
    *rules_calibration.RULES,
    *calibrated.RULES,
    *rules_telemetry.RULES,
    *physics.RULES,
    *rules_forensic.RULES,
    *asking.RULES,
    *scoring.RULES,
)

# Findings that no rule makes, but the judgement itself.
CRASHED, NOT_RUN, NOTHING_CHECKED = "verifier.crashed", "verdict.not_run", "verdict.nothing_checked"
LIMIT = "verifier.limit"
VERDICT_IDS = (CRASHED, LIMIT, NOT_RUN, NOTHING_CHECKED)
