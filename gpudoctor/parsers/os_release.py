"""/etc/os-release: which distribution this is."""

from __future__ import annotations

import shlex


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
    try:
        return (
            "".join(shlex.split(value))
            if value[:1] in {'"', "'"} and value[-1:] == value[:1] and len(value) > 1
            else value
        )
    except ValueError:
        return value.strip("\"'")
