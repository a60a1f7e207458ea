"""nvidia-smi's banner through the generations."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpudoctor.parsers.nvidia_smi import Banner, parse_banner, parse_complaint


@pytest.mark.parametrize(
    ("line", "banner"),
    [
        ("| NVIDIA-SMI 331.62     Driver Version: 331.62         |", Banner("331.62", "331.62", "")),
        (
            "| NVIDIA-SMI 450.57       Driver Version: 450.57       CUDA Version: 11.0     |",
            Banner("450.57", "450.57", "11.0"),
        ),
        (
            "| NVIDIA-SMI 535.104.05             Driver Version: 535.104.05   CUDA Version: 12.2     |",
            Banner("535.104.05", "535.104.05", "12.2"),
        ),
        (
            "| NVIDIA-SMI 550.90.07              Driver Version: 552.44         CUDA Version: 12.4     |",
            Banner("550.90.07", "552.44", "12.4"),  # WSL: the Windows driver's number
        ),
        (
            "| NVIDIA-SMI 610.43.02              KMD Version: 610.43.02     CUDA UMD Version: 13.3     |",
            Banner("610.43.02", "610.43.02", "13.3"),
        ),
        (
            "| NVIDIA-SMI 617.14                 KMD Version: 617.14        CUDA UMD Version: 13.4     |",
            Banner("617.14", "617.14", "13.4"),
        ),
        (
            "| NVIDIA-SMI 470.57.02    Driver Version: 470.57.02    CUDA Version: N/A      |",
            Banner("470.57.02", "470.57.02", ""),
        ),
        (
            "| NVIDIA-SMI 455.23.05    Driver Version: 455.23.05    CUDA Version: ERR!     |",
            Banner("455.23.05", "455.23.05", ""),
        ),
        (
            "| NVIDIA-SMI 545.23.06    Driver Version: N/A    CUDA Version: 12.3     |",
            Banner("545.23.06", "", "12.3"),
        ),
    ],
)
def test_banner(line: str, banner: Banner) -> None:
    assert parse_banner(f"Mon Jul 20 06:15:02 2026       \n+-----+\r\n{line}\r\n|-----+") == banner
    assert parse_banner(f"\x1b[32m{line}\x1b[0m") == banner


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
        "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 535.216",
        "No devices were found",
        "Driver Version: 535.104.05   CUDA Version: 12.2",
        "NVIDIA-SMI\n535.104.05 Driver Version: 535.104.05",
    ],
)
def test_no_banner(text: str) -> None:
    assert parse_banner(text) is None


def test_complaint_is_what_stands_beside_the_table() -> None:
    table = (
        "Mon Jul 20 06:15:02 2026\n+---+\n| NVIDIA-SMI 535.216.01 |\n|===|\n|  No running processes found |\n+---+\n"
    )
    lost = "Unable to determine the device handle for GPU3: 0000:5F:00.0: Unknown Error"
    assert parse_complaint(table) == ""
    assert parse_complaint(f"{table}\n{lost}\n") == lost
    assert parse_complaint(f"\x1b[31m\n\n  {lost}  \r\n") == lost


@settings(deadline=None)
@given(st.one_of(st.text(), st.binary().map(lambda data: data.decode("utf-8", "replace"))))
def test_any_text_is_survived(text: str) -> None:
    parse_banner(text)
    complaint = parse_complaint(text)
    assert len(complaint) <= 400
    assert complaint.replace("\n", "").isprintable()


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["NVIDIA-SMI", " ", "\t", "535.1", "Driver Version:", "KMD Version:", "CUDA ", "|", "\n"]))
)
def test_shuffled_banners_are_survived(pieces: list[str]) -> None:
    banner = parse_banner("".join(pieces))
    assert banner is None or banner.smi_version == "535.1"
