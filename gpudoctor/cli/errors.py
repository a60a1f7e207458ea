"""Errors that end a command: what is said, where, and with which exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

SCHEMA = "gpudoctor.error/1"
WRONG_USAGE = 2
OWN_FAULT = 3


class CommandError(Exception):
    """Ends the command. `kind` is one word for programs, `message` and `hint` are for people."""

    def __init__(self, kind: str, message: str, hint: str = "", exit_code: int = WRONG_USAGE) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint
        self.exit_code = exit_code


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether `--format json` stands anywhere among the arguments; asked when they could not be parsed too."""
    pairs = zip(arguments, [*arguments[1:], ""], strict=True)
    return any(first == "--format=json" or (first == "--format" and second == "json") for first, second in pairs)


def report_error(error: CommandError, *, as_json: bool) -> None:
    """Write the error: as JSON to standard output, or as text to standard error."""
    if as_json:
        content = {"kind": error.kind, "message": error.message, "hint": error.hint}
        if sys.stdout is not None:
            sys.stdout.write(json.dumps({"schema": SCHEMA, "error": content}, indent=1) + "\n")
        return
    say(f"gpudoctor: {error.message}")
    if error.hint:
        say(f"  {error.hint}")


def say(line: str) -> None:
    """Write a line to standard error, where there is one."""
    if sys.stderr is not None:
        sys.stderr.write(_printable(line) + "\n")
        sys.stderr.flush()


def _printable(text: str) -> str:
    """Show control characters of arguments and files instead of sending them to the terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else f"\\x{ord(letter):02x}" for letter in text)
