"""Drivers: branches, floors, what starts on what."""

from __future__ import annotations

import pytest

from gpudoctor.knowledge import drivers


@pytest.mark.parametrize(
    ("version", "platform", "branch"),
    [
        ("535.104.05", "linux", "535"),
        ("580.95.05", "linux", "580"),
        ("367.48", "linux", None),
        ("600.10", "linux", None),
        ("537.13", "linux", None),  # a Windows number
        ("537.13", "windows", "535"),
        ("537.13", "wsl", "535"),
        ("528.33", "windows", "525"),
        ("436.15", "windows", None),  # between two ranges: never the next lower branch
        ("582.16", "windows", "580"),
        ("", "linux", None),
        ("N/A", "windows", None),
    ],
)
def test_the_branch_of_a_version(version: str, platform: str, branch: str | None) -> None:
    found = drivers.branch_of(version, platform)
    assert (found.branch if found else None) == branch


@pytest.mark.parametrize(
    ("version", "platform", "number"), [("535.104.05", "linux", 535), ("582.16", "linux", 580), ("700.1", "linux", 700)]
)
def test_the_number_of_a_branch(version: str, platform: str, number: int) -> None:
    assert drivers.branch_number(version, platform) == number


def test_a_branch_knows_its_cuda_and_its_end() -> None:
    assert drivers.cuda_of("535.104.05") == "12.2"
    assert drivers.cuda_of("471.11", "windows") == "11.4"
    assert drivers.cuda_of("700.1") is None
    ended = drivers.branch_of("450.80.02")
    assert ended is not None
    assert ended.has_ended
    assert drivers.newest_known_branch() == "620"


@pytest.mark.parametrize(
    ("cuda", "platform", "floor"),
    [
        ("9.2", "linux", "396.37"),
        ("10.0", "linux", "410.48"),
        ("10.1", "linux", "418.39"),
        ("10.2", "linux", "440.33"),
        ("11.0", "linux", "450.36.06"),
        ("11.0", "windows", "451.22"),
        ("11.1", "linux", "450.80.02"),
        ("11.8", "linux", "450.80.02"),
        ("11.8", "windows", "452.39"),
        ("12.0", "linux", "525.60.13"),
        ("12.9", "linux", "525.60.13"),
        ("12.4", "windows", "528.33"),
        ("12.4", "wsl", "528.33"),
        ("12.5.1", "linux", "525.60.13"),
        ("13.0", "linux", "580"),
        ("13.4.1", "linux", "580"),
        ("13.2", "windows", "580"),
        ("14.0", "linux", None),
        ("4.0", "linux", None),
    ],
)
def test_the_floor_of_a_cuda_release(cuda: str, platform: str, floor: str | None) -> None:
    found = drivers.floor_for(cuda, platform)
    assert (found.driver if found else None) == floor


@pytest.mark.parametrize(
    ("cuda", "version", "reported", "platform", "serves"),
    [
        ("12.8", "535.104.05", "12.2", "linux", True),  # minor-version compatibility
        ("12.1", "525.60.13", "12.0", "linux", True),
        ("12.1", "525.53", "12.0", "linux", False),
        ("12.1", "520.61.05", "11.8", "linux", False),
        ("11.8", "450.80.02", "11.0", "linux", True),
        ("11.8", "450.36.06", "11.0", "linux", False),
        ("11.0", "450.36.06", "11.0", "linux", True),
        ("10.2", "430.40", "10.1", "linux", False),
        ("10.2", "440.33", None, "linux", True),
        ("10.1", "440.33", None, "linux", True),
        ("13.0", "580.65.06", "13.0", "linux", True),
        ("13.2", "580.65.06", "13.0", "linux", True),
        ("13.0", "575.57.08", "12.9", "linux", False),
        ("13.4.1", "580.65.06", "13.0", "linux", True),
        ("12.2", "528.33", "12.0", "windows", True),
        ("12.2", "528.10", "12.0", "windows", None),  # NVIDIA's pages disagree between 527.41 and 528.33
        ("12.2", "527.30", "12.0", "windows", False),
        ("12.4", "551.86", "12.4", "wsl", True),
        ("14.1", "700.10", "14.2", "linux", True),  # the driver itself says so, tables or no tables
        ("14.1", "700.10", "14.0", "linux", None),
        ("14.1", "580.65.06", "13.0", "linux", False),
        ("14.1", "700.10", None, "linux", None),
        ("13.0", "700.10", None, "linux", True),  # newer than every table: drivers are backward compatible
        ("12.2", "", "12.0", "linux", True),
        ("12.2", "", "11.8", "linux", False),
        ("11.8", "", "11.0", "linux", None),  # 450.36 reports 11.0 too
        ("12.2", "", None, "linux", None),
        ("unknown", "535.104.05", "12.2", "linux", None),
    ],
)
def test_whether_a_driver_starts_a_cuda_release(
    cuda: str, version: str, reported: str | None, platform: str, serves: bool | None
) -> None:
    assert drivers.driver_serves(cuda, version, reported, platform) is serves


def test_the_compiler_of_a_driver_takes_no_newer_ptx() -> None:
    assert drivers.compiles_ptx_of("12.2", "12.2") is True
    assert drivers.compiles_ptx_of("12.10", "12.9") is False
    assert drivers.compiles_ptx_of("12.8.1", "12.8") is True
    assert drivers.compiles_ptx_of("12.8", None) is None


@pytest.mark.parametrize(
    ("cuda", "branch"), [("13.0", "580"), ("13.4", "580"), ("12.8", "580"), ("11.8", "580"), ("14.0", None)]
)
def test_the_branch_to_recommend(cuda: str, branch: str | None) -> None:
    assert drivers.driver_for(cuda) == branch


def test_toolkits_and_jetpack() -> None:
    assert drivers.toolkit_branch("12.8") == "570"
    assert drivers.toolkit_branch("13.4.1") == "615"
    assert drivers.toolkit_branch("7.5") is None
    assert drivers.jetpack_cuda("36.4.3") == "12.6"
    assert drivers.jetpack_cuda("35.4.1") == "11.4"
    assert drivers.jetpack_cuda("40.0") is None
