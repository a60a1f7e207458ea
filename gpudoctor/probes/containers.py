"""Whether the machine that is looked at is a container, and what of the driver is mounted into it."""

from __future__ import annotations

from gpudoctor.facts.fact import Fact, absent, known, unknown
from gpudoctor.facts.system import Container, System
from gpudoctor.parsers.confinement import parse_cgroup, parse_driver_mounts, parse_root_mount
from gpudoctor.probes.host import Host
from gpudoctor.probes.tree import NO_KERNEL_FILES, exists, is_linux, shows_kernel, text_or_empty

_KUBERNETES_SECRETS = "/var/run/secrets/kubernetes.io"
# What container engines say in the variable `container` and in /run/systemd/container.
_NAMES = {"docker": "docker", "podman": "podman", "lxc": "lxc", "lxc-libvirt": "lxc", "containerd": "containerd"}


def probe_container(host: Host) -> System:
    """Look for a container; fills container."""
    return System(container=_container(host))


def _container(host: Host) -> Fact[Container]:
    if not is_linux(host):
        return absent("no container engine confines processes of this operating system")
    seen = confinement(host)
    if seen is None:
        if not shows_kernel(host):
            return unknown(NO_KERNEL_FILES, "/proc/1/cgroup")
        return absent("/.dockerenv, /run/.containerenv, /proc/1/cgroup")
    kind, evidence = seen
    mounts = parse_driver_mounts(_mounts(host))
    return known(Container(kind=kind, evidence=evidence, driver_mounts=mounts), evidence)


def confinement(host: Host) -> tuple[str, str] | None:
    """Return (kind, what told it) of the container that the tree is, None where nothing tells of one."""
    if not is_linux(host):
        return None
    marks = _marks(host)
    if not marks:
        return None
    kubernetes = [mark for mark in marks if mark[0] == "kubernetes"]
    named = [mark for mark in marks if mark[0] != "unknown"]
    return (kubernetes or named or marks)[0]


def _marks(host: Host) -> list[tuple[str, str]]:
    """Return every mark of a container, plainest first.

    A distribution that was imported into WSL from an image keeps its /.dockerenv: there only the cgroup counts.
    """
    is_wsl_distribution = exists(host, "/run/WSL") or (host.is_live and "WSL_DISTRO_NAME" in host.variables)
    found: list[tuple[str, str]] = []
    if not is_wsl_distribution:
        found += [
            (kind, path)
            for kind, path in (
                ("podman", "/run/.containerenv"),
                ("singularity", "/.singularity.d"),
                ("docker", "/.dockerenv"),
                ("kubernetes", _KUBERNETES_SECRETS),
            )
            if exists(host, path)
        ]
        found += _said_by_variables(host)
    systemd = text_or_empty(host, "/run/systemd/container")
    if systemd not in {"", "wsl"}:  # systemd counts WSL as a container
        found.append((_NAMES.get(systemd, "unknown"), "/run/systemd/container"))
    cgroup = parse_cgroup(text_or_empty(host, "/proc/1/cgroup"))
    if cgroup:
        found.append((cgroup, "/proc/1/cgroup"))
    root = parse_root_mount(_mounts(host))
    if root:
        found.append((root, "/proc/mounts"))
    return found


def _mounts(host: Host) -> str:
    """Return the mount table; a foreign /proc/mounts would show this process's own, so there the first process's."""
    path = "/proc/1/mounts" if not host.is_live and exists(host, "/proc/1/mounts") else "/proc/mounts"
    return text_or_empty(host, path)


def _said_by_variables(host: Host) -> list[tuple[str, str]]:
    """Return what this process's own variables tell; they say nothing about another root."""
    if not host.is_live:
        return []
    found: list[tuple[str, str]] = []
    if "KUBERNETES_SERVICE_HOST" in host.variables:
        found.append(("kubernetes", "KUBERNETES_SERVICE_HOST"))
    if {"SINGULARITY_CONTAINER", "APPTAINER_CONTAINER"} & set(host.variables):
        found.append(("singularity", "APPTAINER_CONTAINER"))
    engine = host.variables.get("container", "")
    if engine not in {"", "wsl"}:
        found.append((_NAMES.get(engine, "unknown"), "the variable `container`"))
    return found
