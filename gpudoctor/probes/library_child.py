"""Ask a driver library in a child process: a hang, a crash or a lie in it must not reach gpudoctor.

The scripts in `inside/` name each question before they ask it and say each answer at once, so that what was answered
before a crash or a hang is kept, and the place of the crash is known.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from gpudoctor.probes.host import Answer, Host

_INSIDE = Path(__file__).parent / "inside"


class Reply(msgspec.Struct, frozen=True):
    """What one question got: a value, or an error's name and number (None: no number was given)."""

    call: str
    value: Any = None
    error: str = ""
    code: int | None = None


class Heard(msgspec.Struct):
    """Everything that the child said before its end, by GPU (None: the library as a whole) and key."""

    replies: dict[tuple[int | None, str], Reply] = msgspec.field(default_factory=dict)
    last_asked: str = ""  # the question that was open last
    ending: str = ""  # why the rest is not there, in words for a fact's reason; "" = nothing is missing

    def reply(self, gpu: int | None, key: str) -> Reply | None:
        """Return the reply to a question, or None when none came."""
        return self.replies.get((gpu, key))


def ask_library(host: Host, library: str, script: str, arguments: Sequence[str] = ()) -> Heard:
    """Run `inside/SCRIPT ARGUMENTS MARKER` within the host's deadline. `library` names it in reasons. Never raises."""
    marker = f"gpudoctor-{secrets.token_hex(12)}"
    flags = ["-I", "-S", *(["-B"] if sys.dont_write_bytecode else [])]
    answer = host.run([sys.executable, *flags, str(_INSIDE / script), *arguments, marker])
    heard = read_replies(answer.stdout, marker)
    heard.ending = _ending(answer, library, heard.last_asked)
    return heard


def read_replies(output: str, marker: str) -> Heard:
    """Read the child's lines; what the library printed and a line cut by a crash are passed over."""
    heard = Heard()
    for line in output.splitlines():
        if not line.startswith(marker + " "):
            continue
        try:
            said = msgspec.json.decode(line[len(marker) + 1 :], type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError):
            continue
        if "asking" in said:
            heard.last_asked = str(said["asking"])
        else:
            heard.replies[said.get("gpu"), str(said.get("key"))] = Reply(
                str(said.get("call")), said.get("value"), str(said.get("error", "")), said.get("code")
            )
            heard.last_asked = ""
    return heard


def is_not_found(complaint: str, soname: str) -> bool:
    """Tell the loader's "there is no such library" from "it is there and cannot be loaded", by the loader's words.

    glibc 2.35: `libcuda.so.1: cannot open shared object file: No such file or directory`;
    musl 1.2: `Error loading shared library libcuda.so.1: No such file or directory`;
    macOS: `dlopen(libcuda.so.1, 0x0006): tried: 'libcuda.so.1' (no such file), ...`;
    Windows: `Could not find module 'nvcuda.dll' (or one of its dependencies). ...`. A dependency that is missing is
    named by glibc instead of the library itself.
    """
    text = complaint.lower()
    return (soname in text and "no such file" in text) or "could not find module" in text


def _ending(answer: Answer, library: str, asked: str) -> str:
    if answer.is_ok:
        return ""
    place = f"{library} {asked}" if asked else library
    if answer.failure.startswith("did not answer"):
        return f"{place} {answer.failure}"
    if answer.signal_name:
        return f"killed by {answer.signal_name} in {place}"
    return f"the process that asked {place} ended early: {answer.why_not}"
