"""The files of `probador llm`, read and written: public results beside ours, and ours for its own tools. Pure."""

from kit.judge.probador.exporting import (
    Export,
    bench_report,
    document_bytes,
    export_cell,
    export_study,
)
from kit.judge.probador.importing import (
    DEFAULT_NAME,
    Imported,
    entry_of,
    import_files,
    runtime_of,
    study_of_files,
)
from kit.judge.probador.reading import MAX_FILE_BYTES, LoadResult, read_file
from kit.judge.probador.text import imported_text

__all__ = [
    "DEFAULT_NAME",
    "MAX_FILE_BYTES",
    "Export",
    "Imported",
    "LoadResult",
    "bench_report",
    "document_bytes",
    "entry_of",
    "export_cell",
    "export_study",
    "import_files",
    "imported_text",
    "read_file",
    "runtime_of",
    "study_of_files",
]
