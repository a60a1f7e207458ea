"""Which packages install an NVIDIA driver on this distribution, and which branch and flavour its GPUs take."""

from __future__ import annotations

from collections.abc import Iterator

from gpudoctor.knowledge import drivers, gpus
from gpudoctor.knowledge.versions import version_key
from gpudoctor.rules.advice.commands import distribution, package_manager
from gpudoctor.rules.readings import nvidia_hardware
from gpudoctor.rules.rule import Case

_FIRST_WITHOUT_MODULES = "10"  # Enterprise Linux 10 has no module streams


def _architectures(case: Case) -> Iterator[gpus.Architecture]:
    """Yield the architectures of the GPUs that are known, from NVML or by PCI id."""
    seen = {gpu.compute_capability.peek(): gpu.name.peek() or "" for gpu in case.machine.gpus.peek() or ()}
    if not seen:
        devices = () if case.driver.pci_devices.is_unknown else nvidia_hardware.nvidia_devices(case)
        seen = {nvidia_hardware.capability_of(case, device): device.name for device in devices}
    for capability, name in seen.items():
        row = gpus.architecture(capability, name) if capability else None
        if row:
            yield row


def newest_branch_for(case: Case) -> str | None:
    """Return the newest branch that serves every known GPU here ("470"), None when current drivers do."""
    last = [row.last_branch for row in _architectures(case) if row.last_branch]
    return min(last, key=version_key) if last else None


def supported_branch(case: Case, at_least: str) -> str:
    """Return the oldest branch that is still supported, reaches `at_least` and serves the GPUs; else `at_least`."""
    newest = newest_branch_for(case)
    for one in drivers.known_branches():
        is_reached = version_key(one.branch) >= version_key(at_least)
        serves = newest is None or version_key(one.branch) <= version_key(newest)
        if is_reached and serves and not one.has_ended:
            return one.branch
    return at_least


def flavour_wanted(case: Case) -> bool | None:
    """Return True when a GPU here needs the open kernel modules, False when one needs the proprietary, else None."""
    kinds = {row.kernel_modules for row in _architectures(case)}
    if "proprietary_only" in kinds:
        return False
    return True if "open_only" in kinds else None


def driver_packages(case: Case, branch: str | None, is_open: bool | None) -> tuple[str, ...]:
    """Return the commands (without sudo) that install a driver here; () when the distribution is not known well enough.

    `branch` None: the one that the distribution recommends. `is_open` None: the distribution's default flavour.
    Names of packages: Ubuntu's and Debian's archives, NVIDIA's driver installation guide (release 615, 2026-09) for
    the distributions that use its repository, Arch's own documentation.
    """
    name, manager = distribution(case), package_manager(case)
    if name in ("ubuntu", "linuxmint") or "ubuntu" in (case.system.distribution_like.peek() or ()):
        return _ubuntu(branch, is_open)
    if manager == "apt":
        return _debian(case, branch, is_open)
    if name == "fedora":
        return ("dnf install akmod-nvidia xorg-x11-drv-nvidia-cuda",) if not branch else ()
    if manager == "dnf":
        return _enterprise_linux(case, branch, is_open)
    if manager == "pacman" and not branch and is_open is not False:
        return ("pacman -Syu nvidia-open-dkms nvidia-utils",)
    return ()


def _ubuntu(branch: str | None, is_open: bool | None) -> tuple[str, ...]:
    if not branch:
        return ("apt update", "ubuntu-drivers install")
    if is_open is None:
        return ("apt update", f"ubuntu-drivers install nvidia:{branch}")
    return ("apt update", f"apt install nvidia-driver-{branch}{'-open' if is_open else ''}")


def _debian(case: Case, branch: str | None, is_open: bool | None) -> tuple[str, ...]:
    """Debian has one branch a release; another one comes from NVIDIA's repository, held by a pinning package."""
    if branch:
        package = "cuda-drivers" if is_open is False else "nvidia-open"
        return (f"apt install nvidia-driver-pinning-{branch}", f"apt install {package}")
    headers = "linux-headers-arm64" if case.system.architecture.peek() == "aarch64" else "linux-headers-amd64"
    module = " nvidia-open-kernel-dkms" if is_open else ""
    return ("apt update", f"apt install {headers} nvidia-driver{module} firmware-misc-nonfree")


def _enterprise_linux(case: Case, branch: str | None, is_open: bool | None) -> tuple[str, ...]:
    """Red Hat's family with NVIDIA's repository: module streams choose the branch, a version lock from 10 on."""
    if (case.system.distribution_version.peek() or "").split(".")[0] == _FIRST_WITHOUT_MODULES:
        lock = (f"dnf versionlock '*nvidia*{branch}*'",) if branch else ()
        return (*lock, f"dnf install {'cuda-drivers' if is_open is False else 'nvidia-open'}")
    if is_open is False:
        return (f"dnf module enable nvidia-driver:{branch or 'latest'}-dkms", "dnf install cuda-drivers")
    return (f"dnf module enable nvidia-driver:{f'{branch}-open' if branch else 'open-dkms'}", "dnf install nvidia-open")
