"""Which plots a report has: for each run its own, with imported results beside it where they belong. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kit.documents.study import Study
from kit.judge.machines import by_machine, named_machines
from kit.judge.study import entries_of
from kit.report.page.inputs import WHICH, PageInput
from kit.report.plots.distributions import distribution_plot
from kit.report.plots.specs import overview, pareto, throughput
from kit.report.plots.style import Plot, colours_of
from kit.report.plots.timeline import timeline_plot
from kit.text import plain_text


@dataclass(frozen=True, slots=True)
class Section:
    """One run or imported study: `key` begins every id in it; `throughput` and `plots` are None and empty without
    figures.
    """

    key: str
    given: PageInput
    throughput: Plot | None
    plots: tuple[Plot, ...]
    timelines: tuple[Plot, ...]

    @property
    def study(self) -> Study:
        return self.given.study

    def all_plots(self) -> tuple[Plot, ...]:
        """In the order of the page."""
        return (*([self.throughput] if self.throughput else ()), *self.plots, *self.timelines)


def beside(given: PageInput, inputs: Sequence[PageInput]) -> list[Study]:
    """Imported studies that are drawn in the plots of a run: those of its name, or all if it is the only run."""
    if given.kind == "imported":
        return []
    runs = [each for each in inputs if each.kind != "imported"]
    names = {each.study.name for each in runs}
    return [
        each.study
        for each in inputs
        if each.kind == "imported"
        and (each.study.name == given.study.name or (len(runs) == 1 and each.study.name not in names))
    ]


def sections_of(given: Sequence[PageInput]) -> tuple[Section, ...]:
    """One section for each input, those of one machine together; one colour for each entry on all of the page."""
    inputs = _by_machine(given)
    numbers = colours_of(entries_of(*(given.study for given in inputs)))
    keys = _keys([given.study.name for given in inputs])
    return tuple(
        _section(key, given, [given.study, *beside(given, inputs)], numbers)
        for key, given in zip(keys, inputs, strict=True)
    )


def _by_machine(given: Sequence[PageInput]) -> list[PageInput]:
    """The inputs in the order in which their machines come first."""
    order = {
        id(study): at for at, group in enumerate(by_machine([each.study for each in given])) for study in group
    }
    return sorted(given, key=lambda each: order[id(each.study)])


def names_with_machines(sections: Sequence[Section]) -> list[str]:
    """`demo (a)`: the name of each with the letter of its machine, where there are several."""
    machines = named_machines([section.study for section in sections])
    letters = [name.partition(":")[0] for name in machines]
    return [section.key + f" ({letter})" * bool(letter) for section, letter in zip(sections, letters, strict=True)]


def overview_of(sections: Sequence[Section]) -> Plot | None:
    """All of them at a glance; None for a single one."""
    if len(sections) < 2:
        return None
    numbers = colours_of(entries_of(*(section.study for section in sections)))
    named = names_with_machines(sections)
    return overview([(name, each.study) for name, each in zip(named, sections, strict=True)], numbers)


def _keys(names: Sequence[str]) -> list[str]:
    """A name for each study that no other has: yoga, yoga-2."""
    keys: list[str] = []
    for name in names:
        key, count = name, 1
        while key in keys:
            count += 1
            key = f"{name}-{count}"
        keys.append(key)
    return keys


def _section(key: str, given: PageInput, studies: Sequence[Study], numbers: dict[str, int]) -> Section:
    found = [pareto(studies, f"{key}-pareto", numbers)]
    for which in WHICH:
        known = given.quantiles.get(which, {})
        name = which.removesuffix("_ms")
        found.append(distribution_plot(studies, known, which, f"{key}-{name}", numbers))
    rows = max((len(each.streams) for each in given.timelines), default=0)
    return Section(
        key=key,
        given=given,
        throughput=throughput(studies, f"{key}-throughput", numbers),
        plots=tuple(plot for plot in found if plot is not None),
        timelines=tuple(
            timeline_plot(each, f"{key}-timeline-{number}", numbers.get(each.entry, 0), rows)
            for number, each in enumerate(given.timelines, 1)
        ),
    )


def heading(section: Section, several: bool) -> str:
    """The name and title of a study, as plain text."""
    title = plain_text(section.study.title, 200)
    return f"{section.key}: {title}" if several else title
