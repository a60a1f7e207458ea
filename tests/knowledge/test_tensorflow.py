"""TensorFlow releases and the choice among them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpudoctor.knowledge import tensorflow
from gpudoctor.knowledge.code_targets import serving
from gpudoctor.knowledge.drivers import cuda_of, driver_serves
from gpudoctor.knowledge.versions import at_least


def test_releases_and_their_series() -> None:
    found = tensorflow.release("2.15.1")
    assert found is not None
    assert (found.build_cuda, found.build_cudnn, found.min_capability) == ("12.2", "8", "5.0")
    for version, series in (
        ("2.15.9", "2.15.1"),
        ("2.15", "2.15.1"),
        ("2.16.0rc0", "2.16.2"),
        ("2.21.0+nv1", "2.21.0"),
    ):
        same = tensorflow.release(version)
        assert same is not None
        assert same.version == series
    assert tensorflow.release("2.99.0") is None
    assert tensorflow.newest_release() == "2.21.0"
    assert tensorflow.is_newer_than_tables("2.22.0")
    assert not tensorflow.is_newer_than_tables("2.21.0")
    assert not tensorflow.is_newer_than_tables("nightly")


def test_windows_and_packages() -> None:
    last, shell = tensorflow.release("2.10.1"), tensorflow.release("2.11.0")
    assert last is not None
    assert shell is not None
    assert last.has_windows_gpu
    assert not shell.has_windows_gpu
    assert last.and_cuda is None
    old, cpu_only = tensorflow.release("2.2.0"), tensorflow.release("2.0.0")
    assert old is not None
    assert cpu_only is not None
    assert old.build_cuda == "10.1"  # the wheel says 10; the documented minor completes it
    assert not cpu_only.has_linux_gpu


@pytest.mark.parametrize(
    ("capabilities", "driver", "python", "version"),
    [
        (("8.9",), "535.104.05", "3.12", "2.21.0"),
        (("8.6",), "525.60.13", "3.11", "2.21.0"),
        (("7.0",), "580.95.05", "3.12", "2.21.0"),
        (("9.0",), "555.42.06", "3.12", "2.21.0"),
        (("9.0",), "550.54.14", "3.12", "2.17.1"),  # PTX of CUDA 12.5 is too new for a 12.4 driver
        (("7.5",), "535.104.05", "3.9", "2.20.0"),
        (("5.2",), "580.95.05", "3.12", "2.16.2"),
        (("5.0", "8.6"), "535.104.05", "3.11", "2.16.2"),
        (("8.6",), "470.82.01", "3.10", "2.11.1"),  # PTX of CUDA 11.8 is too new for an 11.4 driver
        (("7.5",), "470.82.01", "3.11", "2.14.1"),
        (("3.5",), "470.82.01", "3.10", "2.14.1"),
        (("8.6",), "580.95.05", "3.8", "2.13.1"),
        (("8.6",), "580.95.05", "3.7", "2.11.0"),
        (("7.0",), "440.33", "3.8", "2.3.4"),
        (("8.0",), "450.80.02", "3.8", "2.4.4"),
        (("12.0",), "580.95.05", "3.12", None),
        (("10.0",), "580.95.05", "3.12", None),
        (("8.6",), "580.95.05", "3.14", None),
        (("7.0",), "590.48.01", "3.12", None),
    ],
)
def test_hand_checked_machines(capabilities: tuple[str, ...], driver: str, python: str, version: str | None) -> None:
    found = tensorflow.choose_tensorflow(capabilities, driver, cuda_of(driver), python)
    assert (found.version if found else None) == version


def test_the_reasons_name_both_sides() -> None:
    passed = {
        one.candidate: one.reason
        for one in tensorflow.tensorflow_choice(("7.5",), "470.82.01", "11.4", "3.11").passed_over
    }
    assert passed["tensorflow 2.15.1"] == "built for CUDA 12.2, which needs driver 525.60.13, this is 470.82.01"
    blackwell = tensorflow.tensorflow_choice(("12.0",), "580.95.05", "13.0", "3.12").passed_over
    assert blackwell[0].reason == "no machine code for 12.0, and its PTX is known to fail from 10.0 on"
    maxwell = tensorflow.tensorflow_choice(("5.2",), "580.95.05", "13.0", "3.12").passed_over
    assert maxwell[0].reason == "takes compute capability 6.0 and above, the GPU is 5.2"
    old = tensorflow.tensorflow_choice(("8.6",), "580.95.05", "13.0", "3.12", glibc="2.17").passed_over
    assert old[0].reason == "needs glibc 2.27, this is 2.17"


def test_narrowing_and_wsl() -> None:
    narrowed = tensorflow.tensorflow_choice(("8.6",), "580.95.05", "13.0", "3.10", specifier="==2.8.*").release
    assert narrowed is not None
    assert narrowed.version == "2.8.4"
    wsl = tensorflow.tensorflow_choice(("7.5",), "528.10", "12.0", "3.11", driver_platform="windows").release
    assert wsl is not None
    assert wsl.version == "2.14.1"


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(["3.5", "3.7", "5.0", "6.1", "7.0", "7.5", "8.6", "8.9", "9.0", "10.0", "12.0"]), min_size=1
    ),
    st.sampled_from(
        ["440.33", "450.80.02", "470.82.01", "525.60.13", "535.104.05", "570.26", "580.95.05", "590.48.01"]
    ),
    st.sampled_from(["3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"]),
)
def test_a_chosen_release_has_the_code_the_driver_and_the_python(
    capabilities: list[str], driver: str, python: str
) -> None:
    found = tensorflow.choose_tensorflow(tuple(capabilities), driver, cuda_of(driver), python)
    if found is None:
        return
    assert python in found.pythons
    assert found.build_cuda is not None
    assert driver_serves(found.build_cuda, driver, cuda_of(driver)) is True
    for capability in capabilities:
        assert serving(found.compiled_capabilities, capability).by != "none"
        assert found.min_capability is None or at_least(capability, found.min_capability)
