"""NVIDIA's kernel module: what is loaded, what lies on the disk for which kernel, and what keeps it from loading."""

from __future__ import annotations

import mmap
import platform
import posixpath
import re
from collections.abc import Iterator

from gpudoctor.facts.driver import DkmsBuild, Driver, ModuleFile
from gpudoctor.facts.fact import Fact, absent, known, unknown
from gpudoctor.parsers.kernel_module import (
    ModuleInfo,
    drives_gpus,
    parse_command_line_blacklist,
    parse_make_log,
    parse_modinfo,
    parse_modprobe_configuration,
    parse_module_file,
    parse_proc_modules,
    parse_proc_version,
)
from gpudoctor.probes.containers import confinement
from gpudoctor.probes.host import Host
from gpudoctor.probes.tree import (
    NO_KERNEL_FILES,
    ONLY_LINUX,
    entries,
    exists,
    fact_of,
    has_entries,
    is_linux,
    read_text,
    real_path,
    shows_kernel,
    text_or_empty,
    walk,
    why,
)

_PROC_VERSION = "/proc/driver/nvidia/version"
_MODULE_FOLDER = "/sys/module/nvidia"
_DKMS_FOLDER = "/var/lib/dkms"
_MODPROBE_FOLDERS = ("/etc/modprobe.d", "/run/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d")
# Where packages and installers put the module below /lib/modules/RELEASE: DKMS, akmods and kmods, the runfile,
# Arch's extramodules, openSUSE's weak updates, and Ubuntu's prebuilt ones in kernel/nvidia-*.
_PLACES = {
    "updates": 3,  # and how many folders deep
    "extra": 3,
    "extramodules": 1,
    "weak-updates": 3,
    "misc": 1,
    "kernel/drivers/video": 0,
    "kernel/drivers/char/drm": 0,
}
_FILE_NAME = re.compile(
    r"nvidia(?:-current(?:-open)?|-legacy-\d+xx|-tesla(?:-\d+)?(?:-driver)?)?\.ko(?P<packed>\.(?:xz|zst|gz))?", re.ASCII
)
_MODINFO_SECONDS = 5.0
_CONTAINED = "inside a container, where the host's files are not seen"


def kernel_release(host: Host) -> str | None:
    """Return the running kernel's release, as the tree's /proc says it; None where it does not."""
    if host.is_live:
        return platform.release() or None
    return text_or_empty(host, "/proc/sys/kernel/osrelease") or None


def probe_kernel_modules(host: Host) -> Driver:
    """Look at the loaded modules and at those on the disk.

    Fills proc_version, proc_flavour, module_version, loaded_modules, module_files, has_kernel_headers, dkms and
    blacklisted_modules.
    """
    if not is_linux(host):
        return Driver(
            proc_version=unknown(ONLY_LINUX),
            proc_flavour=unknown(ONLY_LINUX),
            module_version=unknown(ONLY_LINUX),
            loaded_modules=unknown(ONLY_LINUX),
            module_files=unknown(ONLY_LINUX),
            has_kernel_headers=unknown(ONLY_LINUX),
            dkms=unknown(ONLY_LINUX),
            blacklisted_modules=unknown(ONLY_LINUX),
        )
    version, flavour = _proc_version(host)
    release = kernel_release(host)
    return Driver(
        proc_version=version,
        proc_flavour=flavour,
        module_version=_module_version(host),
        loaded_modules=_loaded_modules(host),
        module_files=_of_the_host(host, "/lib/modules", lambda: _module_files(host, release)),
        has_kernel_headers=_headers(host, release),
        dkms=_of_the_host(host, _DKMS_FOLDER, lambda: tuple(_dkms_builds(host))),
        blacklisted_modules=_of_the_host(host, "/etc/modprobe.d", lambda: _blacklisted(host)),
    )


def _proc_version(host: Host) -> tuple[Fact[str], Fact[str]]:
    if not shows_kernel(host):
        reason = NO_KERNEL_FILES
        return unknown(reason, _PROC_VERSION), unknown(reason, _PROC_VERSION)
    try:
        text = read_text(host, _PROC_VERSION)
    except OSError as error:
        return unknown(why(error), _PROC_VERSION), unknown(why(error), _PROC_VERSION)
    if text is None:
        return absent(_PROC_VERSION), absent(_PROC_VERSION)
    module = parse_proc_version(text)
    not_said = f"not told by {text.strip().splitlines()[0][:80]!r}" if text.strip() else "the file is empty"
    return (
        known(module.version, _PROC_VERSION) if module.version else unknown(not_said, _PROC_VERSION),
        known(module.flavour, _PROC_VERSION) if module.flavour else unknown(not_said, _PROC_VERSION),
    )


def _module_version(host: Host) -> Fact[str]:
    source = f"{_MODULE_FOLDER}/version"
    if not shows_kernel(host):
        return unknown(NO_KERNEL_FILES, source)
    version = fact_of(lambda: read_text(host, source), source)
    if version.is_absent and exists(host, _MODULE_FOLDER):
        return unknown("the loaded module does not say its version", source)
    text = version.peek()
    return version if text is None else known(text.strip(), source)


def _loaded_modules(host: Host) -> Fact[tuple[str, ...]]:
    """Take /proc/modules; a kernel without it (gVisor, no module support) shows built-in ones in /sys/module."""
    source = "/proc/modules"
    listed = fact_of(lambda: read_text(host, source), source)
    text = listed.peek()
    if text is not None:
        return known(parse_proc_modules(text), source)
    if listed.is_unknown:
        return unknown(listed.unknown, source)
    if has_entries(host, "/sys/module"):
        return fact_of(lambda: tuple(filter(drives_gpus, entries(host, "/sys/module"))), "/sys/module")
    if shows_kernel(host):
        return known((), source)
    return unknown(NO_KERNEL_FILES, source)


def _of_the_host(host: Host, source: str, look: object) -> Fact[tuple]:  # type: ignore[type-arg]
    """Look at files that belong to whoever installed the kernel: a container carries none of them."""
    if host.is_live and confinement(host) is not None and not exists(host, source):
        return unknown(_CONTAINED, source)
    return fact_of(look, source)  # type: ignore[arg-type]


def _headers(host: Host, release: str | None) -> Fact[bool]:
    if release is None:
        return unknown("the running kernel's release is not known", "/lib/modules")
    source = f"/lib/modules/{release}/build"
    folder = posixpath.dirname(source)
    if host.is_live and confinement(host) is not None and not exists(host, folder):
        return unknown(_CONTAINED, source)
    return known(exists(host, source), source)


def _module_files(host: Host, running: str | None) -> tuple[ModuleFile, ...]:
    folders = {real_path(host, place): None for place in ("/lib/modules", "/usr/lib/modules")}
    found: dict[str, ModuleFile] = {}
    for folder in folders:
        for release in entries(host, folder):
            for path in _module_paths(host, f"{folder}/{release}"):
                found.setdefault(real_path(host, path), _module_file(host, release, path, running))
    return tuple(found.values())


def _module_paths(host: Host, folder: str) -> Iterator[str]:
    try:
        prebuilt = {f"kernel/{name}": 1 for name in entries(host, f"{folder}/kernel") if name.startswith("nvidia")}
    except OSError:
        prebuilt = {}
    for place, depth in {**_PLACES, **prebuilt}.items():
        for where, names in walk(host, f"{folder}/{place}", depth):
            yield from (f"{where}/{name}" for name in names if _FILE_NAME.fullmatch(name))


def _module_file(host: Host, release: str, path: str, running: str | None) -> ModuleFile:
    if path.endswith(".ko"):
        info = _info_of_file(host, path)
    elif host.is_live and release == running:  # unpacking takes long: only for the kernel that counts
        info = parse_modinfo(host.run(["modinfo", path], min(host.timeout_seconds, _MODINFO_SECONDS)).stdout)
    else:
        info = ModuleInfo()
    return ModuleFile(
        kernel_release=release, path=path, version=info.version, flavour=info.flavour, is_signed=info.is_signed
    )


def _info_of_file(host: Host, path: str) -> ModuleInfo:
    try:
        with (
            host.path(real_path(host, path)).open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as image,  # the file has tens of MB, its section 4 kB
        ):
            return parse_module_file(image)
    except (OSError, ValueError):  # ValueError: an empty file cannot be mapped
        return ModuleInfo()


def _dkms_builds(host: Host) -> Iterator[DkmsBuild]:
    for module in entries(host, _DKMS_FOLDER):
        if not module.startswith("nvidia"):
            continue
        names = entries(host, f"{_DKMS_FOLDER}/{module}")
        links = {f"{_DKMS_FOLDER}/{module}/{name}" for name in names if name.startswith("kernel-")}
        installed = {real_path(host, link) for link in links}
        for version in names:
            folder = f"{_DKMS_FOLDER}/{module}/{version}"
            if folder not in links and version[:1].isdigit():  # beside versions: original_module
                yield from _dkms_version(host, module, version, installed)


def _dkms_version(host: Host, module: str, version: str, installed: set[str]) -> Iterator[DkmsBuild]:
    """Yield the builds of one version: a folder a kernel where it was built, build/make.log where that failed."""
    folder = f"{_DKMS_FOLDER}/{module}/{version}"
    kernels = [name for name in entries(host, folder) if name not in {"build", "source"}]
    failed = parse_make_log(text_or_empty(host, f"{folder}/build/make.log")) if exists(host, f"{folder}/build") else ""
    for kernel in kernels:
        architectures = [f"{folder}/{kernel}/{name}" for name in entries(host, f"{folder}/{kernel}")]
        is_installed = any(real_path(host, architecture) in installed for architecture in architectures)
        if architectures:
            state = "installed" if is_installed else "built"
            yield DkmsBuild(module=module, version=version, kernel_release=kernel, state=state)
    if failed and failed not in kernels:
        yield DkmsBuild(module=module, version=version, kernel_release=failed, state="failed")
    if not kernels and not failed:
        yield DkmsBuild(module=module, version=version, state="added")


def _blacklisted(host: Host) -> tuple[str, ...]:
    found = set(parse_command_line_blacklist(text_or_empty(host, "/proc/cmdline")))
    for folder in _MODPROBE_FOLDERS:
        for name in entries(host, folder):
            if name.endswith(".conf"):
                found.update(parse_modprobe_configuration(text_or_empty(host, f"{folder}/{name}")))
    return tuple(sorted(found))
