"""Plain values as one line of JSON, between a model's program and the test of it.

What is read never becomes anything but a value of one of Python's own types, so that it can neither run code nor
say that it equals what it does not. Runs on both sides, and in a sandbox from its source: nothing but Python's own
modules is imported here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Set
from typing import Any

MAX_DEPTH, MAX_VALUES = 100, 200_000

Json = Any


class Opaque:
    """Something that is no plain value, on the side that did not make it: it equals nothing."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __repr__(self) -> str:
        return f"<{self.kind}>"


def encoded(value: object) -> bytes:
    """A value as one line; `ValueError` if it is too deep or has too many parts. Other objects are named."""
    return json.dumps(_Encoder().form(value, 0), allow_nan=False).encode() + b"\n"


def decoded(line: bytes) -> object:
    """The value of a line; `ValueError` if it is not one that `encoded` may write."""
    try:
        return value_of(json.loads(line))
    except (TypeError, KeyError, RecursionError, ArithmeticError) as error:
        raise ValueError(f"no plain value: {type(error).__name__}") from None


class _Encoder:
    def __init__(self) -> None:
        self._left = MAX_VALUES

    def form(self, value: object, depth: int) -> Json:
        self._left -= 1
        if depth > MAX_DEPTH or self._left < 0:
            raise ValueError("the value is too deep or too long")
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return {"int": format(value, "x")}
        if isinstance(value, float):
            return {"float": float.hex(value)}
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, complex):
            return {"complex": [float.hex(value.real), float.hex(value.imag)]}
        if isinstance(value, bytes | bytearray):
            return {"bytes" if isinstance(value, bytes) else "bytearray": value.hex()}
        if isinstance(value, list):
            return self._all(value, depth)
        if isinstance(value, dict):
            return {
                "dict": [[self.form(key, depth + 1), self.form(item, depth + 1)] for key, item in value.items()]
            }
        return self._other(value, depth)

    def _other(self, value: object, depth: int) -> Json:
        for name, kind in (("tuple", tuple), ("frozenset", frozenset), ("set", Set), ("iterator", Iterator)):
            if isinstance(value, kind):
                return {name: self._all(value, depth)}
        if isinstance(value, range):
            return {"range": [format(part, "x") for part in (value.start, value.stop, value.step)]}
        # Neither can be made without its module.
        for module, name in (("fractions", "Fraction"), ("decimal", "Decimal")):
            made = getattr(sys.modules.get(module), name, None)
            if isinstance(made, type) and isinstance(value, made):
                return {name: str(value)}
        return {"object": type(value).__name__[:60]}

    def _all(self, values: Any, depth: int) -> Json:
        return [self.form(each, depth + 1) for each in values]


def value_of(form: Json, depth: int = 0) -> object:
    """The value that a piece of JSON stands for."""
    if depth > MAX_DEPTH:
        raise ValueError("the value is too deep")
    if form is None or isinstance(form, bool | str):
        return form
    if isinstance(form, list):
        return [value_of(each, depth + 1) for each in form]
    if not isinstance(form, dict) or len(form) != 1:
        raise ValueError("no form of a value")
    ((kind, inner),) = form.items()
    if kind == "dict":
        return {value_of(key, depth + 1): value_of(item, depth + 1) for key, item in inner}
    if kind in ("tuple", "set", "frozenset", "iterator"):
        make: Any = {"tuple": tuple, "set": set, "frozenset": frozenset, "iterator": iter}[kind]
        return make([value_of(each, depth + 1) for each in inner])
    return _number(kind, inner)


def _number(kind: str, inner: Any) -> object:
    if kind == "int":
        return int(inner, 16)
    if kind == "float":
        return float.fromhex(inner)
    if kind == "complex":
        real, imaginary = inner
        return complex(float.fromhex(real), float.fromhex(imaginary))
    if kind == "range":
        return range(*(int(part, 16) for part in inner))
    if kind == "bytes":
        return bytes.fromhex(inner)
    if kind == "bytearray":
        return bytearray.fromhex(inner)
    if kind == "Fraction":
        from fractions import Fraction

        return Fraction(str(inner))
    if kind == "Decimal":
        from decimal import Decimal

        return Decimal(str(inner))
    if kind == "object":
        return Opaque(str(inner))
    raise ValueError("no form of a value")
