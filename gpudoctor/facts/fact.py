"""A fact: a value, known to be absent, or unknown with a reason; always with its source."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of every record: immutable, keyword-only, empty fields left out of JSON."""

    def in_words(self) -> str:
        """Return the record as evidence shows it; "" = field by field."""
        return ""


class FactUnavailable(Exception):
    """A rule read a fact that cannot be judged; carries that fact."""

    def __init__(self, fact: Fact[Any]) -> None:
        super().__init__(fact.unknown)
        self.fact = fact


class FactUnknown(FactUnavailable):
    """The fact could not be observed: the rule ends as "not judged"."""


class FactAbsent(FactUnavailable):
    """The fact is known not to exist: the rule has nothing to judge and passes."""


class Fact(msgspec.Struct, Generic[T], frozen=True, omit_defaults=True):
    """One observation.

    `value` is what was seen, or None when it was seen that there is none. `unknown`, when not empty, is the reason
    why nothing could be seen; `value` is then meaningless. Rules never touch `value`: they call `read`, `need` or
    `peek`, so that an unknown cannot be mistaken for an absence.
    """

    value: T | None
    source: str = ""
    unknown: str = ""

    @property
    def is_unknown(self) -> bool:
        """Whether nothing could be observed."""
        return self.unknown != ""

    @property
    def is_absent(self) -> bool:
        """Whether it was observed that there is none."""
        return self.unknown == "" and self.value is None

    def read(self) -> T | None:
        """Return the value, or None when known to be absent. Raises FactUnknown when unknown."""
        if self.unknown:
            raise FactUnknown(self)
        return self.value

    def need(self) -> T:
        """Return the value. Raises FactUnknown when unknown, FactAbsent when known to be absent."""
        value = self.read()
        if value is None:
            raise FactAbsent(self)
        return value

    def peek(self) -> T | None:
        """Return the value, or None when absent OR unknown: for wording and evidence, never to decide."""
        return None if self.unknown else self.value


NOT_LOOKED = "not looked at"


def known(value: T | None, source: str) -> Fact[T]:
    """Make a fact that was observed; None means observed to be absent."""
    return Fact(value=value, source=source)


def absent(source: str) -> Fact[T]:
    """Make a fact that is known not to exist."""
    return Fact(value=None, source=source)


def unknown(reason: str, source: str = "") -> Fact[T]:
    """Make a fact that could not be observed, with the reason."""
    return Fact(value=None, source=source, unknown=reason or NOT_LOOKED)


def not_looked() -> Fact[T]:
    """Make the default of every field: nobody looked."""
    return Fact(value=None, unknown=NOT_LOOKED)


def fact() -> Fact[T]:
    """Declare a record field that holds a fact (a fresh object each, so that facts are told apart by identity)."""
    return msgspec.field(default_factory=not_looked)
