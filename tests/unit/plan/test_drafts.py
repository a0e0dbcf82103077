"""What a model thinks before it answers is not its answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.plan import correctness
from kit.plan.correctness import MAX_JUDGED_CHARS, Check, judge, kept
from kit.plan.drafts import spoken

MARKS = [
    ("<think>", "</think>"),
    ("<think>\n", "\n</think>\n\n"),
    ("<thinking>", "</thinking>"),
    ("<Think>", "</Think>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
]
PRODUCT = correctness.Test("product", "arithmetic", "7 * 8?", 32, (Check("pattern", r"\b56\b"),))
JSON = correctness.Test("person", "json", "?", 32, (Check("json", "name"), Check("pattern", '"name"')))
CODE = correctness.Test("code", "python-function", "?", 32, (Check("python", "f"),))


@pytest.mark.parametrize(("begin", "end"), MARKS)
def test_a_right_draft_does_not_make_a_wrong_answer_right(begin: str, end: str) -> None:
    """With its opening mark, and without it where the template holds that already."""
    assert "nothing in the answer" in judge(PRODUCT, f"{begin}56?{end}54")
    assert "nothing in the answer" in judge(PRODUCT, f"56?{end}54")


@pytest.mark.parametrize(("begin", "end"), MARKS)
def test_a_wrong_draft_does_not_make_a_right_answer_wrong(begin: str, end: str) -> None:
    """Numbers, JSON and code behind a draft that holds others."""
    assert judge(PRODUCT, f"{begin}7 * 8 = 54? No.{end}56") == ""
    assert judge(JSON, f'{begin}{{"name": ""}} would be empty, so{end}{{"name": "Ada"}}') == ""
    assert judge(CODE, f"{begin}```python\ndef g(: pass\n```{end}```python\ndef f():\n    pass\n```") == ""


@pytest.mark.parametrize(("begin", "end"), MARKS)
def test_a_draft_without_an_end_is_no_answer_yet(begin: str, end: str) -> None:
    """Also a second one; and an end behind which nothing comes."""
    assert "no answer yet" in judge(PRODUCT, f"{begin}7 * 8 = 56")
    assert "no answer yet" in judge(PRODUCT, f"{begin}56{end}{begin}56, or")
    assert "no answer after the draft" in judge(PRODUCT, f"{begin}7 * 8 = 56{end}\n")


def test_the_last_draft_counts() -> None:
    """A model may think twice."""
    assert spoken("<think>a</think>b<think>c</think>d") == "d"


def test_the_end_of_a_turn_is_no_part_of_the_answer() -> None:
    """Servers that do not know the channels of gpt-oss pass it on."""
    assert (
        spoken("<|channel|>analysis<|message|>x<|end|><|start|>assistant<|channel|>final<|message|>56<|return|>")
        == "56"
    )


@pytest.mark.parametrize("answer", ["56", "I think 56.", "<b>56</b>", "<thin>56</thin>", "x < think > 56", ""])
def test_an_answer_without_a_draft_is_itself(answer: str) -> None:
    """Words and tags that only look alike."""
    assert spoken(answer) == answer


def test_a_draft_longer_than_what_is_kept_does_not_hide_the_answer() -> None:
    """What is kept is what is judged, by the examiner and by the verifier alike."""
    for answer in ("56", "54"):
        long = f"<think>{'56 or 54? ' * MAX_JUDGED_CHARS}</think>{answer}"
        assert len(kept(long)) <= MAX_JUDGED_CHARS
        assert judge(PRODUCT, kept(long)) == judge(PRODUCT, long)
        assert (judge(PRODUCT, long) == "") is (answer == "56")


@given(
    st.lists(st.sampled_from(["<think>", "</think>", "56", " ", "x" * MAX_JUDGED_CHARS, "[/THINK]"]), max_size=8)
)
def test_judging_what_was_kept_is_judging_the_answer(parts: list[str]) -> None:
    """Whatever is cut, no bundle verifies otherwise than it was examined."""
    answer = "".join(parts)
    assert kept(kept(answer)) == kept(answer)
    assert judge(PRODUCT, kept(answer)) == judge(PRODUCT, answer)
