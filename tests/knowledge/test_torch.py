"""Torch releases: variants, lists, companions."""

from __future__ import annotations

from gpudoctor.knowledge import torch


def test_variants_and_lists() -> None:
    assert torch.default_variant("2.11.0") == "cu130"
    assert torch.default_variant("2.11.0+cu128") == "cu130"
    assert torch.default_variant("2.11") == "cu130"
    assert torch.default_variant("2.15.0", "windows_x86_64") == "cpu"
    assert torch.default_variant("2.10.0", "linux_aarch64") == "cpu"
    assert torch.default_variant("9.9.9") is None
    assert torch.wheel_archs("2.10.0", "cu128") == (
        ("sm_70", "sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"),
        "measured",
    )
    assert torch.wheel_archs("2.11.0", "cu129") is None
    assert torch.wheel_archs("2.11.0", "cu999") is None
    assert torch.cuda_of_variant("cu126") == "12.6"
    assert torch.cuda_of_variant("cpu") is None
    assert torch.variant_cudnn("2.4.0", "cu118") == "9.1.0.70"


def test_only_wheels_that_can_be_recommended_are_listed() -> None:
    assert {wheel.variant for wheel in torch.wheels("2.15.0")} == {"cu130", "cu132"}  # cu134 is nightly only
    assert {wheel.variant for wheel in torch.wheels("2.11.0")} == {"cu126", "cu128", "cu130"}  # cu129: list unknown
    assert [wheel.variant for wheel in torch.wheels("2.15.0") if wheel.is_pypi_default] == ["cu132"]
    assert torch.wheels("9.9.9") == ()
    cpu = torch.cpu_wheel("2.15.0", "windows_x86_64")
    assert cpu is not None
    assert cpu.is_pypi_default
    assert cpu.index_path == "whl/cpu"
    assert torch.cpu_wheel("9.9.9") is None


def test_companions_both_ways() -> None:
    assert torch.companions("2.15.0") == {"torchvision": ("0.29.2", "minimum"), "torchaudio": ("2.11.0", "none")}
    assert torch.companions("2.6.0")["torchvision"] == ("0.21.0", "exact")
    assert torch.companions("9.9.9") == {}
    assert torch.torch_for_companion("torchvision", "0.21.0+cu124") == "2.6.0"
    assert torch.torch_for_companion("torchaudio", "2.11.0") is None  # asks for no torch
    assert torch.torch_for_companion("torchtext", "0.18.0") is None


def test_the_rest() -> None:
    assert torch.newest_release() == "2.15.0"
    assert torch.releases()[:2] == ("2.15.0", "2.14.1")
    assert "3.15t" in torch.pythons("2.15.0")
    assert torch.pythons("9.9.9") == ()
    assert torch.glibc_floor("2.7.0") == "2.28"
    assert any(one.startswith("nvidia-cudnn-cu12") for one in torch.required_packages("2.6.0"))
    assert torch.required_packages("9.9.9") == ()
    assert torch.torch_index_url("whl/cu126") == "https://download.pytorch.org/whl/cu126"
