"""Rows as Parquet, by pyarrow, which comes with the extra `parquet` and is imported only here."""

from __future__ import annotations

from importlib import import_module
from io import BytesIO
from typing import Any

from kit.errors import InputError
from kit.report.rows import Rows, by_column


def parquet_bytes(rows: Rows) -> bytes:
    """The rows as one file of Parquet; `InputError` where pyarrow is not installed."""
    try:
        arrow: Any = import_module("pyarrow")
        files: Any = import_module("pyarrow.parquet")
    except ImportError:
        raise InputError(
            "Parquet needs pyarrow, which is not installed.",
            "pip install 'llm-repro-kit[parquet]', or --format csv.",
        ) from None
    kinds = {str: arrow.string(), int: arrow.int64(), float: arrow.float64(), bool: arrow.bool_()}
    columns = list(by_column(rows))
    schema = arrow.schema([(name, kinds[kind]) for name, kind, _ in columns])
    table = arrow.table([arrow.array(values, kinds[kind]) for _, kind, values in columns], schema=schema)
    out = BytesIO()
    files.write_table(table, out, compression="zstd")
    return out.getvalue()
