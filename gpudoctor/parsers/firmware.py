"""Secure Boot and kernel lockdown."""

from __future__ import annotations

import re


def parse_secure_boot_state(text: str) -> bool | None:
    """Return whether `mokutil --sb-state` says that Secure Boot is on; None when it says neither.

    SecureBoot enabled
    EFI variables are not supported on this system
    (mokutil 0.6)
    """
    match = re.search(r"SecureBoot (enabled|disabled)", text)
    if match:
        return match[1] == "enabled"
    return False if re.search(r"EFI variables are not supported|doesn't support Secure Boot", text) else None


def parse_secure_boot_variable(content: bytes) -> bool | None:
    """Return whether the EFI variable SecureBoot says on: four attribute bytes, then 1 or 0; None for other lengths.

    06 00 00 00 01 (efivarfs of Linux 6.8)
    """
    return content[-1] == 1 if len(content) == 5 and content[-1] in (0, 1) else None  # noqa: PLR2004  # attributes, value


def parse_lockdown(text: str) -> str:
    """Return the chosen one of /sys/kernel/security/lockdown, "" when none is marked.

    none [integrity] confidentiality (Linux 6.8)
    """
    match = re.search(r"\[(none|integrity|confidentiality)\]", text)
    return match[1] if match else ""
