"""The overview's line on operating system, container, memory."""

from __future__ import annotations

from gpudoctor.facts.system import System
from gpudoctor.render.values import gibibytes


def system_lines(system: System) -> tuple[str, tuple[str, ...]]:
    """Return the mark without findings, and what is shown."""
    name = system.distribution_name.peek() or system.os_name.peek()
    if name is None and system.kernel_release.peek() is None:
        return "unknown", (f"not known: {system.os_name.unknown or 'nothing was read'}",)
    said = [name or "an operating system without a name"]
    if release := system.kernel_release.peek():
        said.append(f"kernel {release}")
    if architecture := system.architecture.peek():
        said.append(architecture)
    if glibc := system.glibc_version.peek():
        said.append(f"glibc {glibc}")
    if memory := system.memory_total_bytes.peek():
        said.append(f"{gibibytes(memory)} memory")
    return "ok", (", ".join([*said, *_confinement(system)]),)


def _confinement(system: System) -> list[str]:
    said = []
    if wsl := system.wsl.peek():
        said.append(f"WSL {wsl.version}")
    if container := system.container.peek():
        kind = "" if container.kind == "unknown" else f"{container.kind} "
        said.append(f"in a {kind}container")
    if hypervisor := system.virtualization.peek():
        said.append(f"virtual machine ({hypervisor})")
    if tegra := system.tegra_release.peek():
        said.append(f"Jetson {tegra}")
    return said
