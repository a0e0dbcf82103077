"""How a task is put to a server: kit-chat-1, our own words, one answer at temperature 0."""

from __future__ import annotations

from kit.documents.quality.evaluation import Task
from kit.documents.shape import Api

SEED = 1  # temperature 0 needs none, but some servers draw one from the clock
WORDS = (
    "Write the Python function that is begun below. Give all of it, its imports and its first line included, as "
    "one Markdown code block, and nothing else."
)


def question_of(task: Task) -> str:
    """The words of the one message of the chat."""
    return f"{WORDS}\n\n```python\n{task.prompt.rstrip()}\n```\n"


def task_body(task: Task, model: str, max_tokens: int, api: Api) -> dict[str, object]:
    """The completion request of one task, not streamed; where there is no chat, the begun function itself."""
    asked = {"messages": [{"role": "user", "content": question_of(task)}]}
    return {
        "model": model,
        **(asked if api == "chat" else {"prompt": task.prompt}),
        "max_tokens": max_tokens,
        "temperature": 0,
        "top_p": 1,
        "seed": SEED,
        "stream": False,
    }
