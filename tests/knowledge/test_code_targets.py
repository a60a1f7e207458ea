"""The architecture rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpudoctor.knowledge.code_targets import CodeTarget, parse_code_target, serving

CU130 = ("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120")


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("sm_86", CodeTarget(False, 8, 6, "")),
        ("sm_90a", CodeTarget(False, 9, 0, "a")),
        ("sm_100f", CodeTarget(False, 10, 0, "f")),
        ("compute_120", CodeTarget(True, 12, 0, "")),
        ("compute_90a", CodeTarget(True, 9, 0, "a")),
        ("sm_121", CodeTarget(False, 12, 1, "")),
        ("8.6", CodeTarget(False, 8, 6, "")),
        ("9.0a", CodeTarget(False, 9, 0, "a")),
        ("8.6+PTX", CodeTarget(True, 8, 6, "")),
        (" 12.0 ", CodeTarget(False, 12, 0, "")),
        ("gfx90a", None),
        ("sm_", None),
        ("sm_8x", None),
        ("8", None),
        ("", None),
    ],
)
def test_reading_a_target(text: str, target: CodeTarget | None) -> None:
    assert parse_code_target(text) == target


@pytest.mark.parametrize(
    ("archs", "capability", "by"),
    [
        (("sm_86",), "8.9", "cubin"),  # RTX 4090
        (("sm_86",), "8.6", "cubin"),
        (("sm_86",), "8.0", "none"),  # an A100 does not run code for 8.6
        (("sm_80",), "8.6", "cubin"),
        (("sm_70",), "7.5", "cubin"),
        (("sm_75",), "7.0", "none"),
        (("sm_120",), "12.1", "cubin"),  # GB10
        (("sm_121",), "12.0", "none"),
        (CU130, "7.0", "none"),  # V100
        (CU130, "6.1", "none"),
        (CU130, "10.3", "cubin"),
        (("sm_120",), "10.0", "none"),  # B200
        (("sm_100",), "12.0", "none"),
        (("sm_90",), "10.0", "none"),
        (("sm_90", "compute_90"), "10.0", "ptx"),
        (("sm_90", "compute_90"), "12.0", "ptx"),
        (("compute_90",), "8.9", "none"),
        (("compute_90",), "9.0", "ptx"),
        (("sm_80", "compute_80"), "8.6", "cubin"),
        (("8.6+PTX",), "8.6", "cubin"),
        (("8.6+PTX",), "9.0", "ptx"),
        (("sm_90a",), "9.0", "cubin"),
        (("sm_100a",), "10.0", "cubin"),
        (("sm_100a",), "10.3", "none"),
        (("compute_90a",), "9.0", "ptx"),
        (("compute_90a",), "10.0", "none"),
        (("sm_100f",), "10.0", "cubin"),
        (("sm_100f",), "10.3", "cubin"),
        (("sm_103f",), "10.0", "none"),
        (("sm_100f",), "12.0", "none"),
        (("compute_100f",), "10.3", "ptx"),
        (("compute_100f",), "12.0", "none"),
        (("sm_50",), "5.3", "none"),  # Jetson Nano: an exception of the table
        (("sm_60",), "6.2", "none"),
        (("sm_53",), "5.3", "cubin"),
        (("sm_70",), "7.2", "none"),
        ((), "8.6", "none"),
        (("gfx90a",), "8.6", "none"),
        (CU130, "", "none"),
        (CU130, "8", "none"),
    ],
)
def test_what_serves_a_gpu(archs: tuple[str, ...], capability: str, by: str) -> None:
    assert serving(archs, capability).by == by


def test_orin_is_disputed_and_certain_code_goes_first() -> None:
    assert serving(("sm_80",), "8.7").is_disputed
    assert serving(("sm_80", "sm_87"), "8.7").target == "sm_87"
    assert not serving(("sm_80", "sm_87"), "8.7").is_disputed
    assert serving(("sm_86",), "8.9").target == "sm_86"


@given(st.integers(2, 13), st.integers(0, 9), st.integers(2, 13), st.integers(0, 9))
def test_machine_code_never_crosses_a_major_and_never_runs_below_itself(
    major: int, minor: int, gpu_major: int, gpu_minor: int
) -> None:
    served = serving((f"sm_{major}{minor}",), f"{gpu_major}.{gpu_minor}").by != "none"
    assert not served or (major == gpu_major and minor <= gpu_minor)
    if (major, minor) == (gpu_major, gpu_minor):
        assert served
