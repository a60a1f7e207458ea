"""GPUs: architectures, names, PCI ids, data sheets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpudoctor.knowledge import gpus
from gpudoctor.knowledge.tables import table

GIB = 1024**3
MIB = 1024**2


@pytest.mark.parametrize(
    ("name", "capability"),
    [
        ("NVIDIA GeForce RTX 4090", "8.9"),
        ("GeForce RTX 4090", "8.9"),
        ("RTX 4090", "8.9"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "8.9"),
        ("NVIDIA GeForce RTX 3070 Laptop GPU", "8.6"),
        ("Tesla V100-SXM2-16GB", "7.0"),
        ("V100", "7.0"),
        ("Tesla T4", "7.5"),
        ("NVIDIA T4", "7.5"),
        ("NVIDIA T400 4GB", "7.5"),
        ("NVIDIA L4", "8.9"),
        ("NVIDIA L40S", "8.9"),
        ("NVIDIA A10", "8.6"),
        ("A100-SXM4-40GB", "8.0"),
        ("NVIDIA A10G", "8.6"),
        ("NVIDIA H100 80GB HBM3", "9.0"),
        ("NVIDIA B200", "10.0"),
        ("NVIDIA B300 SXM6 AC", "10.3"),
        ("NVIDIA GeForce RTX 5090", "12.0"),
        ("NVIDIA GB10", "12.1"),
        ("Tesla K80", "3.7"),
        ("Tesla P100-PCIE-16GB", "6.0"),
        ("GeForce GTX 1080 Ti", "6.1"),
        ("GeForce GT 730", None),  # Fermi and Kepler share the name
        ("NVIDIA A1", None),
        ("NVIDIA L", None),
        ("NVIDIA GeForce RTX 4090 Something", None),
        ("AMD Radeon RX 7900 XTX", None),
        ("NVIDIA", None),
        ("", None),
    ],
)
def test_the_capability_of_a_name(name: str, capability: str | None) -> None:
    assert gpus.capability_of_name(name) == capability


@pytest.mark.parametrize(
    ("device_id", "chip", "capability"),
    [
        (0x2684, "AD102", "8.9"),
        (0x2B85, "GB202", "12.0"),
        (0x2901, "GB100", "10.0"),
        (0x3182, "GB110", "10.3"),
        (0x2E12, "GB20B", "12.1"),
        (0x2330, "GH100", "9.0"),
        (0x20B0, "GA100", "8.0"),
        (0x2204, "GA102", "8.6"),
        (0x1EB8, "TU104", "7.5"),
        (0x1DB4, "GV100", "7.0"),
        (0x15F8, "GP100", "6.0"),
        (0x1B80, "GP104", "6.1"),
        (0x13C2, "GM204", "5.2"),
        (0x1380, "GM107", "5.0"),
        (0x102D, "GK210", "3.7"),
        (0x1023, "GK110B", "3.5"),
        (0x1180, "GK104", "3.0"),
        (0x06D1, "GF100", "2.0"),
        (0x1040, "GF119", "2.1"),
        (0x128B, "GK208B", "3.5"),
    ],
)
def test_a_pci_id_tells_chip_and_capability(device_id: int, chip: str, capability: str) -> None:
    found = gpus.pci_gpu(device_id)
    assert found is not None
    assert (found.chip, found.capability) == (chip, capability)


def test_what_is_no_gpu_or_not_known_has_no_pci_row() -> None:
    assert gpus.pci_gpu(0x1AF1) is None  # NVSwitch
    assert gpus.pci_gpu(0x22BA) is None  # audio function of AD102
    assert gpus.pci_gpu(0xFFFF) is None
    reserved = gpus.pci_gpu(0x3002)
    assert reserved is not None
    assert reserved.capability is None


def test_the_capabilities_of_chips_and_of_products_agree() -> None:
    named = {row["capability"] for row in table("gpus")["architectures"]}
    for chip in table("pci_gpus")["chips"]:
        assert chip["capability"] is None or chip["capability"] in named, chip["chip"]
    for row in table("gpus")["peak_specs"]:
        for name in row["nvml_names"] or ():
            assert gpus.capability_of_name(name) == row["capability"], name


@pytest.mark.parametrize(
    ("capability", "version", "knows"),
    [
        ("7.0", "580.95.05", True),
        ("7.0", "590.44.01", False),
        ("3.5", "470.256.02", True),
        ("3.5", "495.44", False),
        ("2.0", "390.157", True),
        ("2.0", "396.37", False),
        ("8.6", "450.80.02", False),
        ("8.6", "455.23", True),
        ("12.0", "565.57.01", False),
        ("12.0", "570.26", True),
        ("8.9", "515.65.01", None),  # the first branch is not verified, and this is the one before it
        ("8.9", "470.82.01", False),
        ("8.9", "525.60.13", True),
        ("8.7", "540.4.0", None),  # JetPack
        ("1.3", "390.157", False),
        ("1.3", "304.137", None),
        ("99.0", "580.95.05", None),
        ("8.6", "", None),
    ],
)
def test_whether_a_driver_drives_a_capability(capability: str, version: str, knows: bool | None) -> None:
    assert gpus.driver_knows(capability, version) is knows


def test_windows_numbers_of_a_last_branch_still_drive() -> None:
    assert gpus.driver_knows("3.5", "474.44", "windows") is True
    assert gpus.driver_knows("6.1", "582.16", "windows") is True
    assert gpus.driver_knows("6.1", "591.44", "windows") is False


def test_branches_to_recommend_and_legacy_ones() -> None:
    assert gpus.legacy_branch("3.5") == "470"
    assert gpus.legacy_branch("7.0") == "580"
    assert gpus.legacy_branch("8.6") is None
    assert gpus.branch_for("3.5") == "470"
    assert gpus.branch_for("7.0") == "580"
    assert gpus.branch_for("12.0") == "580"
    assert gpus.branch_for("1.3") == "340"
    assert gpus.branch_for("8.7") is None


def test_architectures_and_their_exceptions() -> None:
    turing = gpus.architecture("7.5", "NVIDIA GeForce RTX 2080 Ti")
    gtx = gpus.architecture("7.5", "NVIDIA GeForce GTX 1650 Ti with Max-Q Design")
    assert turing is not None
    assert gtx is not None
    assert turing.has_tensor_cores
    assert not gtx.has_tensor_cores
    t4, t400 = gpus.architecture("7.5", "Tesla T4"), gpus.architecture("7.5", "NVIDIA T400 4GB")
    assert t4 is not None
    assert t400 is not None
    assert t4.has_tensor_cores
    assert not t400.has_tensor_cores
    hopper, grace = gpus.architecture("9.0", "NVIDIA H100 PCIe"), gpus.architecture("9.0", "NVIDIA GH200 480GB")
    assert hopper is not None
    assert grace is not None
    assert (hopper.kernel_modules, grace.kernel_modules) == ("either", "open_only")
    thor = gpus.architecture("10.1")
    assert thor is not None
    assert thor.capability == "11.0"
    assert gpus.architecture("99.0") is None


@pytest.mark.parametrize(
    ("name", "memory", "found"),
    [
        ("NVIDIA GeForce RTX 4060 Ti", 16380 * MIB, "RTX 4060 Ti 16GB"),
        ("NVIDIA GeForce RTX 4060 Ti", 8188 * MIB, "RTX 4060 Ti 8GB"),
        ("NVIDIA GeForce RTX 4060 Ti", None, None),  # two sizes, size unknown
        ("NVIDIA GeForce RTX 3060", 12288 * MIB, "RTX 3060 12GB"),
        ("NVIDIA GeForce RTX 3060", 8192 * MIB, None),
        ("NVIDIA H100 80GB HBM3", 81559 * MIB, "H100 SXM5"),
        ("Tesla T4", 15360 * MIB, "T4"),
        ("NVIDIA L4", 23034 * MIB, "L4"),
        ("NVIDIA L40", 46068 * MIB, "L40"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", 16376 * MIB, None),
        ("GeForce RTX 4090", None, "RTX 4090"),  # older drivers leave NVIDIA out
        ("NVIDIA Nothing", GIB, None),
    ],
)
def test_the_data_sheet_of_a_product(name: str, memory: int | None, found: str | None) -> None:
    peak = gpus.peak(name, memory)
    assert (peak.name if peak else None) == found


@pytest.mark.parametrize(
    ("version", "cuda_major", "lowest"),
    [
        ("8.0.5", 10, "3.0"),
        ("8.7.0.84", 11, "3.5"),
        ("8.7.0", None, None),
        ("8.9.7.29", 12, "5.0"),
        ("9.1.0.70", 12, "5.0"),
        ("9.10.2.21", 12, "5.0"),
        ("9.11.0", 12, "7.5"),
        ("9.26.0.51", 13, "7.5"),
        ("7.6.5", 10, None),
        ("", 12, None),
    ],
)
def test_the_lowest_capability_of_a_cudnn(version: str, cuda_major: int | None, lowest: str | None) -> None:
    assert gpus.cudnn_min_capability(version, cuda_major) == lowest


def test_the_lowest_capability_of_a_triton() -> None:
    assert gpus.triton_min_capability("3.2.0") == "7.0"
    assert gpus.triton_min_capability("3.3.1") == "8.0"
    assert gpus.triton_min_capability("3.10.0") == "8.0"
    assert gpus.triton_min_capability("") is None
    assert gpus.inductor_min_capability() == "7.0"
    assert gpus.newest_known_capability() == "12.1"


@given(st.text(max_size=40))
def test_any_text_as_a_name_is_answered(name: str) -> None:
    assert gpus.capability_of_name(name) is None or gpus.capability_of_name(name) in {
        row["capability"] for row in table("gpus")["architectures"]
    }
