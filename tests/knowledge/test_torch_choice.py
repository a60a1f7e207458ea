"""Choosing a torch wheel: landmarks and rows checked by hand, then what must hold for any machine."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from gpudoctor.knowledge import gpus, torch
from gpudoctor.knowledge.code_targets import serving
from gpudoctor.knowledge.drivers import compiles_ptx_of, cuda_of, driver_serves
from gpudoctor.knowledge.tables import table

DRIVERS = (
    "440.33",
    "450.80.02",
    "470.82.01",
    "515.65.01",
    "525.60.13",
    "535.104.05",
    "550.54.14",
    "570.26",
    "575.57.08",
    "580.95.05",
    "590.48.01",
    "595.71.05",
    "610.57.04",
    "615.71.09",
)


def chosen(choice: torch.TorchChoice) -> str | None:
    return f"{choice.wheel.version} {choice.wheel.variant}" if choice.wheel else None


@pytest.mark.parametrize(
    ("capabilities", "driver", "python", "wheel"),
    [
        # drivers 525 to 579 hold on to cu126 up to Hopper
        (("5.0",), "525.60.13", "3.12", "2.14.1 cu126"),
        (("5.2",), "535.104.05", "3.12", "2.14.1 cu126"),
        (("6.0",), "550.54.14", "3.12", "2.14.1 cu126"),
        (("6.1",), "570.26", "3.12", "2.14.1 cu126"),
        (("7.0",), "575.57.08", "3.12", "2.14.1 cu126"),
        (("7.5",), "535.104.05", "3.12", "2.14.1 cu126"),
        (("8.0",), "535.104.05", "3.12", "2.14.1 cu126"),
        (("8.6",), "525.60.13", "3.12", "2.14.1 cu126"),
        (("8.9",), "550.54.14", "3.12", "2.14.1 cu126"),
        (("9.0",), "535.104.05", "3.12", "2.14.1 cu126"),
        # Blackwell there takes cu129
        (("10.0",), "570.26", "3.12", "2.13.0 cu129"),
        (("10.3",), "575.57.08", "3.12", "2.13.0 cu129"),
        (("12.0",), "570.26", "3.12", "2.13.0 cu129"),
        (("12.0", "8.6"), "570.26", "3.12", "2.13.0 cu129"),
        # before Turing nothing after 2.14.1, up to driver 580, the last that drives them
        (("5.0",), "580.95.05", "3.12", "2.14.1 cu126"),
        (("6.1",), "580.95.05", "3.12", "2.14.1 cu126"),
        (("7.0",), "580.95.05", "3.12", "2.14.1 cu126"),
        (("7.0",), "590.48.01", "3.12", None),
        (("6.1",), "615.71.09", "3.12", None),
        # Turing and newer on 580 and newer: the newest
        (("7.5",), "580.95.05", "3.12", "2.15.0 cu132"),
        (("8.0",), "590.48.01", "3.12", "2.15.0 cu132"),
        (("8.9",), "595.71.05", "3.12", "2.15.0 cu132"),
        (("12.0",), "580.95.05", "3.12", "2.15.0 cu132"),
        (("10.0",), "610.57.04", "3.12", "2.15.0 cu132"),
        (("12.1",), "580.95.05", "3.12", "2.15.0 cu132"),
        (("8.6",), "615.71.09", "3.11", "2.15.0 cu132"),
        # mixed boxes: one wheel for all
        (("7.0", "12.0"), "580.95.05", "3.12", "2.10.0 cu128"),
        (("7.0", "12.0"), "570.26", "3.12", "2.10.0 cu128"),
        (("6.1", "8.6"), "580.95.05", "3.12", "2.14.1 cu126"),
        (("6.1", "12.0"), "580.95.05", "3.12", None),
        (("7.5", "9.0"), "580.95.05", "3.12", "2.15.0 cu132"),
        # drivers 450.80.02 to 524: CUDA 11.8
        (("7.0",), "450.80.02", "3.12", "2.7.1 cu118"),
        (("8.0",), "470.82.01", "3.12", "2.7.1 cu118"),
        (("6.1",), "515.65.01", "3.12", "2.7.1 cu118"),
        (("5.0",), "470.82.01", "3.12", "2.7.1 cu118"),
        (("8.6",), "470.82.01", "3.12", "2.7.1 cu118"),
        # Kepler: cuDNN 9 starts at 5.0, so 2.3.1 although the lists of 2.4 to 2.7 hold sm_37
        (("3.7",), "470.82.01", "3.11", "2.3.1 cu118"),
        (("3.5",), "470.82.01", "3.11", None),
        # CUDA 10.2 drivers
        (("7.0",), "440.33", "3.10", "1.12.1 cu102"),
        (("7.5",), "440.33", "3.10", "1.12.1 cu102"),
        (("7.0",), "440.33", "3.11", None),
        # Python decides too
        (("8.6",), "580.95.05", "3.10", "2.14.1 cu130"),
        (("8.6",), "580.95.05", "3.9", "2.8.0 cu128"),
        (("8.6",), "580.95.05", "3.8", "2.4.1 cu121"),  # its default wheel
        (("8.6",), "535.104.05", "3.8", "2.4.1 cu121"),
        (("8.6",), "580.95.05", "3.7", "1.13.1 cu117"),
        (("8.6",), "580.95.05", "3.15", "2.15.0 cu132"),
        (("7.0",), "580.95.05", "3.15", None),
        (("8.6",), "580.95.05", "3.5", None),
        (("8.9",), "580.95.05", "3.13t", "2.12.0 cu130"),
    ],
)
def test_hand_checked_machines(capabilities: tuple[str, ...], driver: str, python: str, wheel: str | None) -> None:
    assert chosen(torch.choose_torch(capabilities, driver, cuda_of(driver), python)) == wheel


def test_a_derived_list_has_the_newest_sure_one_beside_it() -> None:
    choice = torch.choose_torch(("12.0",), "570.26", "12.8", "3.12")
    assert choice.wheel is not None
    assert choice.wheel.verified == "derived"
    assert choice.sure_wheel is not None
    assert f"{choice.sure_wheel.version} {choice.sure_wheel.variant}" == "2.11.0 cu128"


def test_why_nearer_wheels_were_passed_over() -> None:
    passed = torch.choose_torch(("7.0",), "580.95.05", "13.0", "3.12").passed_over
    assert ("torch 2.15.0 cu132", "no code for 7.0 (its list goes from sm_75 to sm_120)") in [
        (one.candidate, one.reason) for one in passed
    ]
    passed = torch.choose_torch(("8.6",), "535.104.05", "12.2", "3.12").passed_over
    assert ("torch 2.15.0 cu132", "needs driver 580, this is 535.104.05") in [
        (one.candidate, one.reason) for one in passed
    ]
    passed = torch.choose_torch(("8.6",), "580.95.05", "13.0", "3.10").passed_over
    assert passed[0].candidate == "torch 2.15.0"
    assert passed[0].reason.startswith("no wheel for Python 3.10")
    passed = torch.choose_torch(("3.7",), "470.82.01", "11.4", "3.11").passed_over
    assert "its cuDNN 9.1.0.70 has no code below 5.0, the GPU is 3.7" in {one.reason for one in passed}


def test_what_no_driver_can_help() -> None:
    choice = torch.choose_torch(("7.0",), "590.48.01", "13.1", "3.12")
    assert [one.reason for one in choice.passed_over] == [
        "driver 590.48.01 does not drive compute capability 7.0, the last branch that does is 580"
    ]


def test_narrowing_the_candidates() -> None:
    assert chosen(torch.choose_torch(("8.6",), "580.95.05", "13.0", "3.12", below="2.9.0")) == "2.8.0 cu128"
    assert chosen(torch.choose_torch(("8.6",), "580.95.05", "13.0", "3.12", specifier="==2.9.*")) == "2.9.1 cu128"
    assert chosen(torch.choose_torch(("8.6",), "580.95.05", "13.0", "3.12", cuda="12.6")) == "2.14.1 cu126"
    assert chosen(torch.choose_torch(("8.6",), "580.95.05", "13.0", "3.12", specifier=">=99")) is None


def test_an_old_glibc_keeps_an_old_torch() -> None:
    choice = torch.choose_torch(("8.6",), "580.95.05", "13.0", "3.12", glibc="2.17")
    assert chosen(choice) == "2.6.0 cu124"
    assert "needs glibc 2.28, this is 2.17" in {one.reason for one in choice.passed_over}


def test_wsl_judges_linux_wheels_by_the_windows_driver() -> None:
    windows = torch.choose_torch(("8.6",), "528.10", "12.0", "3.12", driver_platform="windows")
    assert windows.wheel is not None
    assert windows.wheel.cuda == "11.8"  # 528.10 lies between the floors that NVIDIA's pages give for CUDA 12
    assert chosen(torch.choose_torch(("8.6",), "537.13", "12.2", "3.12", driver_platform="windows")) == "2.14.1 cu126"


def test_other_platforms() -> None:
    grace = torch.choose_torch(("12.1",), "580.95.05", "13.0", "3.12", platform="linux_aarch64")
    assert chosen(grace) == "2.15.0 cu132"
    windows = torch.choose_torch(("8.6",), "581.80", "13.0", "3.12", platform="windows_x86_64")
    assert windows.wheel is not None
    assert windows.wheel.variant.startswith("cu")
    assert torch.choose_torch(("8.6",), None, None, "3.12", platform="macos_arm64").wheel is None


def test_an_unknown_driver_is_not_judged() -> None:
    assert chosen(torch.choose_torch(("12.0",), None, None, "3.12")) == "2.15.0 cu132"
    assert chosen(torch.choose_torch(("8.6",), None, "12.2", "3.12")) == "2.14.1 cu126"


def test_orin_is_chosen_as_disputed() -> None:
    assert torch.choose_torch(("8.7",), "580.95.05", "13.0", "3.12").is_disputed
    assert not torch.choose_torch(("8.6",), "580.95.05", "13.0", "3.12").is_disputed


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([row["capability"] for row in table("gpus")["architectures"]]), min_size=1, max_size=3),
    st.sampled_from(DRIVERS),
    st.sampled_from(["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15"]),
    st.booleans(),
)
def test_a_chosen_wheel_has_the_code_the_driver_and_the_python(
    capabilities: list[str], driver: str, python: str, says_cuda: bool
) -> None:
    reported = cuda_of(driver) if says_cuda else None
    wheel = torch.choose_torch(tuple(capabilities), driver, reported, python).wheel
    if wheel is None:
        return
    assert wheel.cuda is not None
    assert wheel.archs is not None
    assert python in torch.pythons(wheel.version)
    assert driver_serves(wheel.cuda, driver, reported) is True
    for capability in capabilities:
        by = serving(wheel.archs, capability).by
        assert by == "cubin" or (by == "ptx" and compiles_ptx_of(wheel.cuda, cuda_of(driver)))
        assert gpus.driver_knows(capability, driver) is not False


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["7.5", "8.0", "8.6", "8.9", "9.0"]), st.sampled_from(["3.10", "3.11", "3.12"]))
def test_a_newer_driver_never_gets_an_older_torch(capability: str, python: str) -> None:
    versions = [
        Version(choice.wheel.version)
        for driver in DRIVERS
        if (choice := torch.choose_torch((capability,), driver, cuda_of(driver), python)).wheel
    ]
    assert versions == sorted(versions)
