"""A program: `transformers serve FOLDER [OPTIONS]`, with a page that tells version, threads and batching.

The folder is served as `model`, and its config.json names an architecture there where it names none: the weights
that the kit converts have the hash of their files, which are not changed.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from transformers.cli.serving import server
from transformers.cli.transformers import main
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

CONFIG = "config.json"


def served(folder: Path) -> None:
    """Go where `model` is the folder, with a config.json that names its architecture."""
    place = Path(tempfile.mkdtemp(prefix="transformers-serve-"))  # in TMPDIR, which the kit removes
    (place / "model").mkdir()
    for file in folder.iterdir():
        if file.name != CONFIG:
            (place / "model" / file.name).symlink_to(file.resolve())
    config = json.loads((folder / CONFIG).read_bytes())
    config.setdefault("architectures", [MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[config["model_type"]]])
    (place / "model" / CONFIG).write_text(json.dumps(config))
    os.chdir(place)


def with_facts(options: list[str]) -> None:
    """Add the page /kit/facts to the server that will be built."""
    facts = {
        "version": transformers.__version__,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "device": options[options.index("--device") + 1],
        "continuous_batching": int("--continuous-batching" in options),
    }
    build = server.build_server

    def built(*args: object, **more: object) -> object:
        app = build(*args, **more)
        app.get("/kit/facts")(lambda: facts)
        return app

    server.build_server = built


if __name__ == "__main__":
    given = sys.argv[2:]
    served(Path(sys.argv[1]))
    with_facts(given)
    sys.argv = ["transformers", "serve", "model@main", *given]  # as it echoes the name
    sys.exit(main())
