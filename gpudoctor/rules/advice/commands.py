"""Commands that fit this machine: its package manager, and sudo where the user is not root."""

from __future__ import annotations

from gpudoctor.rules.rule import Case

_MANAGERS = {
    "apt": ("debian", "ubuntu", "linuxmint", "pop", "raspbian", "kali"),
    "dnf": ("fedora", "rhel", "centos", "rocky", "almalinux", "ol", "amzn"),
    "zypper": ("opensuse", "suse", "sles", "opensuse-leap", "opensuse-tumbleweed"),
    "pacman": ("arch", "manjaro", "endeavouros", "cachyos"),
}


def distribution(case: Case) -> str:
    """Return the distribution's os-release ID, "" when unknown."""
    return case.system.distribution_id.peek() or ""


def package_manager(case: Case) -> str:
    """Return apt, dnf, zypper or pacman, "" when the distribution is unknown or has another one."""
    names = (distribution(case), *(case.system.distribution_like.peek() or ()))
    for name in names:
        for manager, distributions in _MANAGERS.items():
            if name in distributions:
                return manager
    return ""


def is_root(case: Case) -> bool:
    """Whether the user is root."""
    user = case.system.user.peek()
    return user is not None and user.uid == 0


def as_root(case: Case, *commands: str) -> tuple[str, ...]:
    """Return the commands with `sudo` in front, unless the user is root already."""
    return commands if is_root(case) else tuple(f"sudo {command}" for command in commands)
