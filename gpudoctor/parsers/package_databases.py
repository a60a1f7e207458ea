"""Package databases: which packages of the driver, CUDA and cuDNN the system's package manager has installed."""

from __future__ import annotations

import re

from gpudoctor.facts.driver import SystemPackage

# Mesa's libdrm-nouveau is on every desktop and says nothing about the driver.
CONCERNS_GPU = re.compile(
    r"nvidia|cuda|cudnn|(?<!libdrm-)(?<!libdrm_)nouveau|nccl|cublas|tensorrt|linux-headers|kernel-(?:default-)?devel",
    re.ASCII,
)
RPM_PATTERNS = (
    "*nvidia*",
    "*cuda*",
    "*cudnn*",
    "*nouveau*",
    "*nccl*",
    "*cublas*",
    "kernel-devel*",
    "kernel-default-devel*",
)
RPM_FORMAT = "%{NAME} %{VERSION}-%{RELEASE}\\n"


def parse_dpkg_status(text: str) -> tuple[SystemPackage, ...]:
    """Read /var/lib/dpkg/status; one entry a name and version, whatever the architecture.

    Package: nvidia-driver-580-open
    Status: install ok installed
    Architecture: amd64
    Version: 580.95.05-0ubuntu0.22.04.1
    (dpkg 1.21; a package that was removed but not purged says "deinstall ok config-files")
    """
    packages: dict[tuple[str, str], SystemPackage] = {}
    for stanza in text.split("\n\n"):
        head, _, rest = stanza.lstrip("\n").partition("\n")
        if not head.startswith("Package:") or not CONCERNS_GPU.search(head):
            continue
        name = head.removeprefix("Package:").strip()
        fields = dict(_field(line) for line in rest.splitlines() if line[:1] not in {" ", "\t"})
        version = fields.get("Version", "")
        state = (fields.get("Status", "").split() or ["unknown"])[-1]
        if (name, version) not in packages or state == "installed":
            packages[name, version] = SystemPackage(name=name, version=version, manager="dpkg", state=state)
    return tuple(packages[key] for key in sorted(packages))


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.strip()


def parse_rpm_list(text: str) -> tuple[SystemPackage, ...]:
    r"""Read the output of `rpm -qa --qf '%{NAME} %{VERSION}-%{RELEASE}\n'`.

    nvidia-driver-cuda 580.95.05-1.fc42
    kmod-nvidia-latest-dkms 575.57.08-1.el9
    (rpm 4.20)
    """
    packages = []
    for line in text.splitlines():
        name, _, version = line.strip().partition(" ")
        if version and " " not in version and CONCERNS_GPU.search(name):
            packages.append(SystemPackage(name=name, version=version, manager="rpm"))
    return tuple(sorted(packages, key=lambda package: (package.name, package.version)))


def parse_pacman_folders(names: list[str]) -> tuple[SystemPackage, ...]:
    """Read the folder names in /var/lib/pacman/local: NAME-VERSION-RELEASE.

    nvidia-open-dkms-580.95.05-3, linux-headers-6.17.1.arch1-1 (pacman 7.0)
    """
    packages = []
    for folder in names:
        pieces = folder.rsplit("-", 2)
        if len(pieces) == 3 and CONCERNS_GPU.search(pieces[0]):  # noqa: PLR2004  # name, version, release
            packages.append(SystemPackage(name=pieces[0], version=f"{pieces[1]}-{pieces[2]}", manager="pacman"))
    return tuple(sorted(packages, key=lambda package: package.name))


def parse_installer_log(text: str) -> str:
    """Return the driver version that /var/log/nvidia-installer.log speaks of, "" when it says none.

    nvidia-installer log file '/var/log/nvidia-installer.log'
    creation time: Tue Oct 14 09:12:44 2025
    installer version: 535.104.05
    (NVIDIA-Linux-x86_64-535.104.05.run)
    """
    match = re.search(r"^installer version: (\d[\d.]*)", text, re.MULTILINE)
    return match[1] if match else ""
