"""Containers, WSL and virtual machines: what cgroups, mounts, kernel releases and DMI names say."""

from __future__ import annotations

import re

_CGROUP_KINDS = (
    ("kubernetes", re.compile(r"kubepods|/kubelet")),
    ("docker", re.compile(r"/docker[/-]|/actions_job")),
    ("podman", re.compile(r"libpod")),
    ("lxc", re.compile(r"/lxc[./]|lxc\.payload")),
    ("containerd", re.compile(r"containerd|cri-o|/crio-")),
)
_ROOT_KINDS = (
    ("docker", re.compile(r"/docker/overlay2/|/docker/")),
    ("podman", re.compile(r"/containers/storage/")),
    ("containerd", re.compile(r"containerd")),
)
_DRIVER_MOUNT = re.compile(r"nvidia|libcuda|/dev/dxg|/usr/lib/wsl")
# DMI vendor and product names -> hypervisor, first match wins. Amazon's ".metal" sizes run on no hypervisor.
_HYPERVISORS = (
    ("", re.compile(r"\.metal\b")),
    ("VMware", re.compile(r"VMware")),
    ("VirtualBox", re.compile(r"VirtualBox|innotek")),
    ("Hyper-V", re.compile(r"Microsoft Corporation.*Virtual Machine", re.DOTALL)),
    ("Xen", re.compile(r"\bXen\b|HVM domU")),
    ("Parallels", re.compile(r"Parallels")),
    ("Apple Virtualization", re.compile(r"Apple Virtualization")),
    (
        "KVM",
        re.compile(
            r"QEMU|\bKVM\b|Amazon EC2|Google Compute Engine|OpenStack|Bochs|oVirt|RHEV|DigitalOcean|Hetzner vServer"
        ),
    ),
)
MOUNTS_KEPT = 60


def parse_cgroup(text: str) -> str:
    """Return the kind of container that /proc/1/cgroup tells, "" when it tells none.

    12:devices:/docker/4ab1f0...
    0::/kubepods.slice/kubepods-besteffort.slice/...
    0::/
    (Linux 5.15 with cgroup v1; 6.8 with cgroup v2, where a private namespace shows no more than "/")
    """
    return next((kind for kind, pattern in _CGROUP_KINDS if pattern.search(text)), "")


def parse_root_mount(text: str) -> str:
    """Return the kind of container that the root file system in /proc/mounts tells, "" when it tells none.

    overlay / overlay rw,relatime,lowerdir=/var/lib/docker/overlay2/l/AB:/var/lib/docker/overlay2/l/CD,... 0 0
    (Linux 6.8; live systems have an overlay root too, of other folders)
    """
    for line in text.splitlines():
        words = line.split(" ")
        if len(words) > 3 and words[1] == "/" and words[2] == "overlay":  # noqa: PLR2004  # source, point, type, options
            return next((kind for kind, pattern in _ROOT_KINDS if pattern.search(words[3])), "")
    return ""


def parse_driver_mounts(text: str) -> tuple[str, ...]:
    """Return the mount points in /proc/mounts that carry the NVIDIA driver into a container, at most MOUNTS_KEPT.

    /dev/nvme0n1p2 /usr/lib/x86_64-linux-gnu/libcuda.so.535.104.05 ext4 ro,nosuid,nodev,relatime 0 0
    devtmpfs /dev/nvidia0 devtmpfs ro,nosuid,noexec,size=65536k 0 0
    (nvidia-container-toolkit 1.14; compiler libraries are left out)
    """
    points = [words[1] for words in (line.split(" ") for line in text.splitlines()) if len(words) > 1]
    found = [point for point in points if _DRIVER_MOUNT.search(point) and "nvvm" not in point]
    return tuple(dict.fromkeys(found))[:MOUNTS_KEPT]


def parse_wsl_version(kernel_release: str) -> int | None:
    """Return 1 or 2 for a kernel of the Windows Subsystem for Linux, None for another.

    4.4.0-19041-Microsoft (WSL 1), 5.15.153.1-microsoft-standard-WSL2 (WSL 2)
    """
    text = kernel_release.lower()
    if "microsoft" not in text and "wsl2" not in text:
        return None
    return 1 if re.match(r"[34]\.\d+\.\d+-\d+-microsoft$", text) else 2


def parse_hypervisor(dmi: str) -> str | None:
    """Return the hypervisor that DMI vendor and product names tell; "" = bare metal for sure, None = not told.

    QEMU
    Standard PC (Q35 + ICH9, 2009)
    (sys_vendor and product_name of a KVM guest)
    """
    return next((name for name, pattern in _HYPERVISORS if pattern.search(dmi)), None)


def parse_tegra_release(text: str) -> str:
    """Return the L4T release in /etc/nv_tegra_release, "" when the file says none.

    # R36 (release), REVISION: 4.0, GCID: 37537400, BOARD: generic, EABI: aarch64, DATE: Fri Sep 13 04:36:44 UTC 2024
    (JetPack 6.1)
    """
    match = re.match(r"#?\s*(R\d+ \(release\), REVISION: [\d.]+)", text)
    return match[1] if match else ""
