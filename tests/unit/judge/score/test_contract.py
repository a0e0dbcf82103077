"""Contracts as data: read strictly, with sums, orders and names checked, and every place named."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.errors import InputError
from kit.judge.score import Contract, Scorecard, contract_names, load_contract, read_contract, scorecard
from kit.judge.score.contract import SCENARIOS
from kit.judge.score.loading import contract_sha256
from kit.strict import plain, typed
from kit.strict.schema import check, schema
from tests.support.documents_judged import CONTRACT, JUDGED, SCORECARD
from tests.support.studies import study, subject
from tests.unit.strict.test_schema_files import assert_mirrors


def text(change: Callable[[Any], object] | None = None) -> bytes:
    """The good contract as YAML, changed."""
    document = plain(CONTRACT)
    if change:
        change(document)
    return yaml.safe_dump(document, sort_keys=False).encode()


@pytest.mark.parametrize(
    ("name", "kind", "good"), [("contract", Contract, CONTRACT), ("scorecard", Scorecard, SCORECARD)]
)
def test_schema_class_and_example_agree(name: str, kind: Any, good: Any) -> None:
    """Same keys, types and nulls, and the example survives the way out and back."""
    contents = schema(name)
    assert_mirrors(kind, contents, contents)
    check(JUDGED[name], name, "example")
    assert typed(kind, JUDGED[name], "example") == good


@pytest.mark.parametrize("name", contract_names())
def test_the_contracts_of_the_kit_are_read_by_name(name: str) -> None:
    """With grades from A+ to F and weights for both kinds of load."""
    found = load_contract(name)
    assert found.name == name
    assert [each.grade for each in found.grades] == ["A+", "A", "A-", "B+", "B", "C+", "C", "D", "D-", "F"]
    for scenario in SCENARIOS:
        assert sum(rule.weight(scenario) for rule in found.metrics) == pytest.approx(1)


def test_every_threshold_of_kit_1_says_where_it_is_from_and_falls_with_the_users() -> None:
    """More users: each one is not served faster, and all together not slower."""
    rising = {"throughput", "ttft-p50", "ttft-p99"}
    for each in load_contract("kit-2").classes:
        for table in each.thresholds:
            assert len(table.source) > 10
            for values in ([level.excellent for level in table.levels], [level.good for level in table.levels]):
                assert values == sorted(values, reverse=table.metric not in rising), (each.name, table.metric)


def test_an_unknown_name_gets_the_nearest() -> None:
    """Or all names, where none is near."""
    with pytest.raises(InputError, match=r"no contract 'kit1'.*Did you mean 'kit-1'"):
        load_contract("kit1")
    with pytest.raises(InputError, match=r"Known: kit-2, kit-1, probador-2\.0; or give the path"):
        load_contract("something")


def test_a_contract_of_ones_own_scores() -> None:
    """And the scorecard says which one, by the hash of all it says."""
    mine = read_contract(text(), "mine.yaml")
    assert mine == CONTRACT == load_contract(plain(CONTRACT))
    one = replace(
        subject("a", 1, decode_tok_s=50.0, ttft_ms__p99=50.0, error_rate=0.0, itl_ms__p99=1.0),
        weights_bytes=10**9,
    )
    found = scorecard([study(one)], mine)
    assert [(card.composite, card.grade) for card in found.cards] == [(87.5, "B")]
    assert (found.contract.name, found.contract.version) == ("mine", "1.0.0")
    assert found.contract.sha256 == contract_sha256(mine) != contract_sha256(replace(mine, bonus=1.0))


def test_the_contract_in_the_docs_can_be_used() -> None:
    """It is read as it stands there."""
    page = (Path(__file__).parents[4] / "docs" / "scoring.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert read_contract(example.encode(), "docs/scoring.md").name == "chat"


def setting(*path: str | int, to: object) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = to

    return change


SAD: dict[str, tuple[Callable[[Any], object], str]] = {
    "not YAML's own": (lambda document: document.update(extra_thing=1), 'unknown key "extra_thing"'),
    "weights": (setting("metrics", 0, "interactive", to=0.4), "interactive weights add up to 0.9 instead of 1"),
    "path": (setting("metrics", 0, "path", to="decode_tok"), 'did you mean "decode_tok_s"'),
    "scaling": (setting("metrics", 0, "path", to="throughput_scaling"), "there is no 'throughput_scaling'"),
    "fallback": (setting("metrics", 1, "fallback", to="ttft_ms.p42"), "path: there is no 'ttft_ms.p42'"),
    "twice": (setting("metrics", 1, "name", to="decode"), "metrics: duplicate 'decode'"),
    "half a threshold": (setting("metrics", 2, "good", to=None), "excellent and good go together"),
    "wrong way round": (setting("metrics", 2, "excellent", to=0.5), "excellent must be better than good"),
    "zero_at": (setting("metrics", 2, "zero_at", to=0.001), "zero_at is for metrics where lower is better"),
    "zero_at good": (setting("metrics", 2, "zero_at", to=0.01), "zero_at is for metrics where lower is better"),
    "grades": (setting("grades", 2, "at_least", to=10), "grades: must go down and end with one from 0 on"),
    "jitter": (setting("jitter", "metric", to="decod"), "jitter: metric: there is no 'decod'"),
    "jitter path": (setting("jitter", "path", to="itl"), "jitter: path: there is no 'itl'"),
    "no thresholds": (setting("classes", to=[]), "metric decode: has no thresholds"),
    "class without": (lambda document: document["classes"][0]["thresholds"].pop(), "not mention the metric ttft"),
    "half a range": (setting("classes", 0, "memory_gb_s_to", to=None), "go together, upwards"),
    "weights range": (setting("classes", 0, "weights_gb_over", to=3), "must be above"),
    "levels": (setting("classes", 0, "thresholds", 0, "levels", 1, "concurrency", to=1), "must go up"),
    "first level": (setting("classes", 0, "thresholds", 0, "levels", 0, "concurrency", to=2), "at concurrency 1"),
    "level order": (setting("classes", 0, "thresholds", 0, "levels", 0, "good", to=100), "better than good"),
    "other metric": (setting("classes", 0, "thresholds", 0, "metric", to="ttfb"), "there is no 'ttfb'"),
    "extra": (setting("extra", 0, "good", to=1), "extra cold-start: excellent must be better than good"),
    "our name": (setting("name", to="kit-1"), "'kit-1' is a contract of the kit"),
    "their algorithm": (setting("algorithm", to="probador-2.0"), "only kit-2 takes other thresholds"),
    "no algorithm": (setting("algorithm", to="kit-11"), "did you mean \"kit-1\""),
}  # fmt: skip


@pytest.mark.parametrize("case", SAD)
def test_a_wrong_contract_is_refused_with_its_place(case: str) -> None:
    """One sentence that names file and place."""
    change, words = SAD[case]
    with pytest.raises(InputError) as caught:
        read_contract(text(change), "mine.yaml")
    assert caught.value.what.startswith("mine.yaml: ")
    assert words in str(caught.value)


def test_a_contract_that_is_no_mapping_is_refused() -> None:
    """Whatever else it is."""
    for data in (b"", b"[]", b"a: &x 1", b"\xff", b"42"):
        with pytest.raises(InputError):
            read_contract(data, "mine.yaml")
