"""Packages of the driver, CUDA and cuDNN that the system's package manager, or NVIDIA's installer, has put here."""

from __future__ import annotations

from collections.abc import Callable

from gpudoctor.facts.driver import Driver, SystemPackage
from gpudoctor.facts.fact import Fact, known, unknown
from gpudoctor.parsers.package_databases import (
    RPM_FORMAT,
    RPM_PATTERNS,
    parse_dpkg_status,
    parse_installer_log,
    parse_pacman_folders,
    parse_rpm_list,
)
from gpudoctor.probes.host import Host
from gpudoctor.probes.tree import ONLY_LINUX, entries, exists, is_linux, read_text, text_or_empty, why

_DPKG = "/var/lib/dpkg/status"
_RPM = ("/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm")
_PACMAN = "/var/lib/pacman/local"
_UNINSTALLER = "/usr/bin/nvidia-uninstall"
_INSTALLER_LOG = "/var/log/nvidia-installer.log"

Packages = tuple[SystemPackage, ...]


def probe_driver_packages(host: Host) -> Driver:
    """Read the package databases; fills packages."""
    return Driver(packages=_packages(host))


def _packages(host: Host) -> Fact[Packages]:
    if not is_linux(host):
        return unknown(ONLY_LINUX)
    managers: list[tuple[str, bool, Callable[[Host], Fact[Packages]]]] = [
        (_DPKG, exists(host, _DPKG), _dpkg),
        (_PACMAN, exists(host, _PACMAN), _pacman),
        (_RPM[0], any(_has_rpm_database(host, folder) for folder in _RPM), _rpm),
    ]
    found = [(source, read(host)) for source, is_there, read in managers if is_there]
    installer = _installer(host)
    seen = tuple(package for _, packages in found for package in packages.peek() or ()) + installer
    failed = next((packages for _, packages in found if packages.is_unknown), None)
    if failed is not None and not seen:
        return unknown(failed.unknown, failed.source)
    if not found and not installer and host.is_live:
        return unknown("no database of dpkg, rpm or pacman is here")
    sources = [source for source, packages in found if not packages.is_unknown]
    sources += [_UNINSTALLER] if installer else []
    return known(seen, ", ".join(sources) or "no package database in this tree")


def _has_rpm_database(host: Host, folder: str) -> bool:
    try:
        return any(name.startswith(("Packages", "rpmdb.sqlite")) for name in entries(host, folder))
    except OSError:
        return True  # it is there, and may not be listed


def _dpkg(host: Host) -> Fact[Packages]:
    try:
        return known(parse_dpkg_status(read_text(host, _DPKG) or ""), _DPKG)
    except OSError as error:
        return unknown(why(error), _DPKG)


def _pacman(host: Host) -> Fact[Packages]:
    try:
        return known(parse_pacman_folders(entries(host, _PACMAN)), _PACMAN)
    except OSError as error:
        return unknown(why(error), _PACMAN)


def _rpm(host: Host) -> Fact[Packages]:
    if not host.is_live:
        return unknown("the rpm database of a foreign root is not read", _RPM[0])
    answer = host.run(["rpm", "-qa", "--qf", RPM_FORMAT, *RPM_PATTERNS])
    return known(parse_rpm_list(answer.stdout), "rpm -qa") if answer.is_ok else unknown(answer.why_not, "rpm -qa")


def _installer(host: Host) -> Packages:
    """Return NVIDIA's own installer (the .run file) as a package; a log alone may be of a driver that has gone."""
    has_uninstaller = exists(host, _UNINSTALLER)
    version = parse_installer_log(text_or_empty(host, _INSTALLER_LOG))
    if not has_uninstaller and not version:
        return ()
    state = "installed" if has_uninstaller else "only its log is left"
    return (SystemPackage(name="NVIDIA installer", version=version, manager="runfile", state=state),)
