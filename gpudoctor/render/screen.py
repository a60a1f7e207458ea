"""What is written to: its width, colours and characters; and how styled lines become bytes."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterable, Mapping

import msgspec
from rich.console import Console
from rich.text import Text

_PLAIN_WIDTH = 80
_NARROWEST = 40


class Screen(msgspec.Struct, frozen=True):
    """A terminal, pipe or file."""

    width: int = _PLAIN_WIDTH  # columns
    has_colour: bool = False
    is_terminal: bool = False
    encoding: str = "utf-8"

    @classmethod
    def of_file(cls) -> Screen:
        """Return what a file is: 80 columns, no colour, UTF-8."""
        return cls()

    @classmethod
    def of_stdout(cls, variables: Mapping[str, str] | None = None) -> Screen:
        """Return what standard output is; NO_COLOR and FORCE_COLOR win over what is seen."""
        known = os.environ if variables is None else variables
        stream = sys.stdout
        is_terminal = stream is not None and stream.isatty()
        is_dumb = known.get("TERM", "") in ("dumb", "unknown")
        is_forced = known.get("FORCE_COLOR", "") not in ("", "0")
        has_colour = not known.get("NO_COLOR") and (is_forced or (is_terminal and not is_dumb))
        width = shutil.get_terminal_size((_PLAIN_WIDTH, 24)).columns if is_terminal else _PLAIN_WIDTH
        return cls(max(width, _NARROWEST), has_colour, is_terminal, (stream.encoding if stream else "") or "utf-8")

    def can_show(self, text: str) -> bool:
        """Whether the encoding has these characters."""
        try:
            text.encode(self.encoding)
        except (UnicodeEncodeError, LookupError):
            return False
        return True

    def console(self, target: io.StringIO) -> Console:
        """Return a Rich console that writes to a string what this screen shows."""
        return Console(
            file=target,
            width=self.width,
            force_terminal=self.has_colour,
            color_system="standard" if self.has_colour else None,
            no_color=not self.has_colour,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
            _environ={},
        )

    def encoded(self, text: str) -> bytes:
        """Return the bytes to write; what the encoding lacks is shown as an escape."""
        try:
            return text.encode(self.encoding, "backslashreplace")
        except LookupError:
            return text.encode("ascii", "backslashreplace")


def printable(text: str) -> str:
    """Show control characters of the machine's texts as escapes: they must not steer the terminal."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else " " if letter in "\t\n\r" else f"\\x{ord(letter):02x}" for letter in text
    )


def render_lines(lines: Iterable[Text], screen: Screen) -> bytes:
    """Write styled lines as they are: wrapping is their maker's, because commands must stay whole."""
    target = io.StringIO()
    console = screen.console(target)
    for line in lines:
        console.print(line, soft_wrap=True)
    return screen.encoded(target.getvalue())


def render_markdown(text: str, screen: Screen) -> bytes:
    """Lay Markdown out on a terminal; leave it as it is elsewhere."""
    if not screen.is_terminal:
        return screen.encoded(text)
    from rich.markdown import Markdown  # noqa: PLC0415 - slow to import, and only this needs it

    target = io.StringIO()
    screen.console(target).print(Markdown(text))
    return screen.encoded(target.getvalue())
