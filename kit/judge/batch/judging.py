"""Many verdicts on all cores: one process of the limited judge for each, one bundle after the other in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Event
from typing import Protocol

from kit.documents import Verdict
from kit.errors import InputError, InternalError
from kit.judge.batch.gathering import Item
from kit.judge.limited import LimitedJudge
from kit.verify.evidence import ARCHIVE
from kit.verify.registry import CRASHED
from kit.verify.verdict import refusal


class Judge(Protocol):
    """What gives verdicts, one at a time: `LimitedJudge`, and no other but in tests."""

    def verdict(self, path: Path) -> Verdict: ...

    def close(self) -> None: ...


Completed = Callable[[Path, Verdict], Verdict]
Done = Callable[[Item, Verdict], None]


def judged(
    items: Sequence[Item],
    jobs: int,
    done: Done = lambda *_: None,
    make: Callable[[], Judge] = LimitedJudge,
    completed: Completed = lambda _, verdict: verdict,
) -> tuple[Verdict, ...]:
    """The verdict on each item, in order, by so many judges at once; `done` is told of each as it ends.

    What a bundle does to its judge is that bundle's verdict, and stops no other. `completed` adds to each verdict;
    what it raises ends all. If we are interrupted, the judges are ended, and with them whatever they do.
    """
    with _judges(max(1, min(jobs, len(items))), make) as judges, ThreadPoolExecutor(len(judges)) as pool:
        free: SimpleQueue[Judge] = SimpleQueue()
        for judge in judges:
            free.put(judge)
        stopped = Event()
        futures = {pool.submit(_completed, item, free, stopped, completed): item for item in items}
        try:
            for future in as_completed(futures):
                done(futures[future], future.result())
        except BaseException:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            for judge in judges:
                judge.close()
            raise
        return tuple(future.result() for future in futures)


@contextmanager
def _judges(count: int, make: Callable[[], Judge]) -> Iterator[list[Judge]]:
    with ExitStack() as stack:
        judges = [make() for _ in range(count)]
        for judge in judges:
            stack.callback(judge.close)
        yield judges


def _completed(item: Item, free: SimpleQueue[Judge], stopped: Event, completed: Completed) -> Verdict:
    return completed(item.path, _one(item, free, stopped))


def _one(item: Item, free: SimpleQueue[Judge], stopped: Event) -> Verdict:
    judge = free.get()
    try:
        return refusal(CRASHED, "Interrupted.") if stopped.is_set() else judge.verdict(item.path)
    except InputError as error:
        return refusal(ARCHIVE, error.what.replace(str(item.path), item.name))
    except InternalError as error:
        return refusal(CRASHED, error.what)  # the next question starts another process
    finally:
        free.put(judge)
