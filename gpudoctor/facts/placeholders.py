"""Placeholders for private data: the same secret gets the same one, and each is safe in a path and in a shell."""

from __future__ import annotations

import re
from collections.abc import Iterable

_UUID = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
_OWN_UUID = re.compile(r"(?:[0-9a-f]{2}0{6}|0{2}[0-9a-f]{6})(?:-0{4}){3}-0{12}")
_OWN = re.compile(r"(?:user|host|email|token|credentials|address|mac|serial)-\d+")
_SMALL = 0xFF


class Placeholders:
    """What was replaced by what, in one run."""

    def __init__(self) -> None:
        self._numbers: dict[str, dict[str, int]] = {}
        self._uuids: dict[str, str] = {}

    def of(self, kind: str, secret: str) -> str:
        """Return the placeholder of a secret, "user-1" for the first user; a placeholder stands for itself."""
        if _OWN.fullmatch(secret):
            return secret
        numbers = self._numbers.setdefault(kind, {})
        return f"{kind}-{numbers.setdefault(secret, len(numbers) + 1)}"

    def learn_uuids(self, texts: Iterable[str]) -> None:
        """Give every whole UUID its placeholder first, so that its beginnings are known wherever they come."""
        for text in texts:
            if "-" in text:
                for uuid in _UUID.findall(text):
                    self.of_uuid(uuid)

    def of_uuid(self, uuid: str) -> str:
        """Return a UUID's placeholder, a UUID too; the beginning of a UUID becomes the beginning of its placeholder.

        CUDA_VISIBLE_DEVICES takes such beginnings, so what they select must stay the same.
        """
        secret = uuid.lower()
        if _OWN_UUID.fullmatch(secret):
            return secret
        known = next((whole for whole in self._uuids if whole.startswith(secret)), secret)
        number = len(self._uuids) + 1
        head = f"{number:02x}000000" if number <= _SMALL else f"{number:08x}"
        whole = self._uuids.setdefault(known, f"{head}-0000-0000-0000-000000000000")
        return whole[: len(secret)]
