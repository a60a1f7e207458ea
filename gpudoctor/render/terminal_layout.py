"""Symbols, styles and line wrapping of the terminal report."""

from __future__ import annotations

import textwrap

from gpudoctor.findings.finding import Severity
from gpudoctor.render.areas import Mark
from gpudoctor.render.screen import printable

SYMBOLS_UNICODE = {Mark.OK: "✓", Mark.ERROR: "✗", Mark.WARNING: "!", Mark.INFO: "i", Mark.UNKNOWN: "?"}
SYMBOLS_ASCII = {Mark.OK: "ok", Mark.ERROR: "X", Mark.WARNING: "!", Mark.INFO: "i", Mark.UNKNOWN: "?"}
STYLES = {Mark.OK: "green", Mark.ERROR: "red", Mark.WARNING: "yellow", Mark.INFO: "cyan", Mark.UNKNOWN: "magenta"}
MARK_OF_SEVERITY = {Severity.ERROR: Mark.ERROR, Severity.WARNING: Mark.WARNING, Severity.INFO: Mark.INFO}

_NARROWEST_TEXT = 24


def wrapped(text: str, width: int, indent: str, hanging: str | None = None) -> list[str]:
    """Break text into lines of at most `width` columns between words; a word that is too long stays whole."""
    after = indent if hanging is None else hanging
    return textwrap.wrap(
        printable(text),
        max(width, len(after) + _NARROWEST_TEXT),
        initial_indent=indent,
        subsequent_indent=after,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [indent]
