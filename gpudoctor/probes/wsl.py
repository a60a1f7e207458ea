"""The Windows Subsystem for Linux: which one, and whether its GPU libraries can be found."""

from __future__ import annotations

from gpudoctor.facts.fact import Fact, absent, known, unknown
from gpudoctor.facts.system import System, Wsl
from gpudoctor.parsers.confinement import parse_wsl_version
from gpudoctor.probes.host import Host
from gpudoctor.probes.kernel_modules import kernel_release
from gpudoctor.probes.loader import WSL_FOLDER, LoaderView
from gpudoctor.probes.tree import entries, exists, is_linux, real_path

_SOURCE = "/proc/sys/kernel/osrelease"


def probe_wsl(host: Host, loader: LoaderView) -> System:
    """Fills wsl."""
    return System(wsl=_wsl(host, loader))


def _wsl(host: Host, loader: LoaderView) -> Fact[Wsl]:
    if not is_linux(host):
        return absent("only Linux runs in WSL")
    release = kernel_release(host)
    if release is None:
        return unknown("the kernel's release is not told", _SOURCE)
    version = parse_wsl_version(release)
    if version is None:
        return absent(_SOURCE)
    try:
        libraries = tuple(entries(host, WSL_FOLDER))
    except OSError:
        libraries = ()
    searched = {real_path(host, folder) for folder in loader.folders}
    return known(
        Wsl(
            version=version,
            kernel_release=release,
            has_dxg=exists(host, "/dev/dxg"),
            libraries=libraries,
            on_loader_path=real_path(host, WSL_FOLDER) in searched,
        ),
        _SOURCE,
    )
