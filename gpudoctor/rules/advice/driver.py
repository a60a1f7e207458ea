"""Advice about the driver: install, update, reload, reboot; addressed to its owner (this system, host, Windows)."""

from __future__ import annotations

import msgspec

from gpudoctor.findings.finding import Fix, Risk
from gpudoctor.knowledge import drivers
from gpudoctor.knowledge.versions import version_key
from gpudoctor.rules.advice.commands import as_root
from gpudoctor.rules.advice.driver_packages import driver_packages, flavour_wanted, newest_branch_for, supported_branch
from gpudoctor.rules.readings import nvidia_hardware
from gpudoctor.rules.readings.gpu_support import would_be_lost
from gpudoctor.rules.rule import Case

_WINDOWS_PAGE = "https://www.nvidia.com/drivers"
_UNIX_PAGE = "https://www.nvidia.com/en-us/drivers/unix/"


def install_driver(case: Case, branch: str | None = None, open_modules: bool | None = None) -> Fix:
    """Advise to install a driver; `branch` and flavour of the kernel modules are chosen by the GPUs when not given."""
    branch = branch or newest_branch_for(case)
    is_open = flavour_wanted(case) if open_modules is None else open_modules
    which = _which(branch, is_open)
    return _owned(case, f"Install the NVIDIA driver{which}", driver_packages(case, branch, is_open))


def install_other_flavour(case: Case, version: str | None, open_modules: bool) -> Fix:
    """Advise to install the branch of driver `version`, or an old GPU's last branch, in the other flavour."""
    known = drivers.branch_of(version) if version else None
    branch = newest_branch_for(case) or (known.branch if known else None)
    return _unless_one_is_lost(case, branch, open_modules)


def install_last_branch(case: Case, branch: str) -> Fix:
    """Advise to install the last branch that serves an old GPU."""
    return _unless_one_is_lost(case, branch, open_modules=False)


def _unless_one_is_lost(case: Case, branch: str | None, open_modules: bool) -> Fix:
    """Advise to install a driver, unless a GPU that works now would then not be served: one machine has one driver."""
    flavour = "open" if open_modules else "proprietary"
    other = would_be_lost(case, branch, flavour)
    if other:
        which = f"branch {branch} with {flavour} modules" if branch else f"a driver with {flavour} modules"
        return Fix(title=f"Use this GPU in another machine, or leave it unused: {which} does not serve {other}")
    return install_driver(case, branch, open_modules)


def update_driver(case: Case, branch: str) -> Fix:
    """Advise to replace the driver by one of `branch` ("580") or newer that still serves the GPUs."""
    newest = newest_branch_for(case)
    if newest and version_key(newest) < version_key(branch):
        return Fix(title=f"Use builds for an older CUDA: branch {branch} is needed, and these GPUs end with {newest}")
    advised = supported_branch(case, branch)
    notes = [f"{branch} is the least" if advised != branch else "", f"{newest} the last" if newest else ""]
    said = ", ".join(note for note in notes if note)
    commands = driver_packages(case, advised, flavour_wanted(case))
    title = f"Update the NVIDIA driver to branch {advised}{' or newer' if newest != advised else ''}"
    return _owned(case, f"{title} ({said} for this)" if said else title, commands)


def reboot(case: Case, why: str) -> Fix:
    """Advise to restart; `why` completes "so that ..."."""
    if nvidia_hardware.is_wsl(case):
        return Fix(title=f"Restart WSL from Windows, so that {why}", commands=("wsl.exe --shutdown",))
    fix = Fix(title=f"Reboot, so that {why}", commands=as_root(case, "reboot"), needs_root=True, needs_reboot=True)
    return on_the_host(case, fix)


def reload_modules(case: Case) -> Fix:
    """Advise to stop what uses the GPU and to load the kernel modules anew, without a reboot."""
    fix = Fix(
        title="Or, without a reboot: stop everything that uses the GPU, then load the kernel modules again",
        commands=as_root(
            case,
            "fuser -v /dev/nvidia*",
            "systemctl stop nvidia-persistenced",
            "modprobe -r nvidia_drm nvidia_modeset nvidia_uvm nvidia",
            "modprobe nvidia",
            "modprobe nvidia_uvm",
        ),
        needs_root=True,
        risk=Risk.MEDIUM,
        risk_note="ends every program on the GPU and, where the GPU drives the screen, the desktop session",
    )
    return on_the_host(case, fix)


def on_the_host(case: Case, fix: Fix) -> Fix:
    """Readdress a fix: in a container the driver belongs to the host, in WSL to Windows; elsewhere unchanged.

    Commands that only fit the container's own distribution are left out by those who make them.
    """
    if nvidia_hardware.is_wsl(case):
        return msgspec.structs.replace(fix, title=f"In Windows: {_lower(fix.title)}", commands=(), needs_root=False)
    if nvidia_hardware.is_container(case):
        return msgspec.structs.replace(fix, title=f"On the container's host: {_lower(fix.title)}")
    return fix


def _owned(case: Case, title: str, commands: tuple[str, ...]) -> Fix:
    """Address the installation of a driver to its owner."""
    if nvidia_hardware.driver_platform(case) == "windows":
        where = "In Windows: " if nvidia_hardware.is_wsl(case) else ""
        then = ", then `wsl.exe --shutdown`; install no Linux driver inside WSL" if where else ""
        return Fix(title=f"{where}{title} from {_WINDOWS_PAGE}{then}", needs_reboot=not where)
    if nvidia_hardware.is_jetson(case):
        return Fix(title=f"{title}: on a Jetson it comes with JetPack, flash the release that has it", risk=Risk.HIGH)
    is_container = nvidia_hardware.is_container(case)
    if is_container or not commands:
        title += f" (by the host's package manager, else from {_UNIX_PAGE})" if is_container else f" from {_UNIX_PAGE}"
    fix = Fix(
        title=title,
        commands=() if is_container else as_root(case, *commands),
        needs_root=True,
        needs_reboot=True,
        risk=Risk.MEDIUM,
        risk_note="replaces the kernel modules; the screen may stay dark if the module does not load",
    )
    return on_the_host(case, fix)


def _which(branch: str | None, is_open: bool | None) -> str:
    flavour = {True: "open kernel modules", False: "proprietary kernel modules", None: ""}[is_open]
    pieces = [f"branch {branch}" if branch else "", flavour]
    said = ", ".join(piece for piece in pieces if piece)
    return f" ({said})" if said else ""


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:] if title[1:2].islower() else title
