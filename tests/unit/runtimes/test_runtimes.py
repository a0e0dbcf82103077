"""Runtime modules: settings, variables and preparation of servers in containers; what a server says is checked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.catalogue import ModelEntry, find_chat, models
from kit.documents import Setting
from kit.documents.container import ContainerSpec
from kit.runtimes import RUNTIMES, llamacpp, ollama, realizar, vllm
from kit.runtimes.chat_templates import go_template
from kit.runtimes.prometheus import totals
from kit.runtimes.protocol import Json, Post, Runtime, ServedModel, Upload, container_server
from tests.support.runtimes import ALL

MODEL = ServedModel("qwen", "qwen.gguf", "ab" * 32, "kit-model-abab")
CHATML = replace(MODEL, chat_template="chatml", default_system="You help.")
PAIRS = [(runtime, variant) for runtime in ALL.values() for variant in runtime.VARIANTS]
IN_CONTAINERS = [(runtime, variant) for runtime, variant in PAIRS if variant not in runtime.PROCESS_VARIANTS]


def ids(pair: object) -> str | None:
    return getattr(pair, "NAME", None)


@pytest.mark.parametrize(("runtime", "variant"), PAIRS, ids=ids)
def test_every_setting_has_a_default_in_its_range_and_a_meaning(runtime: Runtime, variant: str) -> None:
    """What is not said in a platform file is a value that could have been."""
    for name, rule in runtime.settings(variant).items():
        assert rule.low <= rule.default <= rule.high, name
        assert rule.meaning, name


@pytest.mark.parametrize(("runtime", "variant"), PAIRS, ids=ids)
def test_explicit_settings_are_all_of_them_and_threads_become_a_number(runtime: Runtime, variant: str) -> None:
    """0 threads is as many as there are CPUs; nothing else changes, and nothing is left out."""
    values = runtime.explicit(variant, {}, 6)
    assert values.keys() == runtime.settings(variant).keys()
    assert values.get("threads", 6) == 6
    assert runtime.SETTINGS.keys() <= values.keys()


@pytest.mark.parametrize("runtime", ALL.values(), ids=ids)
def test_an_unknown_variant_has_only_what_all_have(runtime: Runtime) -> None:
    """A stranger's plan may name any variant: the question has an answer."""
    assert runtime.settings("no such") == runtime.SETTINGS


def test_the_embedded_server_has_the_settings_it_always_had() -> None:
    """Plans of before there were containers stay as they are."""
    assert set(llamacpp.settings("embedded")) == {
        "slots", "context_tokens_per_slot", "threads", "batch_tokens", "ubatch_tokens"
    }  # fmt: skip


@pytest.mark.parametrize(("runtime", "variant"), IN_CONTAINERS, ids=ids)
def test_a_container_is_told_its_model_and_every_setting(runtime: Runtime, variant: str) -> None:
    """Variables are KIT_ variables; changing a setting changes one of them, or what is asked later."""
    settings = runtime.explicit(variant, {}, 6)
    values = runtime.variables(variant, settings, MODEL)
    assert all(name.startswith("KIT_") for name in values)
    assert values["KIT_MODEL_VOLUME"] == "kit-model-abab"
    assert values["KIT_MODEL_FILE"] == "qwen.gguf"
    assert values["KIT_MODEL_NAME"] == "qwen"
    told = (values, runtime.preparation(settings, MODEL), runtime.additions(variant, settings, ()))
    for name, rule in runtime.settings(variant).items():
        other = rule.low if settings[name] != rule.low else rule.high
        changed: dict[str, Setting] = {**settings, name: other}
        after = runtime.variables(variant, changed, MODEL), runtime.preparation(changed, MODEL)
        assert (*after, runtime.additions(variant, changed, ())) != told, name


@pytest.mark.parametrize(("runtime", "variant"), IN_CONTAINERS, ids=ids)
def test_a_container_variant_is_no_process(runtime: Runtime, variant: str) -> None:
    """It is an error of the kit to try, not of the user."""
    with pytest.raises(ValueError, match="no process variant"):
        runtime.server("x", variant, {}, "m", 1)


@pytest.mark.parametrize(("runtime", "variant"), IN_CONTAINERS, ids=ids)
def test_a_server_in_a_container_is_known_by_its_runtime(runtime: Runtime, variant: str) -> None:
    """Port, readiness and patience come from the module, all else from the compose file."""
    spec = ContainerSpec(variant, "image", (), runtime.CONTAINER_PORT)
    server = container_server("r1-c1-x", runtime, variant, spec)
    assert (server.command, server.container) == ((), spec)
    assert (server.port, server.ready_path) == (runtime.CONTAINER_PORT, runtime.READY_PATH)
    assert server.start_budget_s >= 60


@pytest.mark.parametrize("runtime", ALL.values(), ids=ids)
def test_facts_of_any_shape_are_read(runtime: Runtime) -> None:
    """A server may answer anything: no version, no settings, but no exception."""
    shapes: tuple[Json, ...] = (
        None,
        [],
        "x",
        3,
        {},
        {"version": 3},
        {"data": [1]},
        {"data": {}},
        {"models": [None, {}]},
    )
    for facts in shapes:
        assert runtime.version(facts) is None
        assert runtime.reported(facts) == {}
    assert runtime.counters("nonsense\n\x00{} x\n") == {}


# --- llama.cpp ------------------------------------------------------------------------------------------


def test_the_context_of_llamacpp_is_that_of_all_slots() -> None:
    """The server divides what it is told."""
    settings = llamacpp.explicit("cuda", {"slots": 32}, 8)
    values = llamacpp.variables("cuda", settings, MODEL)
    assert values["KIT_SLOTS"] == "32"
    assert values["KIT_CONTEXT"] == "20480"
    assert (values["KIT_GPU_LAYERS"], values["KIT_FLASH_ATTENTION"]) == ("99", "on")


def test_llamacpp_on_the_cpu_has_no_layers_elsewhere() -> None:
    """Neither a setting nor a variable."""
    settings = llamacpp.explicit("cpu", {"flash_attention": 0}, 8)
    assert "gpu_layers" not in settings
    values = llamacpp.variables("cpu", settings, MODEL)
    assert "KIT_GPU_LAYERS" not in values
    assert values["KIT_FLASH_ATTENTION"] == "off"


@pytest.mark.parametrize(
    ("reported", "words"),
    [
        ({"slots": 4, "context_tokens_per_slot": 640}, ()),
        ({"slots": 4, "context_tokens_per_slot": 768}, ()),
        ({"slots": 2, "context_tokens_per_slot": 640}, ("the server has 2 slots, the plan says 4",)),
        (
            {"slots": 4, "context_tokens_per_slot": 256},
            ("the server has 256 tokens of context per slot, the plan says 640",),
        ),
        ({"slots": 4}, ("the server has None tokens of context per slot, the plan says 640",)),
    ],
)
def test_llamacpp_must_have_taken_slots_and_context(reported: dict[str, Setting], words: tuple[str, ...]) -> None:
    """More context is none the worse; less, or silence, is another experiment."""
    settings = llamacpp.explicit("cpu", {"slots": 4}, 2)
    assert llamacpp.disagreements(settings, reported) == words


@pytest.mark.parametrize(
    ("value", "number"),
    [("20", 20), ("1.23457e+06", 1_234_570), ("1e+06", 1_000_000), ("0", 0), ("3.0", 3), ("12 1700000000000", 12)],
)
def test_counters_are_read_in_every_form(value: str, number: int) -> None:
    """From a million on llama.cpp prints six digits and an exponent; a time stamp may follow."""
    text = f"# TYPE llamacpp:tokens_predicted_total counter\nllamacpp:tokens_predicted_total {value}\n"
    assert llamacpp.counters(text) == {"completion_tokens": number}


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "1e400", "1e16", "", "x", "1" * 40, "1.2.3", "1e"])
def test_what_is_no_count_is_left_out(value: str) -> None:
    """Neither a number that no counter reaches, nor one that is none."""
    assert llamacpp.counters(f"llamacpp:prompt_tokens_total {value}\n") == {}


# --- vLLM -----------------------------------------------------------------------------------------------


def test_counters_of_vllm_are_summed_over_labels() -> None:
    """One line for each engine; cached tokens are kept beside."""
    text = (
        'vllm:prompt_tokens_total{engine="0",model_name="a b} c"} 100.0\n'
        'vllm:prompt_tokens_total{engine="1",model_name="m"} 11.0\n'
        'vllm:generation_tokens_total{engine="0",model_name="m"} 7.0\n'
        'vllm:prefix_cache_hits_total{engine="0"} 0.0\n'
        'vllm:prompt_tokens_created{engine="0"} 1.7e+09\n'
    )
    assert vllm.counters(text) == {"prompt_tokens": 111, "completion_tokens": 7, "prefix_cache_hits": 0}


@pytest.mark.parametrize(("percent", "fraction"), [(90, "0.90"), (5, "0.05"), (100, "1.00")])
def test_vllm_is_told_a_fraction_of_the_memory(percent: int, fraction: str) -> None:
    """A percentage as people write it, the fraction that the flag wants."""
    settings = vllm.explicit("cuda", {"gpu_memory_percent": percent}, 8)
    assert vllm.variables("cuda", settings, MODEL)["KIT_GPU_MEMORY_PERCENT"] == fraction


def test_vllm_must_have_taken_the_length() -> None:
    """/v1/models says max_model_len."""
    settings = vllm.explicit("cpu", {"max_model_len": 640}, 2)
    assert vllm.reported({"data": [{"id": "m", "max_model_len": 640}]}) == {"max_model_len": 640}
    assert vllm.disagreements(settings, {"max_model_len": 640}) == ()
    assert vllm.disagreements(settings, {}) == ("the server takes None tokens for a request, the plan says 640",)
    assert vllm.version({"version": "0.17.1"}) == "0.17.1"


# --- Ollama ---------------------------------------------------------------------------------------------


def test_ollama_gets_the_very_file_and_keeps_it_loaded() -> None:
    """Upload by hash, a model with its own chat template and our context, then loaded until the end."""
    settings = ollama.explicit("cuda", {"context_tokens": 1024}, 8)
    upload, create, load = ollama.preparation(settings, CHATML)
    assert isinstance(upload, Upload)
    assert (upload.path, upload.file) == (f"/api/blobs/sha256:{MODEL.sha256}", "qwen.gguf")
    assert isinstance(create, Post)
    assert create.document["files"] == {"qwen.gguf": f"sha256:{MODEL.sha256}"}
    assert create.document["parameters"] == {
        "num_ctx": 1024,
        "stop": ["<|im_start|>", "<|im_end|>"],
        "repeat_penalty": 1.0,
    }
    assert create.document["template"] == (
        "{{- if not .System }}<|im_start|>system\nYou help.<|im_end|>\n{{ end }}"
        "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"
    )
    assert isinstance(load, Post)
    assert load.document == {"model": "qwen", "keep_alive": -1, "stream": False}


def test_ollama_looks_for_a_template_itself_where_the_catalogue_knows_none() -> None:
    """Another one than the model was trained with would change its answers, its lengths and its end."""
    _, create, _ = ollama.preparation(ollama.explicit("cuda", {}, 8), MODEL)
    assert isinstance(create, Post)
    assert "template" not in create.document
    assert create.document["parameters"] == {"num_ctx": 4096, "repeat_penalty": 1.0}


@pytest.mark.parametrize("entry", models(), ids=lambda entry: entry.name)
def test_every_model_that_ollama_may_get_has_a_template_that_the_kit_knows(entry: ModelEntry) -> None:
    """Also those that are made of others; a default system message only where the family takes one."""
    name, default_system = find_chat(entry)
    if entry.is_folder:
        return
    assert name is not None
    assert default_system
    assert default_system in go_template(name, default_system).text


def test_a_family_without_a_default_system_message_takes_none() -> None:
    """A mistake in the catalogue."""
    assert "system" not in go_template("llama3", None).text
    with pytest.raises(ValueError, match="takes no default"):
        go_template("llama3", "You help.")


def test_ollama_on_the_cpu_is_told_its_threads() -> None:
    """There is no variable of the server for it: it is a parameter of the model."""
    settings = ollama.explicit("cpu", {"threads": 16}, 8)
    _, create, _ = ollama.preparation(settings, CHATML)
    assert isinstance(create, Post)
    assert create.document["parameters"] == {
        "num_ctx": 4096,
        "stop": ["<|im_start|>", "<|im_end|>"],
        "repeat_penalty": 1.0,
        "num_thread": 16,
    }


def test_ollama_must_not_have_less_context() -> None:
    """Newer versions say it in /api/ps; from older ones there is nothing to hold against them."""
    settings = ollama.explicit("cuda", {"context_tokens": 1024}, 8)
    said = ollama.reported({"models": [{"context_length": 512}]})
    assert said == {"context_tokens": 512}
    assert ollama.disagreements(settings, said) == (
        "the server has 512 tokens of context for a request, the plan says 1024",
    )
    assert ollama.disagreements(settings, {}) == ()


# --- realizar -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("skip", "text"), [(0, ""), (1, "1")])
def test_the_parity_gate_is_left_alone_or_switched_off(skip: int, text: str) -> None:
    """Its variable counts as set as soon as it holds anything, "0" too."""
    settings = realizar.explicit("cuda", {"skip_parity_gate": skip}, 8)
    values = realizar.variables("cuda", settings, MODEL)
    assert values["KIT_SKIP_PARITY_GATE"] == text
    assert (values["KIT_MAX_BATCH"], values["KIT_ITERATION_SCHEDULER"]) == ("32", "1")


def test_what_no_runtime_can_is_not_claimed() -> None:
    """The adapter table: ignore_eos and system messages as the runtimes' sources say."""
    table = {
        (name, each): runtime.capabilities(each) for name, runtime in RUNTIMES.items() for each in runtime.VARIANTS
    }
    wgpu = {("realizar", "vulkan"), ("realizar", "lavapipe")}
    assert {key for key, can in table.items() if not can.system_message} == wgpu
    assert {key for key, can in table.items() if not can.ignore_eos} == {
        key for key in table if key[0] == "ollama"
    } | wgpu


# What /v1/effective-config of apr 0.72.3 said, 29 November 2026, cut to what is read.
EFFECTIVE = {
    "schema_version": 1,
    "parity": {"status": "not-run", "cosine": None, "threshold": 0.98},
    "compute_class": "cpu",
    "model": {"quantization": "Q8_0", "context_length": 1024, "model_max_context_length": 8192},
}


@pytest.mark.parametrize(
    ("planned", "facts", "wrong"),
    [
        (1024, EFFECTIVE, ""),
        (1025, EFFECTIVE, "1024 tokens of context"),
        (1024, {}, ""),
        (1024, {"model": 1, "parity": []}, ""),
        (1024, {**EFFECTIVE, "parity": {"status": "skipped"}}, "skipped its GPU/CPU parity check"),
        (1024, {**EFFECTIVE, "parity": {"status": "PASS"}}, ""),
    ],
)
def test_realizar_reports_its_context_and_its_parity_gate(planned: int, facts: object, wrong: str) -> None:
    """On CUDA a check that was skipped without being planned is a disagreement."""
    found = realizar.disagreements({"context_tokens": planned, "skip_parity_gate": 0}, realizar.reported(facts))
    assert len(found) == bool(wrong)
    assert wrong in "".join(found)
    on_purpose = {"context_tokens": 1, "skip_parity_gate": 1}
    assert realizar.disagreements(on_purpose, realizar.reported(facts)) == ()


def test_totals_take_only_whole_names() -> None:
    """A name that begins like another is another."""
    assert totals("a_total 1\na_total_more 2\nxa_total 3\n", {"a_total": "a"}) == {"a": 1}
