"""The banner and the complaints of nvidia-smi."""

from __future__ import annotations

import re

import msgspec

_MESSAGE_LIMIT_CHARACTERS = 400
_TERMINAL_CODES = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[@-Z\\-_])")
_VERSION = r"\d{1,6}(?:\.\d{1,6}){1,4}"
_BANNER = re.compile(
    rf"NVIDIA-SMI[ \t]{{1,40}}(?P<smi>{_VERSION})"
    rf"[ \t]{{1,80}}(?:Driver|KMD)[ \t]Version:[ \t]{{0,20}}(?P<driver>{_VERSION})?"
    rf"(?:\S{{0,20}}[ \t]{{1,80}}CUDA[ \t](?:UMD[ \t])?Version:[ \t]{{0,20}}(?P<cuda>\d{{1,3}}\.\d{{1,3}})?)?"
)
_TABLE_LINE = re.compile(r"^[|+]|^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}")  # of the table, and its date


class Banner(msgspec.Struct, frozen=True):
    """The first line of nvidia-smi's table; "" where a field is not there or says N/A or ERR!."""

    smi_version: str
    driver_version: str
    cuda_version: str


def parse_banner(text: str) -> Banner | None:
    """Return the versions of the banner, None where there is none.

    Driver 535 (from 410 on there is a CUDA field, before there is none; in WSL the first number is another one than
    the second, which is the Windows driver's; "N/A" and "ERR!" stand for CUDA where libcuda is not found):

        | NVIDIA-SMI 535.104.05             Driver Version: 535.104.05   CUDA Version: 12.2     |

    Driver 331:

        | NVIDIA-SMI 331.62     Driver Version: 331.62         |

    Driver 610 and newer, Linux and Windows:

        | NVIDIA-SMI 610.43.02              KMD Version: 610.43.02     CUDA UMD Version: 13.3     |
    """
    match = _BANNER.search(_TERMINAL_CODES.sub("", text))
    if match is None:
        return None
    return Banner(match["smi"], match["driver"] or "", match["cuda"] or "")


def parse_complaint(text: str) -> str:
    """Return the lines that are not of the table, at most 400 characters: everything where there is no table.

    Driver 535, instead of a table:

        Failed to initialize NVML: Driver/library version mismatch
        NVML library version: 535.216

        NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA
        driver is installed and running.

        No devices were found

        Unable to determine the device handle for GPU3: 0000:5F:00.0: Unknown Error
    """
    lines = (_printable(line) for line in _TERMINAL_CODES.sub("", text).splitlines())
    kept = [line for line in lines if line and not _TABLE_LINE.match(line)]
    return "\n".join(kept)[:_MESSAGE_LIMIT_CHARACTERS].rstrip()


def _printable(line: str) -> str:
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for character in line[:_MESSAGE_LIMIT_CHARACTERS].strip()
    )
