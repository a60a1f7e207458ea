"""System, container, compiler and kernel log."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpudoctor.facts.system import HostCompiler
from gpudoctor.probes.containers import probe_container
from gpudoctor.probes.host import Host
from gpudoctor.probes.host_compiler import probe_host_compiler
from gpudoctor.probes.kernel_log import probe_kernel_log
from gpudoctor.probes.system import probe_system
from gpudoctor.probes.variables import variables_that_matter
from tests.parsers.test_machine_files import CPUINFO
from tests.probes.trees import add_command, host_of

XID = "[   22.200357] NVRM: Xid (PCI:0000:83:00): 79, pid=801, name=python, GPU has fallen off the bus."
REFUSED = "echo 'dmesg: read kernel buffer failed: Operation not permitted' >&2; exit 1"


def test_dmesg(tmp_path: Path) -> None:
    host = host_of(tmp_path, {})
    add_command(host, "dmesg", f'echo "{XID}"')
    log = probe_kernel_log(host)
    assert [xid.number for xid in log.xids.need()] == [79]
    assert log.lines.source == "dmesg"


def test_the_journal_where_dmesg_is_refused(tmp_path: Path) -> None:
    host = host_of(tmp_path, {})
    add_command(host, "dmesg", REFUSED)
    add_command(host, "journalctl", "echo '[   22.200357] node01 kernel: NVRM: Xid (PCI:0000:01:00): 31, pid=5'")
    log = probe_kernel_log(host)
    assert log.xids.source == "journalctl -k -b"
    assert [line.text for line in log.lines.need()] == ["[22.200357] NVRM: Xid (PCI:0000:01:00): 31, pid=5"]


def test_a_log_that_may_not_be_read_is_unknown(tmp_path: Path) -> None:
    host = host_of(tmp_path, {})
    add_command(host, "dmesg", REFUSED)
    add_command(host, "journalctl", "echo '-- No entries --'")
    log = probe_kernel_log(host)
    assert "read kernel buffer failed: Operation not permitted" in log.lines.unknown
    assert log.xids.unknown == log.lines.unknown


def test_the_log_files_of_a_root(tmp_path: Path) -> None:
    log = probe_kernel_log(host_of(tmp_path, {"var/log/kern.log": f"{XID}\n"}))
    assert (log.xids.source, len(log.xids.need())) == ("/var/log/kern.log", 1)


def test_system_of_a_tree(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "etc/os-release": 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="22.04"\nPRETTY_NAME="Ubuntu 22.04.5 LTS"\n',
        "proc/sys/kernel/osrelease": "6.8.0-45-generic\n",
        "proc/cpuinfo": CPUINFO.format("hypervisor"),
        "proc/meminfo": "MemTotal: 65765612 kB\n",
        "usr/lib/x86_64-linux-gnu/libc.so.6": b"GNU C Library (Ubuntu GLIBC) stable release version 2.35.\n",
        "usr/lib/x86_64-linux-gnu/libstdc++.so.6": b"\0GLIBCXX_3.4.29\0GLIBCXX_3.4.30\0",
        "sys/class/dmi/id/sys_vendor": "QEMU\n",
        "etc/nv_tegra_release": "# R36 (release), REVISION: 4.0, GCID: 37537400\n",
    }
    system = probe_system(host_of(tmp_path, files, {"lib": "usr/lib"}, CUDA_VISIBLE_DEVICES="0"))
    assert (system.distribution_id.need(), system.distribution_like.need()) == ("ubuntu", ("debian",))
    assert (system.distribution_version.need(), system.kernel_release.need()) == ("22.04", "6.8.0-45-generic")
    assert (system.glibc_version.need(), system.glibcxx_version.need()) == ("2.35", "3.4.30")
    assert (system.cpu_count.need(), "avx2" in system.cpu_flags.need()) == (2, True)
    assert system.memory_total_bytes.need() == 65765612 * 1024
    assert "MemAvailable" in system.memory_available_bytes.unknown
    assert system.virtualization.need() == "KVM"
    assert system.tegra_release.need() == "R36 (release), REVISION: 4.0"
    assert system.variables.need() == {"CUDA_VISIBLE_DEVICES": "0"}
    assert system.shm_total_bytes.is_absent


def test_an_empty_tree_is_unknown_not_empty(tmp_path: Path) -> None:
    system = probe_system(host_of(tmp_path, {"etc/": ""}))
    names = ("distribution_id", "distribution_like", "kernel_release", "cpu_model", "cpu_count", "cpu_flags")
    for name in (*names, "memory_total_bytes", "virtualization", "glibc_version"):
        assert getattr(system, name).is_unknown, name


def test_musl_has_no_glibc(tmp_path: Path) -> None:
    assert probe_system(host_of(tmp_path, {"lib/ld-musl-x86_64.so.1": ""})).glibc_version.is_absent


def test_bare_metal_by_the_processors_flag(tmp_path: Path) -> None:
    files = {"proc/cpuinfo": CPUINFO.format(""), "sys/class/dmi/id/sys_vendor": "Dell Inc.\n"}
    assert probe_system(host_of(tmp_path, files)).virtualization.is_absent


def test_no_secret_is_taken_along() -> None:
    variables = {
        "CUDA_VISIBLE_DEVICES": "1",
        "NVIDIA_API_KEY": "nvapi-1",
        "TF_VAR_db_password": "x",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_TOKEN_app": "x",
        "JAX_SECRET": "x",
        "PATH": "/usr/bin",
        "HOME": "/home/user",
        "LD_LIBRARY_PATH": "/usr/local/cuda/lib64",
    }
    assert variables_that_matter(variables) == {
        name: variables[name] for name in ("CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "TF_CPP_MIN_LOG_LEVEL")
    }


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({".dockerenv": ""}, "docker"),
        ({"run/.containerenv": 'engine="podman-4.9.3"\n'}, "podman"),
        ({".dockerenv": "", "proc/1/cgroup": "0::/kubepods.slice/pod1\n"}, "kubernetes"),
        ({".dockerenv": "", "var/run/secrets/kubernetes.io/": ""}, "kubernetes"),
        ({".singularity.d/": ""}, "singularity"),
        ({"run/systemd/container": "lxc\n"}, "lxc"),
        ({"run/systemd/container": "systemd-nspawn\n"}, "unknown"),
        ({"proc/mounts": "overlay / overlay rw,lowerdir=/var/lib/containerd/io.containerd/1/fs 0 0\n"}, "containerd"),
    ],
)
def test_kinds_of_containers(tmp_path: Path, files: dict[str, str], kind: str) -> None:
    container = probe_container(host_of(tmp_path, files)).container.need()
    assert container.kind == kind
    assert container.evidence


@pytest.mark.parametrize(
    "files",
    [
        {"proc/1/cgroup": "0::/init.scope\n"},
        {"proc/1/cgroup": "0::/\n", "run/systemd/container": "wsl\n", "run/WSL/": ""},
        {"proc/1/cgroup": "0::/\n", ".dockerenv": "", "run/WSL/": ""},
        {"proc/mounts": "overlay / overlay rw,lowerdir=/cdrom/squashfs 0 0\n"},
    ],
)
def test_no_container(tmp_path: Path, files: dict[str, str]) -> None:
    assert probe_container(host_of(tmp_path, files)).container.is_absent


def test_variables_of_this_process_say_nothing_about_another_root(tmp_path: Path) -> None:
    host = host_of(tmp_path, {"proc/1/cgroup": "0::/init.scope\n"}, KUBERNETES_SERVICE_HOST="10.0.0.1")
    assert probe_container(host).container.is_absent


def test_mounts_of_the_driver(tmp_path: Path) -> None:
    mounts = (
        "tmpfs /proc/driver/nvidia tmpfs rw 0 0\n/dev/sda1 /usr/bin/nvidia-smi ext4 ro 0 0\nproc /proc proc rw 0 0\n"
    )
    container = probe_container(host_of(tmp_path, {".dockerenv": "", "proc/mounts": mounts})).container.need()
    assert container.driver_mounts == ("/proc/driver/nvidia", "/usr/bin/nvidia-smi")


def test_host_compiler(tmp_path: Path) -> None:
    host = host_of(tmp_path, {})
    assert probe_host_compiler(host).host_compiler.is_absent
    add_command(host, "gcc", "echo not a compiler; exit 1")
    assert probe_host_compiler(host).host_compiler.is_unknown
    add_command(host, "clang", "echo 'Debian clang version 14.0.6'")
    found = HostCompiler(name="clang", version="14.0.6", path=str(tmp_path / "commands/clang"))
    assert probe_host_compiler(host).host_compiler.need() == found


def test_other_operating_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    system = probe_system(Host(variables={"PATH": ""}))
    assert (system.os_name.need(), system.cpu_flags.unknown) == ("Darwin", "only read on Linux")
    assert system.tegra_release.is_absent
    assert system.memory_total_bytes.need() > 0
    assert probe_container(Host()).container.is_absent
    assert probe_kernel_log(Host()).lines.unknown == "only read on Linux"
