"""The nvidia-smi probe, with commands of our own on PATH."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpudoctor.probes.host import Host
from gpudoctor.probes.smi import probe_smi

BANNER = "| NVIDIA-SMI 580.95.05              Driver Version: 580.95.05      CUDA Version: 13.0     |"


def _host(folder: Path, script: str, timeout_seconds: float = 30.0) -> Host:
    command = folder / "nvidia-smi"
    command.write_text("#!/bin/sh\n" + script)
    command.chmod(0o755)
    return Host(root=folder, variables={"PATH": str(folder)}, timeout_seconds=timeout_seconds)


def test_table(tmp_path: Path) -> None:
    fact = probe_smi(_host(tmp_path, f"echo '+---+'\necho '{BANNER}'\n"))
    smi = fact.need()
    assert fact.source == smi.path == str(tmp_path / "nvidia-smi")
    assert (smi.driver_version, smi.cuda_version, smi.smi_version) == ("580.95.05", "13.0", "580.95.05")
    assert (smi.is_table, smi.exit_code, smi.message) == (True, 0, "")


def test_failure_keeps_words_and_code(tmp_path: Path) -> None:
    words = "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 535.216"
    smi = probe_smi(_host(tmp_path, f"echo '{words}'\nexit 18\n")).need()
    assert (smi.is_table, smi.exit_code, smi.message) == (False, 18, words)


def test_one_lost_gpu_is_said_on_standard_error(tmp_path: Path) -> None:
    words = "Unable to determine the device handle for GPU3: 0000:5F:00.0: Unknown Error"
    smi = probe_smi(_host(tmp_path, f"echo '{BANNER}'\necho '{words}' >&2\n")).need()
    assert (smi.is_table, smi.message) == (True, words)


def test_none_on_path_is_absent(tmp_path: Path) -> None:
    assert probe_smi(Host(root=tmp_path, variables={"PATH": str(tmp_path)})).is_absent


def test_hang_is_unknown(tmp_path: Path) -> None:
    fact = probe_smi(_host(tmp_path, "exec /bin/sleep 60\n", timeout_seconds=0.5))
    assert fact.unknown == "nvidia-smi did not answer within 0.5 s"


def test_crash_is_unknown(tmp_path: Path) -> None:
    assert probe_smi(_host(tmp_path, "kill -SEGV $$\n")).unknown == "nvidia-smi was killed by SIGSEGV"


@pytest.mark.parametrize("garbage", [b"", b"\x00\xff\xfe\x1b[31m" * 5000, b"\n\n  \n"])
def test_garbage_is_kept_short(tmp_path: Path, garbage: bytes) -> None:
    (tmp_path / "garbage").write_bytes(garbage)
    smi = probe_smi(_host(tmp_path, f"exec /bin/cat '{tmp_path / 'garbage'}'\n")).need()
    assert not smi.is_table
    assert len(smi.message) <= 400
    assert smi.message.replace("\n", "").isprintable()


def test_command_that_cannot_be_started(tmp_path: Path) -> None:
    host = _host(tmp_path, "")
    (tmp_path / "nvidia-smi").write_bytes(b"\x7fELF of another machine")
    assert "cannot be started" in probe_smi(host).unknown
