"""Advice about NVSwitch's fabric manager: install the one of the driver's version, start it."""

from __future__ import annotations

from gpudoctor.findings.finding import Fix
from gpudoctor.knowledge import drivers
from gpudoctor.rules.advice.commands import as_root, package_manager
from gpudoctor.rules.advice.driver import on_the_host
from gpudoctor.rules.readings.nvidia_hardware import is_container
from gpudoctor.rules.rule import Case


def start_fabric_manager(case: Case) -> Fix:
    """Enable and start the service, and read what it says."""
    commands = (
        "systemctl enable --now nvidia-fabricmanager",
        "journalctl -b -u nvidia-fabricmanager --no-pager",
    )
    title = "Start the fabric manager and read its log"
    return on_the_host(case, Fix(title=title, commands=as_root(case, *commands), needs_root=True))


def install_fabric_manager(case: Case, driver_version: str) -> Fix:
    """Install the fabric manager of exactly the driver's version."""
    branch = drivers.branch_of(driver_version)
    commands = {
        "apt": f"apt install nvidia-fabricmanager-{branch.branch if branch else ''}={driver_version}-*",
        "dnf": f"dnf install nvidia-fabricmanager-{driver_version}",
    }
    wanted = commands.get(package_manager(case)) if branch and not is_container(case) else None
    title = f"Install the fabric manager of version {driver_version}"
    fix = Fix(title=title, commands=as_root(case, wanted) if wanted else (), needs_root=True)
    return on_the_host(case, fix)
