"""Secure Boot and kernel lockdown: whether unsigned modules are refused."""

from __future__ import annotations

from gpudoctor.facts.driver import Driver
from gpudoctor.facts.fact import Fact, known, unknown
from gpudoctor.parsers.firmware import parse_lockdown, parse_secure_boot_state, parse_secure_boot_variable
from gpudoctor.probes.host import Host
from gpudoctor.probes.tree import ONLY_LINUX, entries, exists, has_entries, is_linux, read_bytes, read_text, why

_EFI_FOLDER = "/sys/firmware/efi"
_LOCKDOWN = "/sys/kernel/security/lockdown"


def probe_secure_boot(host: Host) -> Driver:
    """Fills secure_boot and lockdown."""
    if not is_linux(host):
        return Driver(secure_boot=unknown(ONLY_LINUX), lockdown=unknown(ONLY_LINUX))
    return Driver(secure_boot=_secure_boot(host), lockdown=_lockdown(host))


def _secure_boot(host: Host) -> Fact[bool]:
    """Take the EFI variable, then mokutil; a machine started without EFI has no Secure Boot.

    A container engine hides /sys/firmware behind an empty folder: that is no sign of a start without EFI.
    """
    variable = _from_variable(host)
    if not variable.is_unknown:
        return variable
    answer = host.run(["mokutil", "--sb-state"])
    state = parse_secure_boot_state(answer.stdout + answer.stderr)
    if state is not None:
        return known(state, "mokutil --sb-state")
    if has_entries(host, "/sys/firmware") and not exists(host, _EFI_FOLDER):
        return known(False, f"{_EFI_FOLDER}: started without EFI")
    return unknown(f"{variable.unknown}; mokutil: {answer.why_not}", "mokutil --sb-state")


def _from_variable(host: Host) -> Fact[bool]:
    folder = f"{_EFI_FOLDER}/efivars"
    try:
        names = [name for name in entries(host, folder) if name.startswith("SecureBoot-")]
        if not names:
            return unknown("no EFI variable SecureBoot", folder)
        source = f"{folder}/{names[0]}"
        state = parse_secure_boot_variable(read_bytes(host, source, limit_bytes=64) or b"")
    except OSError as error:
        return unknown(why(error), folder)
    return unknown("the EFI variable SecureBoot is neither 0 nor 1", source) if state is None else known(state, source)


def _lockdown(host: Host) -> Fact[str]:
    try:
        text = read_text(host, _LOCKDOWN)
    except OSError as error:
        return unknown(why(error), _LOCKDOWN)
    if text is None and has_entries(host, "/sys/kernel/security"):
        return known("none", f"{_LOCKDOWN}: this kernel has no lockdown")
    mode = parse_lockdown(text or "")
    return (
        known(mode, _LOCKDOWN)
        if mode
        else unknown("securityfs is not mounted" if text is None else "not told", _LOCKDOWN)
    )
