"""/etc/os-release: which distribution this is."""

from __future__ import annotations

import re


def parse_os_release(text: str) -> dict[str, str]:
    """Read the assignments of an os-release file; lines that are none are passed over.

    PRETTY_NAME="Ubuntu 22.04.5 LTS"
    VERSION_ID="22.04"
    ID=ubuntu
    ID_LIKE=debian
    (Ubuntu 22.04)
    """
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and name and not name.startswith("#"):
            values[name] = _unquoted(value)
    return values


def _unquoted(value: str) -> str:
    """Take quotes away, and in double ones the backslashes that the shell takes away."""
    quote = value[:1]
    if quote not in {'"', "'"}:
        return value
    if len(value) == 1 or value[-1] != quote:  # an end that was cut off
        return value.strip(quote)
    return re.sub(r'\\([$"`\\])', r"\1", value[1:-1]) if quote == '"' else value[1:-1]
