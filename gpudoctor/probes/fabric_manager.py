"""Fabric Manager and IMEX: the services without which the GPUs of an NVSwitch system do not start."""

from __future__ import annotations

import re

from gpudoctor.facts.driver import Driver, FabricManager
from gpudoctor.facts.fact import Fact, absent, known, unknown
from gpudoctor.probes.containers import confinement
from gpudoctor.probes.host import Host
from gpudoctor.probes.tree import ONLY_LINUX, exists, is_linux

_UNIT_FOLDERS = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
_STATES = {"active", "inactive", "failed", "activating", "deactivating", "reloading"}
_PROGRAM = "nv-fabricmanager"
_SERVICE = "nvidia-fabricmanager"
_IMEX = "nvidia-imex"


def probe_fabric_manager(host: Host) -> Driver:
    """Ask for the services; fills fabric_manager."""
    return Driver(fabric_manager=_fabric_manager(host))


def _fabric_manager(host: Host) -> Fact[FabricManager]:
    if not is_linux(host):
        return unknown(ONLY_LINUX)
    has_manager = _is_installed(host, _PROGRAM, _SERVICE)
    has_imex = _is_installed(host, _IMEX, _IMEX)
    if not has_manager and not has_imex:
        if host.is_live and confinement(host) is not None:
            return unknown("inside a container, where the host's services are not seen", f"/usr/bin/{_PROGRAM}")
        return absent(f"/usr/bin/{_PROGRAM}")
    state, imex_state = "missing", ""
    if has_manager:
        state, failure = _state(host, _SERVICE)
        if failure:
            return unknown(failure, f"systemctl is-active {_SERVICE}")
    if has_imex:
        imex_state = _state(host, _IMEX)[0]
    version = _version(host) if has_manager else ""
    return known(FabricManager(version=version, state=state, imex_state=imex_state), f"systemctl is-active {_SERVICE}")


def _is_installed(host: Host, program: str, service: str) -> bool:
    return exists(host, f"/usr/bin/{program}") or any(
        exists(host, f"{folder}/{service}.service") for folder in _UNIT_FOLDERS
    )


def _state(host: Host, service: str) -> tuple[str, str]:
    """Return (state, "") as systemctl says it, or ("", why it does not say)."""
    answer = host.run(["systemctl", "is-active", service])
    word = answer.stdout.strip()
    return (word, "") if word in _STATES else ("", answer.why_not)


def _version(host: Host) -> str:
    """Return the version that the program says, "" when it says none; another root's program is not started.

    Fabric Manager version is : 535.104.05
    """
    if not host.is_live:
        return ""
    answer = host.run([_PROGRAM, "--version"])
    match = re.search(r"\b(\d{3}\.\d+(?:\.\d+)*)\b", answer.stdout)
    return match[1] if match else ""
