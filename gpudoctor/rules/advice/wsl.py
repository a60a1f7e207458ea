"""Advice about the Windows Subsystem for Linux: some of it is done in Windows, not here."""

from __future__ import annotations

from gpudoctor.findings.finding import Fix, Risk

RESTART = Fix(
    title="In Windows, stop WSL, then open it again",
    commands=("wsl.exe --shutdown",),
    risk=Risk.MEDIUM,
    risk_note="everything that runs in WSL is stopped",
)

UPDATE = Fix(
    title="In Windows, bring WSL and its kernel up to date, then stop it once",
    commands=("wsl.exe --update", "wsl.exe --shutdown"),
    needs_root=True,
    risk=Risk.MEDIUM,
    risk_note="everything that runs in WSL is stopped",
)

UPGRADE_TO_2 = Fix(
    title="In Windows, move this distribution to WSL 2",
    commands=("wsl.exe --list --verbose", "wsl.exe --set-version DISTRIBUTION 2"),
    needs_root=True,
    risk=Risk.MEDIUM,
    risk_note="the distribution's disk is rewritten; make a copy first with wsl.exe --export",
)

WINDOWS_DRIVER = Fix(
    title="In Windows, install the NVIDIA driver for Windows; it brings the libraries for WSL with it",
    commands=(),
    needs_root=True,
    needs_reboot=True,
)

PUT_ON_LOADER_PATH = Fix(
    title="Make the folder of the Windows driver's libraries known to the loader",
    commands=("echo /usr/lib/wsl/lib | sudo tee /etc/ld.so.conf.d/ld.wsl.conf", "sudo ldconfig"),
    needs_root=True,
)


def remove_linux_driver(packages: tuple[str, ...], manager: str) -> Fix:
    """Remove the Linux driver's packages, which have no place in WSL."""
    names = " ".join(packages)
    command = {
        "dpkg": f"sudo apt-get purge {names}",
        "rpm": f"sudo dnf remove {names}",
        "pacman": f"sudo pacman -Rns {names}",
        "runfile": "sudo nvidia-uninstall",
    }.get(manager, f"sudo apt-get purge {names}")
    return Fix(
        title="Remove the Linux driver from WSL; the Windows driver serves it",
        commands=(command, "sudo ldconfig"),
        needs_root=True,
        risk=Risk.MEDIUM,
        risk_note="read the list of packages before agreeing: toolkits that depend on the driver package go with it",
    )
