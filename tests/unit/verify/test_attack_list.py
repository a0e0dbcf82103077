"""The list of attacks on a validator of bundles (facts: A5), each with the tests that hold it off, or why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.verify.registry import RULES
from tests.support.archive_attacks import ATTACKS as ARCHIVES
from tests.support.mutations import MUTATIONS

ROOT = Path(__file__).parents[3]
ARCHIVE = "tests/unit/storage/test_archive_attacks.py"
BAD_ARCHIVE = f"{ARCHIVE}::test_a_bad_archive_is_refused_for_its_one_fault"
JSON = "tests/unit/strict/test_json_reader.py"
BAD_JSON, BAD_LINES = f"{JSON}::test_doubtful_json_is_refused", f"{JSON}::test_lines_out_of_form_are_refused"
YAML = "tests/unit/strict/test_yaml_reader.py::test_doubtful_yaml_is_refused_with_its_line"
SCALARS = "tests/unit/strict/test_yaml_reader.py::test_scalars_have_the_types_of_json_and_no_others"
SCHEMA = "tests/unit/strict/test_schema.py"
FILES = "tests/unit/strict/test_schema_files.py"
TEXT = "tests/unit/test_text.py"
IMPORTS = "tests/unit/project/test_floors.py::test_verify_reaches_neither_engines_nor_the_network"
PHYSICS, CONTAINERS = "tests/unit/verify/test_physics.py", "tests/unit/verify/test_containers.py"
ROBUST = "tests/unit/verify/test_robust.py"

# By number: a test, "attack NAME" of tests/support/archive_attacks.py, "rule ID" with a mutation, or "no: why".
ATTACKS: dict[int, tuple[str, ...]] = {
    1: ("attack dot-dot", "attack absolute", "attack dot-dot-inside"),
    2: ("attack symbolic-link",),
    3: ("attack hard-link",),
    4: ("attack fifo", "attack character-device", "attack block-device"),
    5: (f"{ARCHIVE}::test_a_bomb_costs_no_memory", f"{ARCHIVE}::test_the_ratio_counts_only_beyond_its_threshold"),
    6: ("attack gnu-sparse",),
    7: ("attack pax-path", "attack pax-global"),
    8: ("attack pax-of-gigabytes", "attack gnu-long-name"),
    9: (BAD_ARCHIVE,),
    10: (BAD_ARCHIVE, f"{ARCHIVE}::test_something_behind_the_gzip_stream_is_seen_wherever_the_stream_ends"),
    11: (f"{ARCHIVE}::test_cut_anywhere_it_is_truncated", "rule archive.manifest"),
    12: (f"{ARCHIVE}::test_every_byte_of_the_tar_stream_outside_the_contents_is_checked",),
    13: (f"{ARCHIVE}::test_every_byte_of_a_header_is_checked_under_a_right_checksum",),
    14: (f"{ARCHIVE}::test_cut_anywhere_it_is_truncated",),
    15: (f"{ARCHIVE}::test_something_behind_the_gzip_stream_is_seen_wherever_the_stream_ends",),
    16: (f"{ARCHIVE}::test_each_limit_refuses_one_more_than_it_says", "attack seven-segments"),
    17: ("attack setuid", "attack time", "attack mode-600"),
    18: (BAD_ARCHIVE,),
    19: ("rule files.expected",),
    20: (f"{ARCHIVE}::test_a_declared_size_is_refused_before_any_content_is_read",),
    21: ("no: a bundle is read once into memory, and everything is judged from those bytes",),
    22: ("attack upper-case", "attack composed-letter", "attack combining-letter"),
    23: ("attack device-con", "attack device-aux", "attack dot-at-end", "attack backslash", "attack drive"),
    24: ("attack zero-width", "attack right-to-left", "attack escape-character"),
    25: ("attack hidden", "attack option", "attack option-inside"),
    26: ("rule archive.manifest", f"{ROBUST}::test_a_missing_file_is_refused"),
    27: (BAD_JSON, "rule json.strict"),
    28: (BAD_JSON,),
    29: (BAD_JSON, "rule json.strict"),
    30: (BAD_JSON,),
    31: (BAD_JSON,),
    32: (BAD_JSON,),
    33: (BAD_JSON,),
    34: (BAD_LINES,),
    35: (f"{SCHEMA}::test_a_bad_value_is_named_with_its_place", "rule schema.valid"),
    36: ("rule archive.manifest", "rule json.canonical"),
    37: (f"{FILES}::test_every_object_is_closed",),
    38: (YAML,),
    39: (YAML,),
    40: ("tests/unit/strict/test_yaml_reader.py::test_limits_are_inclusive",),
    41: (SCALARS,),
    42: (YAML,),
    43: (f"{SCHEMA}::test_a_document_cannot_bring_its_own_schema",),
    44: (f"{SCHEMA}::test_a_foreign_reference_is_refused_and_not_fetched",),
    45: (f"{FILES}::test_every_pattern_is_linear_and_anchored_at_both_ends",),
    46: (f"{FILES}::test_every_pattern_is_linear_and_anchored_at_both_ends",),
    47: (f"{FILES}::test_each_file_is_a_valid_schema_with_our_id_and_words",),
    48: ("rule time.clock",),
    49: (f"{SCHEMA}::test_problems_stop_at_the_limit_and_come_in_the_order_of_the_document",),
    50: ("rule schema.valid", "rule plan.consistent"),
    51: ("rule schema.valid", f"{FILES}::test_every_object_is_closed"),
    52: ("tests/unit/verify/test_honest.py::test_only_failed_cells_are_nothing_to_check", "rule time.window"),
    53: ("rule time.monotonic",),
    54: (f"{FILES}::test_every_value_has_a_range", "rule time.clock"),
    55: ("rule time.clock", "rule time.steps"),
    56: ("rule metrics.recomputed", "rule metrics.result"),
    57: ("rule load.schedule", "rule records.complete"),
    58: ("rule records.accounting", "rule metrics.recomputed"),
    59: ("rule attempts.replayed", "no: the best of many whole runs is what a challenge is for"),
    60: ("rule time.window",),
    61: ("rule forensic.scaled", "rule time.clock"),
    62: ("rule forensic.too_smooth", "rule forensic.copy"),
    63: ("rule forensic.step_alignment",),
    64: ("no: one bundle cannot show it; whoever collects bundles compares them",),
    65: ("rule tokens.chunks",),
    66: ("rule tokens.first",),
    67: ("no: texts are not tokenised again; counters of the server are compared by evidence.server",),
    68: ("rule tokens.finish", "rule tokens.limit"),
    69: ("rule text.duplicates", "rule load.schedule"),
    70: ("rule container.present", "rule evidence.model", "no: answers are not compared with reference answers"),
    71: ("rule model.pinned",),
    72: ("rule load.concurrency", "rule load.busy"),
    73: ("rule physics.decode", f"{PHYSICS}::test_every_device_says_where_its_figures_are_from"),
    74: (f"{FILES}::test_every_value_has_a_range",),
    75: (f"{CONTAINERS}::test_a_planned_digest_must_be_one_under_which_the_engine_has_the_image",),
    76: ("rule container.image",),
    77: ("rule container.image", "rule container.inputs"),
    78: ("rule container.command", "rule cell.settings"),
    79: ("rule kit.version", "no: a bundle cannot prove which program wrote it; the drill says what that costs"),
    80: ("rule telemetry.present", "rule telemetry.plausible"),
    81: ("no: signatures are beside the bundle, and tested with kit.signing",),
    82: (f"{TEXT}::test_no_cell_breaks_out", f"{TEXT}::test_cell_takes_the_meaning_from_markdown"),
    83: (
        "tests/unit/verify/test_verdict_text.py::test_a_finding_cannot_steer_the_terminal",
        f"{TEXT}::test_plain_text_keeps_words_and_replaces_what_acts_on_a_terminal",
    ),
    84: (f"{TEXT}::test_plain_text_is_always_printable_and_short",),
    85: ("no: tables are the kit's own, numbers are formatted before they are set",),
    86: (f"{TEXT}::test_no_cell_breaks_out",),
    87: (f"{TEXT}::test_cell_takes_the_meaning_from_markdown",),
    88: ("no: logs are not bundled, facts of the machine are by allow list (docs/design.md)",),
    89: ("rule plan.texts",),
    90: (IMPORTS,),
    91: ("no: limits of memory and time are those of the child process that verifies",),
    92: ("tests/unit/verify/test_verdict_text.py::test_a_finding_cannot_steer_the_terminal",),
}  # fmt: skip

ALL = [(number, word) for number, words in ATTACKS.items() for word in words]


def test_every_attack_of_the_list_has_an_answer() -> None:
    """1 to 92, each once."""
    assert list(ATTACKS) == list(range(1, 93))
    assert all(ATTACKS.values())


@pytest.mark.parametrize(("number", "word"), ALL, ids=str)
def test_what_answers_an_attack_exists(number: int, word: str) -> None:
    """A test of that name, an archive of that name, a rule with a mutation, or a reason in words."""
    kind, _, name = word.partition(" ")
    if kind == "no:":
        assert len(name) > 20
    elif kind == "attack":
        assert name in {attack.name for attack in ARCHIVES}, number
    elif kind == "rule":
        assert name in {rule.id for rule in RULES}, number
        assert name in {mutation.rule for mutation in MUTATIONS}, number
    else:
        file, _, test = word.partition("::")
        assert f"def {test}" in (ROOT / file).read_text(encoding="utf-8"), number
