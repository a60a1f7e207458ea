"""The machine without its GPU: operating system, C library, processor, memory, user and environment variables."""

from __future__ import annotations

import os
import platform
import posixpath
import shutil
import sys
from pathlib import Path

import msgspec

from gpudoctor.facts.fact import Fact, absent, known, unknown
from gpudoctor.facts.system import System, User
from gpudoctor.parsers.confinement import parse_hypervisor, parse_tegra_release
from gpudoctor.parsers.libraries import parse_glibc_version, parse_glibcxx_version
from gpudoctor.parsers.os_release import parse_os_release
from gpudoctor.parsers.processor_and_memory import Processor, parse_cpuinfo, parse_meminfo
from gpudoctor.probes.host import Host
from gpudoctor.probes.interpreters import data_folder
from gpudoctor.probes.kernel_modules import kernel_release
from gpudoctor.probes.loader import default_folders
from gpudoctor.probes.tree import (
    ONLY_LINUX,
    entries,
    exists,
    is_linux,
    read_bytes,
    read_text,
    real_path,
    text_or_empty,
    why,
)
from gpudoctor.probes.variables import variables_that_matter

_OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")
_CPUINFO = "/proc/cpuinfo"
_MEMINFO = "/proc/meminfo"
_SHM = "/dev/shm"  # noqa: S108  # the shared memory of POSIX, looked at and never written
_DMI = "/sys/class/dmi/id"
_DMI_NAMES = ("sys_vendor", "product_name", "board_vendor", "bios_vendor", "chassis_vendor")
_TEGRA = "/etc/nv_tegra_release"
_LIBRARY_BYTES = 32 * 1024 * 1024


def probe_system(host: Host) -> System:
    """Look at the operating system and the processor. Fills all of System but container, wsl and host_compiler."""
    system = _identity(host)
    for part in (_processor(host), _memory(host), _space(host), _c_libraries(host)):
        system = _with(system, part)
    return msgspec.structs.replace(
        system,
        virtualization=_virtualization(host),
        tegra_release=_tegra_release(host),
        user=_user(),
        variables=known(variables_that_matter(host.variables), "environment"),
    )


def _with(system: System, part: dict[str, Fact[object]]) -> System:
    return msgspec.structs.replace(system, **part)


def _identity(host: Host) -> System:
    release = kernel_release(host) if is_linux(host) else platform.release()
    names = _distribution(host)
    return System(
        os_name=known(platform.system() if host.is_live else "Linux", "uname"),
        kernel_release=known(release, "/proc/sys/kernel/osrelease")
        if release
        else unknown("the tree does not tell it"),
        architecture=known(_architecture(), "uname"),
        distribution_id=_of(names, "ID"),
        distribution_version=_of(names, "VERSION_ID"),
        distribution_name=_of(names, "PRETTY_NAME"),
        distribution_like=_likes(names),
    )


def _architecture() -> str:
    """Return the machine's word as Linux writes it: Windows says AMD64 for x86_64."""
    machine = platform.machine()
    return {"AMD64": "x86_64", "amd64": "x86_64", "ARM64": "aarch64"}.get(machine, machine)


def _distribution(host: Host) -> Fact[dict[str, str]]:
    if not is_linux(host):
        return unknown(ONLY_LINUX)
    for path in _OS_RELEASE:
        try:
            text = read_text(host, path)
        except OSError as error:
            return unknown(why(error), path)
        if text is not None:
            return known(parse_os_release(text), path)
    return unknown("there is no os-release file", _OS_RELEASE[0])


def _of(names: Fact[dict[str, str]], name: str) -> Fact[str]:
    values = names.peek()
    if values is None:
        return unknown(names.unknown, names.source)
    return known(values[name], names.source) if values.get(name) else absent(names.source)


def _likes(names: Fact[dict[str, str]]) -> Fact[tuple[str, ...]]:
    like = _of(names, "ID_LIKE")
    return (
        unknown(like.unknown, like.source)
        if like.is_unknown
        else known(tuple((like.peek() or "").split()), like.source)
    )


def _cpuinfo(host: Host) -> Processor | None:
    text = text_or_empty(host, _CPUINFO)
    return parse_cpuinfo(text) if text else None


def _processor(host: Host) -> dict[str, Fact[object]]:
    processor = _cpuinfo(host) if is_linux(host) else None
    if processor is None:
        reason = f"{_CPUINFO} cannot be read" if is_linux(host) else ONLY_LINUX
        count = os.cpu_count() if host.is_live else None
        return {
            "cpu_model": _model_elsewhere(host) if host.is_live and not is_linux(host) else unknown(reason, _CPUINFO),
            "cpu_count": known(count, "os") if count else unknown(reason, _CPUINFO),
            "cpu_flags": unknown(reason, _CPUINFO),
        }
    not_told = f"{_CPUINFO} does not tell it"
    return {
        "cpu_model": known(processor.model, _CPUINFO) if processor.model else unknown(not_told, _CPUINFO),
        "cpu_count": known(processor.count, _CPUINFO) if processor.count else unknown(not_told, _CPUINFO),
        "cpu_flags": known(processor.flags, _CPUINFO) if processor.has_flags else unknown(not_told, _CPUINFO),
    }


def _model_elsewhere(host: Host) -> Fact[object]:
    if platform.system() == "Darwin":
        answer = host.run(["sysctl", "-n", "machdep.cpu.brand_string"])
        if answer.is_ok and answer.stdout.strip():
            return known(answer.stdout.strip(), "sysctl")
    name = platform.processor()
    return known(name, "os") if name else unknown("the operating system does not tell it")


def _memory(host: Host) -> dict[str, Fact[object]]:
    if not is_linux(host):
        import psutil  # noqa: PLC0415  # slow to import, and Linux does without it

        amounts = psutil.virtual_memory()
        return {
            "memory_total_bytes": known(amounts.total, "psutil"),
            "memory_available_bytes": known(amounts.available, "psutil"),
        }
    said = parse_meminfo(text_or_empty(host, _MEMINFO))
    fields = {"memory_total_bytes": "MemTotal", "memory_available_bytes": "MemAvailable"}
    return {
        field: known(said[name], _MEMINFO) if name in said else unknown(f"{_MEMINFO} does not tell {name}", _MEMINFO)
        for field, name in fields.items()
    }


def _space(host: Host) -> dict[str, Fact[object]]:
    """Measure /dev/shm and the disk where environments are kept; a tree of files has no sizes of its own."""
    shared: Fact[object] = absent(_SHM)
    free_shared: Fact[object] = absent(_SHM)
    if not is_linux(host):
        shared = free_shared = unknown(ONLY_LINUX)
    elif exists(host, _SHM):
        shared, free_shared = _usage(host.path(real_path(host, _SHM)), _SHM)
    return {"shm_total_bytes": shared, "shm_available_bytes": free_shared, "disk_free_bytes": _free_disk()}


def _free_disk() -> Fact[object]:
    source = "the disk of the data folder"
    data = data_folder()
    if data is None:
        return unknown("the user has no home folder", source)
    place = next((folder for folder in (data, *data.parents) if os.path.exists(folder)), Path("/"))
    return _usage(place, source)[1]


def _usage(place: Path, source: str) -> tuple[Fact[object], Fact[object]]:
    try:
        usage = shutil.disk_usage(place)
    except OSError as error:
        return unknown(why(error), source), unknown(why(error), source)
    return known(usage.total, source), known(usage.free, source)


def _c_libraries(host: Host) -> dict[str, Fact[object]]:
    if not is_linux(host):
        return {"glibc_version": absent("another C library"), "glibcxx_version": absent("another C++ library")}
    return {"glibc_version": _glibc_version(host), "glibcxx_version": _glibcxx_version(host)}


def _glibc_version(host: Host) -> Fact[object]:
    if host.is_live:
        try:
            said = os.confstr("CS_GNU_LIBC_VERSION") or ""
        except (ValueError, OSError):
            said = ""
        if said.startswith("glibc "):
            return known(said.removeprefix("glibc "), "confstr CS_GNU_LIBC_VERSION")
    version, source = _in_library(host, "libc.so.6", parse_glibc_version)
    if version:
        return known(version, source)
    if not source and any(name.startswith("ld-musl-") for name in _names(host, "/lib")):
        return absent("/lib/ld-musl-*")
    return unknown("no libc.so.6 tells it", source)


def _glibcxx_version(host: Host) -> Fact[object]:
    version, source = _in_library(host, "libstdc++.so.6", parse_glibcxx_version)
    if version:
        return known(version, source)
    return (
        unknown("it holds no GLIBCXX symbols", source)
        if source
        else absent("no libstdc++.so.6 in the loader's folders")
    )


def _in_library(host: Host, name: str, parse: object) -> tuple[str, str]:
    """Return (version, path) of the first library of this name in the loader's folders, ("", "") if none is there."""
    for folder in default_folders(host):
        path = posixpath.join(folder, name)
        try:
            content = read_bytes(host, path, _LIBRARY_BYTES)
        except OSError:
            return "", path
        if content is not None:
            return parse(content), path  # type: ignore[operator]
    return "", ""


def _names(host: Host, folder: str) -> list[str]:
    try:
        return entries(host, folder)
    except OSError:
        return []


def _virtualization(host: Host) -> Fact[str]:
    """Ask the processor first: x86 guests carry the flag "hypervisor", whatever their DMI names say."""
    if not is_linux(host):
        return unknown(ONLY_LINUX)
    processor = _cpuinfo(host)
    is_guest = processor.is_hypervisor_guest if processor else None
    if is_guest is False:
        return absent(f"{_CPUINFO}: no flag hypervisor")
    names = "\n".join(text_or_empty(host, f"{_DMI}/{name}") for name in _DMI_NAMES)
    kind = parse_hypervisor(names)
    if kind:
        return known(kind, _DMI)
    if text_or_empty(host, "/sys/hypervisor/type") == "xen":
        return known("Xen", "/sys/hypervisor/type")
    if is_guest:
        return known("hypervisor of unknown make", f"{_CPUINFO}: flag hypervisor")
    if kind == "" or names.strip():
        return absent(_DMI)
    return unknown("neither DMI names nor processor flags tell", _DMI)


def _tegra_release(host: Host) -> Fact[str]:
    if not is_linux(host):
        return absent("a Jetson runs Linux")
    try:
        text = read_text(host, _TEGRA)
    except OSError as error:
        return unknown(why(error), _TEGRA)
    if text is None:
        return absent(_TEGRA)
    release = parse_tegra_release(text)
    return known(release, _TEGRA) if release else unknown("the file does not tell a release", _TEGRA)


def _user() -> Fact[User]:
    if sys.platform == "win32":
        return unknown("only read on Linux and macOS")
    import grp  # noqa: PLC0415  # not on Windows

    def name(gid: int) -> str:
        try:
            return grp.getgrgid(gid).gr_name
        except KeyError:
            return str(gid)

    groups = tuple(name(gid) for gid in sorted({os.getgid(), *os.getgroups()}))
    return known(User(uid=os.getuid(), groups=groups), "os")
