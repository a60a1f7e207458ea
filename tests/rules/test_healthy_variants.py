"""Machines as the field has them on which nothing is wrong: all rules together say no error and no warning."""

from __future__ import annotations

from typing import Any

import pytest

from gpudoctor.knowledge import drivers, torch
from tests.rules.diagnosis import bad_findings, report_of
from tests.rules.healthy_environments import ENVIRONMENTS
from tests.rules.healthy_hardware import HARDWARE
from tests.rules.machine_lines import Lines, cards, driver, torch_build
from tests.rules.whole_machines import V100

VARIANTS = HARDWARE | ENVIRONMENTS


@pytest.mark.parametrize(("base", "lines"), VARIANTS.values(), ids=VARIANTS)
def test_a_healthy_machine_has_no_bad_finding(base: str, lines: Lines) -> None:
    report = report_of(base, lines)
    assert report.crashed == ()
    assert bad_findings(report) == []
    assert report.verdict == "healthy"
    assert report.root_cause is None


def _served_builds() -> list[Any]:
    """Return every driver branch with each torch wheel that it serves, the newest wheel of a CUDA release."""
    newest: dict[str, tuple[str, Any]] = {}
    for version in torch.releases():
        for wheel in torch.wheels(version, "linux_x86_64"):
            if wheel.cuda and wheel.archs:
                newest.setdefault(wheel.cuda, (version, wheel))
    cases = []
    for branch in drivers.known_branches():
        for version, wheel in newest.values():
            number = f"{branch.branch}.210.02"
            if drivers.driver_serves(wheel.cuda, number, branch.max_cuda):
                cases.append(pytest.param(number, branch.max_cuda, f"{version}+{wheel.variant}", wheel.cuda))
    return cases


@pytest.mark.parametrize(("number", "driver_cuda", "version", "cuda"), _served_builds())
def test_a_build_that_the_driver_serves_is_no_finding(number: str, driver_cuda: str, version: str, cuda: str) -> None:
    archs = torch.wheel_archs(version.partition("+")[0], version.partition("+")[2], "linux_x86_64")
    assert archs is not None
    card = V100 if "sm_70" in archs[0] else cards("Tesla T4", "7.5", 0x1EB8, memory_gib=16)
    lines = driver(number, driver_cuda) | card | torch_build(version, cuda, cudnn="8.9.7")
    if int(number[:3]) < 410 and card is not V100:
        pytest.skip("no such card in those days")
    assert bad_findings(report_of("desktop", lines)) == []
