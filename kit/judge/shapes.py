"""A study of several kinds of request is several studies: here, and nowhere else, it is taken apart. Pure.

Whoever leads, scores or compares does so in each on its own, so figures of two shapes never meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kit.documents import Shape
from kit.documents.study import Study, Subject
from kit.plan.workloads.shapes import shape_text


def shapes_of(study: Study) -> tuple[Study, ...]:
    """One study for each shape, called NAME-SHAPE, with its conditions; the study itself where it has one only."""
    if len(study.shapes) < 2:
        return (study,)
    found = (_part(study, shape) for shape in study.shapes)
    return tuple(part for part in found if part.subjects)


def all_shapes_of(studies: Sequence[Study]) -> tuple[Study, ...]:
    """The same of several studies, in order."""
    return tuple(part for study in studies for part in shapes_of(study))


def _part(study: Study, shape: Shape) -> Study:
    words = shape_text(shape)
    return replace(
        study,
        name=f"{study.name}-{shape.name}"[:64],
        title=f"{study.title}: {words}"[:200],
        published=None,  # nobody has published figures by shape
        conditions=replace(
            study.conditions,
            output_tokens=shape.output_tokens,
            input_tokens=shape.input_tokens,
            rate_milli_per_s=shape.rate_milli_per_s,
        ),
        subjects=tuple(subject for subject in study.subjects if subject.shape == shape.name),
        shapes=(shape,),
    )


def label_of(study: Study) -> str:
    """`512 in, 64 out, 2.5 requests/s`: what the shape of a part is; empty for a study that has none."""
    return shape_text(study.shapes[0]) if len(study.shapes) == 1 else ""


def place_of(subject: Subject) -> tuple[str, str, int]:
    """What a subject is known by in its study: entry, shape, users."""
    return subject.entry, subject.shape, subject.concurrency
