"""The torch that a fix names would be no finding on the machine that it was named for."""

from __future__ import annotations

import re

import pytest

from gpudoctor.engine.report import Report
from gpudoctor.knowledge import torch
from tests.rules.broken_states import torch_blind
from tests.rules.diagnosis import report_of
from tests.rules.machine_lines import Lines, cards, cpu_torch, driver, torch_build

# Codes that say that a build does not fit driver, card or Python.
MISFITS = ("CUD001", "CUD007", "CUD011", "DNN003", "PYT001", "TOR001", "TOR003")
_NAMED = re.compile(r"torch==([\d.]+)\+(cu\d+)")
NEWEST = torch_build("2.11.0+cu130", "13.0") | torch_blind("The NVIDIA driver on your system is too old", 35)
STARTED = {"run.torch.is_gpu_available": True, "run.torch.gpu_error": {"absent": True}}
STARTED |= {"run.torch.gpu_error_code": {"absent": True}}

MACHINES: dict[str, Lines] = {
    "V100 on 535": driver("535.183.01") | cards("Tesla V100-SXM2-16GB", "7.0", 0x1DB1, memory_gib=16),
    "V100 on 580": driver("580.95.05") | cards("Tesla V100-SXM2-16GB", "7.0", 0x1DB1, memory_gib=16),
    "V100 on 450": driver("450.248.02") | cards("Tesla V100-SXM2-16GB", "7.0", 0x1DB1, memory_gib=16),
    "T4 on 470": driver("470.256.02") | cards("Tesla T4", "7.5", 0x1EB8, memory_gib=16),
    "GTX 1080 on 570": driver("570.195.03") | cards("NVIDIA GeForce GTX 1080", "6.1", 0x1B80, memory_gib=8),
    "GTX 1080 on 580": driver("580.95.05") | cards("NVIDIA GeForce GTX 1080", "6.1", 0x1B80, memory_gib=8),
    "GTX 980 on 535": driver("535.183.01") | cards("NVIDIA GeForce GTX 980", "5.2", 0x13C0, memory_gib=4),
    "A100 on 515": driver("515.105.01") | cards("NVIDIA A100-SXM4-80GB", "8.0", 0x20B2, memory_gib=80),
    "RTX 3090 on 525": driver("525.147.05") | cards("NVIDIA GeForce RTX 3090", "8.6", 0x2204),
    "RTX 4090 on 550": driver("550.163.01"),
    "H100 on 535": driver("535.183.01") | cards("NVIDIA H100 80GB HBM3", "9.0", 0x2330, count=2, memory_gib=80),
    "RTX 5090 on 570": driver("570.195.03", flavour="open") | cards("NVIDIA GeForce RTX 5090", "12.0", 0x2B85),
    "B200 on 575": driver("575.57.08", flavour="open") | cards("NVIDIA B200", "10.0", 0x2901, memory_gib=180),
    "a driver of tomorrow": driver("655.41.02", "14.1", flavour="open"),
    "K80 on 470": driver("470.256.02") | cards("Tesla K80", "3.7", 0x102D, memory_gib=12),
}


def _advised(report: Report) -> re.Match[str] | None:
    texts = [command for finding in report.findings for fix in finding.fixes for command in fix.commands]
    return next((match for text in texts if (match := _NAMED.search(text))), None)


@pytest.mark.parametrize("python", ["3.10.12", "3.13.5"])
@pytest.mark.parametrize("begun", [NEWEST, cpu_torch()], ids=["newest", "cpu"])
@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_the_advised_torch_fits(machine: Lines, begun: Lines, python: str) -> None:
    report = report_of("desktop", machine | begun | {"env.python_version": python})
    assert report.root_cause in MISFITS or report.root_cause == "PRF001"
    advised = _advised(report)
    commands = [command for finding in report.findings for fix in finding.fixes for command in fix.commands]
    if advised is None:
        assert any("gpudoctor setup" in command for command in commands)
        return
    version, variant = advised[1], advised[2]
    wheel = next(one for one in torch.wheels(version, "linux_x86_64") if one.variant == variant)
    after = machine | torch_build(f"{version}+{variant}", wheel.cuda or "", python=python) | STARTED
    again = report_of("desktop", after)
    assert [finding.message for finding in again.findings if finding.code in MISFITS] == []
    assert ".".join(python.split(".")[:2]) in torch.pythons(version, "linux_x86_64")
