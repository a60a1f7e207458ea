"""Starts a script of `inside/` in a foreign interpreter, and reads the stages that it sent before its end."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from gpudoctor.probes.host import Answer, Host
from gpudoctor.probes.targets import Target

_INSIDE = Path(__file__).parent / "inside"
_USAGE_ERROR = 2
_ANSWER_LIMIT_BYTES = 64 * 1024 * 1024  # ten thousand packages are 3 MB
T = TypeVar("T")


class TooOld(msgspec.Struct, frozen=True):
    """What a script says in a Python older than it can run in."""

    version: str
    prefix: str


class Unreadable(ValueError):
    """A stage was sent, and is not what it should be: something in the environment interfered."""


class Stages(msgspec.Struct, frozen=True):
    """The stages that arrived, in order, and how the child ended."""

    sent: tuple[dict[str, Any], ...]
    answer: Answer

    def first(self, stage: str, type_: type[T]) -> T | None:
        """Return a stage as a record, None when it never came. Raises Unreadable when it is something else."""
        found = next((record for record in self.sent if record.get("stage") == stage), None)
        return None if found is None else _converted(found, type_)

    def every(self, stage: str, type_: type[T]) -> tuple[T, ...]:
        """Return all records of a stage that may come several times. Raises Unreadable."""
        return tuple(_converted(record, type_) for record in self.sent if record.get("stage") == stage)

    def has(self, stage: str) -> bool:
        """Whether a stage was reached and done."""
        return any(record.get("stage") == stage for record in self.sent)

    @property
    def why_ended(self) -> str:
        """Why what is missing is missing, in words for a fact's reason."""
        if not self.sent and self.answer.exit_code is not None:
            return f"does not answer as a Python interpreter does ({self.answer.why_not[:200]})"
        if self.answer.is_ok and self.answer.is_truncated:
            return "its answer is longer than what is read of one"
        return self.answer.why_not


def _converted(record: dict[str, Any], type_: type[T]) -> T:
    try:
        return msgspec.convert({name: value for name, value in record.items() if name != "stage"}, type_, strict=True)
    except msgspec.ValidationError as error:
        raise Unreadable(f"the child's answer is malformed ({error})") from None


def run_inside(host: Host, target: Target, script: str, request: Mapping[str, object]) -> Stages:
    """Run `inside/SCRIPT` in the target's interpreter within the host's deadline. Never raises.

    Isolated (-I: no PYTHON variables, no working directory, no user site; the script adds what the user's own runs see)
    and without writing bytecode (-B). The token goes by standard input: what is imported finds it neither among the
    arguments nor in the process list, so that it cannot answer in the script's place.
    """
    token = secrets.token_hex(16)
    arguments = [str(_INSIDE / script), json.dumps(request)]
    told = f"{token}\n".encode()
    variables = {**host.variables, **dict(target.variables)}
    variables.pop("__PYVENV_LAUNCHER__", None)  # macOS: would name another interpreter than the one started
    answer = host.run([target.interpreter, "-I", "-B", *arguments], None, variables, told, _ANSWER_LIMIT_BYTES)
    if answer.exit_code == _USAGE_ERROR and "Unknown option: -I" in answer.stderr:  # Python 2: the gate answers
        answer = host.run([target.interpreter, "-E", "-s", "-B", *arguments], None, variables, told)
    return Stages(parse_stages(answer.stdout, token), answer)


def parse_stages(output: str, token: str) -> tuple[dict[str, Any], ...]:
    """Return the JSON objects between `token`s, whatever was printed around them; broken ones are passed over.

    A line, as metadata.py sends it: `4f1c {"stage": "files", "missing": [], "shared_files": []} 4f1c`
    """
    found = []
    for line in output.splitlines():
        _, opening, rest = line.partition(token + " ")
        content, closing, _ = rest.rpartition(" " + token)
        if not opening or not closing:
            continue
        try:  # not msgspec: names of files that are no UTF-8 come as lone surrogates, which it refuses
            record = json.loads(content)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            found.append(record)
    return tuple(found)
