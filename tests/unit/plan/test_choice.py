"""What is measured where nobody wrote a platform: one row for each choice and each refusal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kit.documents import Gpu, ModelSource, SearchWish
from kit.errors import InputError
from kit.plan.choosing.choice import Chosen, chosen
from kit.plan.choosing.platform_file import platform_text
from kit.plan.choosing.wishes import KnownModel, Machine, Wishes
from kit.plan.platforms import load_platform
from kit.runtimes import RUNTIMES

GB = 10**9
NVIDIA = Gpu("NVIDIA GeForce RTX 4090", memory_bytes=24 * GB, cuda="12.8")
AMD = Gpu("AMD Radeon RX 7900", memory_bytes=20 * GB)
ALONE = Machine(cpus=4, memory_bytes=16 * GB, embedded=True, no_engine="No container engine answers.")
ENGINE = replace(ALONE, engine=True, no_engine="")
SOURCE = ModelSource(file="/models/My Model.gguf")
SMALL = KnownModel("my-model", bytes=GB // 10, context_tokens=8192, kv_bytes_per_token=23_040, source=SOURCE)
FOLDER = KnownModel("smollm2-135m-instruct-bf16", folder=True, bytes=GB // 4)
NOTHING = Wishes()


def entries(found: Chosen) -> list[tuple[str, str, str]]:
    return [(entry.name, entry.runtime, entry.variant) for entry in found.platform.entries]


def text(found: Chosen) -> str:
    return "\n".join(found.reasons)


def test_with_python_alone_the_embedded_server_is_measured_with_one_slot_and_with_many() -> None:
    """So there is something to choose; and the reasons say why nothing else was measured."""
    found = chosen(ALONE, SMALL, NOTHING)
    assert entries(found) == [
        ("llamacpp", "llamacpp", "embedded"),
        ("llamacpp-serial", "llamacpp", "embedded"),
    ]
    assert [entry.settings["slots"] for entry in found.platform.entries] == [8, 1]
    assert found.platform.engine == "process"
    assert "Engine: processes of this machine: No container engine answers." in text(found)
    assert "vllm: it loads a folder of safetensors" in text(found)
    assert "ollama: no ollama on the PATH" in text(found)


def test_programs_of_the_path_are_measured_beside_it() -> None:
    """llama.cpp twice, under two names; each with the version that it told."""
    here = replace(
        ALONE, programs={"llama-server": "11549 (abc1234)", "ollama": "0.18.3", "apr": None, "vllm": "1"}
    )
    found = chosen(here, SMALL, NOTHING)
    assert entries(found) == [
        ("llamacpp", "llamacpp", "embedded"),
        ("llama-server", "llamacpp", "program"),
        ("ollama", "ollama", "program"),
        ("realizar", "realizar", "program"),
    ]
    assert "llama-server 11549 (abc1234) (on the PATH, CPU)" in text(found)


def test_a_program_that_does_not_run_is_left_out_with_its_reason() -> None:
    """As `--version` ended."""
    here = replace(ALONE, broken={"ollama": "The program ollama on the PATH does not run: exit code 127."})
    assert "ollama: The program ollama on the PATH does not run: exit code 127;" in text(
        chosen(here, SMALL, NOTHING)
    )


def test_a_broken_program_of_a_runtime_that_is_here_otherwise_is_told_too() -> None:
    """The embedded server is measured; why `llama-server` is not is said, also if llama.cpp was asked for."""
    words = "The program llama-server on the PATH does not run: exit 127."
    here = replace(ALONE, broken={"llama-server": words})
    for wishes in (NOTHING, Wishes(runtimes=("llamacpp",))):
        found = chosen(here, SMALL, wishes)
        assert [name for name, _, _ in entries(found)] == ["llamacpp", "llamacpp-serial"]
        assert words in text(found)


def test_programs_use_the_gpu_that_is_here() -> None:
    """The embedded server and realizar have no way to."""
    here = replace(ALONE, gpus=(NVIDIA,), programs={"llama-server": "1", "ollama": "1", "apr": "1"})
    found = chosen(here, SMALL, NOTHING)
    assert [variant for _, _, variant in entries(found)] == ["embedded", "program-gpu", "program-gpu", "program"]
    assert "Device: NVIDIA GeForce RTX 4090; llamacpp and realizar on the CPU." in text(found)


@pytest.mark.parametrize(
    ("machine", "variants", "device"),
    [
        (ENGINE, ["cpu", "cpu"], "CPU, 4 of them; no GPU seen"),
        (replace(ENGINE, gpus=(NVIDIA,)), ["cuda", "cuda"], "NVIDIA GeForce RTX 4090"),
        (replace(ENGINE, gpus=(AMD,)), ["vulkan", "vulkan"], "AMD Radeon RX 7900"),
        (
            replace(ENGINE, gpus=(NVIDIA,), no_gpu_in_containers="The engine has no way for NVIDIA GPUs."),
            ["cpu", "cpu"],
            "NVIDIA GeForce RTX 4090 is left out: The engine has no way for NVIDIA GPUs",
        ),
    ],
)
def test_with_an_engine_two_runtimes_run_in_containers_on_what_they_see(
    machine: Machine, variants: list[str], device: str
) -> None:
    """llama.cpp and Ollama; vLLM cannot load a GGUF file, and realizar is for those who ask for it."""
    found = chosen(machine, SMALL, NOTHING)
    assert [name for name, _, _ in entries(found)] == ["llamacpp", "ollama"]
    assert [variant for _, _, variant in entries(found)] == variants
    assert found.platform.engine == "docker"
    assert "realizar: it reads few GGUF files" in text(found)
    assert f"{device}." in text(found)


def test_a_folder_of_weights_is_for_vllm() -> None:
    """In a container, or by a program."""
    assert entries(chosen(ENGINE, FOLDER, NOTHING)) == [("vllm", "vllm", "cpu")]
    here = replace(ALONE, programs={"vllm": "0.32.0+cpu"})
    assert entries(chosen(here, FOLDER, NOTHING)) == [("vllm", "vllm", "program")]


def test_what_is_asked_for_is_measured_and_nothing_else() -> None:
    """Runtimes, users and engine."""
    wishes = Wishes(users=(16, 1), runtimes=("realizar", "llamacpp"), engine="docker")
    found = chosen(ENGINE, SMALL, wishes)
    assert [name for name, _, _ in entries(found)] == ["llamacpp", "realizar"]
    assert found.platform.workload.concurrencies == (1, 16)
    assert found.platform.entries[0].settings["slots"] == 16
    assert "Left out" not in text(found)
    assert "Users: 1, 16, as asked." in text(found)


@pytest.mark.parametrize(
    ("machine", "model", "wishes", "words"),
    [
        (ALONE, SMALL, Wishes(runtimes=("ollama",)), "ollama cannot be measured: no ollama on the PATH"),
        (ENGINE, SMALL, Wishes(runtimes=("vllm",)), "it loads a folder of safetensors"),
        (ENGINE, FOLDER, Wishes(runtimes=("llamacpp",)), "it loads one GGUF file"),
        (ALONE, SMALL, Wishes(runtimes=("lamacpp",)), "Did you mean 'llamacpp'"),
        (ALONE, SMALL, Wishes(engine="docker"), "No container engine answers"),
        (replace(ALONE, embedded=False), SMALL, NOTHING, "Nothing here can run my-model: llamacpp: neither"),
        (ALONE, replace(SMALL, bytes=15 * GB), NOTHING, "The model does not fit: 15.0 GB of weights"),
        (replace(ALONE, gpus=(NVIDIA,), programs={"ollama": "1"}), replace(SMALL, bytes=23 * GB),
         Wishes(runtimes=("ollama",)), "the memory of the GPU is 24.0 GB"),
        (ALONE, replace(SMALL, context_tokens=128), NOTHING, "was trained for 128 tokens"),
        (ALONE, SMALL, Wishes(users=(1, 2), budget_s=60), "too short: 4 cells take 81 s at the least"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_reason(
    machine: Machine, model: KnownModel, wishes: Wishes, words: str
) -> None:
    """And with something to do about it."""
    with pytest.raises(InputError) as caught:
        chosen(machine, model, wishes)
    assert words in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("machine", "model", "users", "words"),
    [
        (ALONE, SMALL, (1, 2, 4, 8), "Users: 1, 2, 4, 8 (--users for others)."),
        (replace(ALONE, cpus=2), SMALL, (1, 2, 4), "(up to 2 for each of 2 CPUs; --users for others)"),
        (replace(ALONE, cpus=1), SMALL, (1, 2), "up to 2 for each of 1 CPUs"),
        # 12.8 GB for weights and caches, 12 of them weights: 0.8 GB for caches of 640 tokens of 400 kB
        (ALONE, replace(SMALL, bytes=12 * GB, kv_bytes_per_token=400_000), (1, 2), "memory is enough for 3"),
        (ALONE, replace(SMALL, bytes=None), (1, 2, 4, 8), "the size of the weights is not known"),
        (replace(ALONE, memory_bytes=None), SMALL, (1, 2, 4, 8), "of weights and 118.0 MB of cache."),
    ],
)
def test_users_are_as_many_as_cpus_and_memory_are_for(
    machine: Machine, model: KnownModel, users: tuple[int, ...], words: str
) -> None:
    """And what limited them is said."""
    found = chosen(machine, model, NOTHING)
    assert found.platform.workload.concurrencies == users
    assert words in text(found)


def test_more_users_than_fit_are_measured_if_asked_for_and_queue() -> None:
    """With as many slots as memory is for."""
    large = replace(SMALL, bytes=12 * GB, kv_bytes_per_token=400_000)
    found = chosen(ALONE, large, Wishes(users=(1, 8)))
    assert found.platform.workload.concurrencies == (1, 8)
    assert found.platform.entries[0].settings["slots"] == 3
    assert "memory is enough for 3 at once, more are queued" in text(found)


def test_the_context_is_at_most_what_the_model_was_trained_for() -> None:
    """Of each slot; the usual one is what prompts and answers of the workload need."""
    found = chosen(ALONE, replace(SMALL, context_tokens=512), NOTHING)
    assert found.platform.entries[0].settings["context_tokens_per_slot"] == 512
    assert "the model was trained for 512" in text(found)


def test_a_budget_without_time_for_all_users_leaves_out_the_most() -> None:
    """Unless they were asked for by number."""
    found = chosen(ALONE, SMALL, Wishes(budget_s=90))
    assert found.platform.workload.concurrencies == (1, 2)
    assert "no time for 4 and 8 users" in text(found)


LIMITS = SearchWish("ttft=500ms,tpot=50ms", 64)


def test_limits_alone_are_searched_for_the_most_users() -> None:
    """Slots for all that may be measured, one replicate, and concurrencies that count without the search."""
    found = chosen(ALONE, SMALL, Wishes(search=LIMITS))
    work = found.platform.workload
    assert (work.search, work.concurrencies, work.replicates, work.window_s) == (LIMITS, (1, 4, 16, 64), 1, 10.0)
    assert [entry.settings["slots"] for entry in found.platform.entries] == [64, 1]
    assert (
        "Users: the most from 1 to 64 within ttft 500 ms, tpot 50 ms for 95 % of requests (--users for fixed "
        "numbers)."
    ) in text(found)
    assert "Time: 1 replicate of 10 s windows, at most 16 cells and 6 min (a first look;" in text(found)


def test_a_search_has_no_more_slots_than_memory_is_for() -> None:
    """The rest of its users wait, and that is said."""
    found = chosen(ALONE, replace(SMALL, bytes=12 * GB, kv_bytes_per_token=400_000), Wishes(search=LIMITS))
    assert found.platform.entries[0].settings["slots"] == 3
    assert "memory is enough for 3 at once, more are queued" in text(found)


@pytest.mark.parametrize(
    ("budget_s", "replicates", "window_s", "words"),
    [
        (3600, 3, 60.0, "(budget 60 min)"),
        (1200, 3, 14.0, "(budget 20 min)"),
        (480, 1, 18.0, "(budget 8 min)"),
        (300, 1, 8.0, "(budget 5 min)"),
        (90, 1, 5.0, "(the budget of 90 s may end the search before it is sure)"),
    ],
)
def test_a_budget_gives_a_search_longer_windows_or_ends_it(
    budget_s: float, replicates: int, window_s: float, words: str
) -> None:
    """Only the first level of each entry must fit."""
    found = chosen(ALONE, SMALL, Wishes(search=LIMITS, budget_s=budget_s))
    work = found.platform.workload
    assert (work.replicates, work.window_s) == (replicates, window_s)
    assert words in text(found)


def test_a_budget_without_time_for_the_first_level_is_refused() -> None:
    """As without a search."""
    with pytest.raises(InputError, match="too short: 2 cells take"):
        chosen(ALONE, SMALL, Wishes(search=LIMITS, budget_s=30))


def test_there_are_never_more_than_eight_lines_of_reasons() -> None:
    """They are to be read."""
    here = replace(ENGINE, gpus=(NVIDIA,))
    for machine, model in ((ALONE, SMALL), (here, SMALL), (here, FOLDER)):
        assert len(chosen(machine, model, Wishes(budget_s=1200)).reasons) <= 8


@pytest.mark.parametrize("machine", [ALONE, ENGINE, replace(ALONE, gpus=(AMD,), programs={"ollama": "1"})])
@pytest.mark.parametrize(
    "model", [SMALL, replace(SMALL, name="demo", source=replace(SOURCE, file="/m/demo.gguf"))]
)
@pytest.mark.parametrize("search", [None, LIMITS, replace(LIMITS, share=0.9)])
def test_what_is_written_is_read_back_as_the_same_platform(
    machine: Machine, model: KnownModel, search: SearchWish | None, tmp_path: Path
) -> None:
    """With its reasons as comments; and none bears the name of a platform of the kit."""
    found = chosen(machine, model, Wishes(budget_s=1200, known_platforms=("demo",), search=search))
    found = replace(
        found,
        platform=replace(
            found.platform,
            model=model.name if model.name == "demo" else "my-model",
            sources={("demo" if model.name == "demo" else "my-model"): model.source or SOURCE},
        ),
    )
    path = tmp_path / "own.yaml"
    path.write_text(platform_text(found.platform, found.reasons), encoding="utf-8")
    assert load_platform(str(path)) == found.platform
    assert found.platform.name in ("my-model", "my-demo")
    assert path.read_text(encoding="utf-8").startswith("# Engine: ")


def test_every_setting_that_is_chosen_is_one_of_its_variant() -> None:
    """And within its range."""
    here = replace(ALONE, programs=dict.fromkeys(("llama-server", "ollama", "apr", "vllm"), "1"))
    for machine, model in ((here, SMALL), (here, FOLDER), (ENGINE, SMALL), (ENGINE, FOLDER)):
        for entry in chosen(machine, model, Wishes(users=(1, 64))).platform.entries:
            rules = RUNTIMES[entry.runtime].settings(entry.variant)
            assert all(rules[name].low <= int(value) <= rules[name].high for name, value in entry.settings.items())
