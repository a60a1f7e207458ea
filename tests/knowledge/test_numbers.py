"""Error numbers, Xids, JAX, system packages, instruction sets, NumPy: every row is answered."""

from __future__ import annotations

import pytest

from gpudoctor.knowledge import errors, instruction_sets, jax, noise, numpy_abi, system_packages, xids
from gpudoctor.knowledge.tables import as_of, table


def test_every_cuda_error_is_answered_by_number_and_by_name() -> None:
    for row in table("cuda_errors")["errors"]:
        found = errors.cuda_error(row["code"])
        assert found is not None
        for name in (row["runtime_name"], row["driver_name"]):
            named = errors.cuda_error_named(name) if name else found
            assert named is not None
            assert named.code == row["code"]
    assert errors.cuda_error(123456) is None
    assert errors.cuda_error_named("cudaErrorInvented") is None
    assert len(errors.cuda_errors()) == len(table("cuda_errors")["errors"])


def test_what_an_error_says() -> None:
    found = errors.cuda_error(804)
    assert found is not None
    assert found.driver_name == "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE"
    assert found.causes
    assert all(cause.cause for cause in found.causes)
    old = errors.old_runtime_error(78)
    assert old is not None
    assert old.code == 218
    assert errors.old_runtime_error(9999) is None


def test_nvml_codes() -> None:
    assert errors.nvml_meaning(18) == "library and driver version differ"
    assert errors.nvml_name(18) == "NVML_ERROR_LIB_RM_VERSION_MISMATCH"
    assert errors.nvml_name(0) == "NVML_SUCCESS"
    assert errors.nvml_meaning(12345) is None
    assert errors.nvml_name(12345) is None
    for row in table("cuda_errors")["nvml_numbers"]:
        assert errors.nvml_meaning(row["code"]) == row["meaning"]


def test_the_names_of_nvml_codes_are_those_of_its_binding() -> None:
    import pynvml  # noqa: PLC0415 - the binding is only compared with here

    rows = [row for row in table("cuda_errors")["nvml_numbers"] if hasattr(pynvml, row["name"])]
    assert len(rows) > 20  # an older binding lacks the newest codes
    for row in rows:
        assert getattr(pynvml, row["name"]) == row["code"]


def test_every_xid_is_answered() -> None:
    for row in table("xids")["xids"]:
        found = xids.xid(row["xid"])
        assert found is not None
        assert (found.mnemonic, found.meaning, found.severity) == (
            row["mnemonic"] or "",
            row["meaning"],
            row["severity"],
        )
        assert found.severity is None or found.severity in xids.severity_words()
        assert all(step.action in xids.catalog_words() for step in (*found.immediate, *found.investigate))
    assert xids.xid(99999) is None
    assert len(xids.xids()) == len(table("xids")["xids"])
    fallen = xids.xid(79)
    assert fallen is not None
    assert fallen.severity == "gpu_fatal"


@pytest.mark.parametrize(
    ("capability", "version", "reported", "platform", "extra"),
    [
        ("8.6", "580.95.05", "13.0", "linux", "cuda13"),
        ("7.0", "580.95.05", "13.0", "linux", "cuda12"),
        ("8.6", "535.104.05", "12.2", "linux", "cuda12"),
        ("5.0", "580.95.05", "13.0", "linux", None),
        ("8.6", "470.82.01", "11.4", "linux", None),
        ("8.6", None, "13.0", "linux", "cuda13"),
        ("8.6", None, None, "linux", None),
        ("8.6", "528.33", "12.0", "windows", "cuda12"),
    ],
)
def test_the_jax_extra(
    capability: str, version: str | None, reported: str | None, platform: str, extra: str | None
) -> None:
    assert jax.jax_cuda_extra(capability, version, reported, platform) == extra


def test_jax_and_cupy_releases() -> None:
    assert jax.jax_min_capability(13) == "7.5"
    assert jax.jax_min_capability(11) is None
    assert (jax.jax_cuda_floor(12), jax.jax_cuda_floor(13), jax.jax_cuda_floor(11)) == ("525.60.13", "580", None)
    assert jax.jax_cuda_floor(12, "windows") == "528.33"
    assert jax.newest_jax() == "0.12.0.1"
    assert "3.15" in jax.jax_pythons("0.12.0", 13)
    assert jax.jax_pythons("0.0.1", 13) == ()
    assert jax.cupy_package(12) == "cupy-cuda12x"
    assert jax.cupy_package(9) is None


@pytest.mark.parametrize(
    ("distribution", "like", "action", "branch", "first"),
    [
        ("ubuntu", ("debian",), "install_driver_open", "580", "apt-get update"),
        ("linuxmint", ("ubuntu", "debian"), "install_headers", "", "apt-get install linux-headers-$(uname -r)"),
        ("unheard-of", ("rhel", "fedora"), "install_driver_open", "580", "dnf module enable nvidia-driver:580-open"),
        ("fedora", (), "install_driver", "580", "dnf install akmod-nvidia-580xx xorg-x11-drv-nvidia-580xx-cuda"),
        ("debian", (), "install_driver", "470", "apt-get update"),
        ("opensuse-leap", ("suse",), "install_compiler", "", "zypper install gcc gcc-c++ make"),
        ("arch", (), "update_initramfs", "", "mkinitcpio -P"),
        ("amzn", ("fedora",), "update_initramfs", "", "dracut --force"),
    ],
)
def test_commands_of_a_distribution(
    distribution: str, like: tuple[str, ...], action: str, branch: str, first: str
) -> None:
    found = system_packages.commands(distribution, like, action, branch)
    assert found is not None
    assert found[0] == first


def test_every_distribution_answers_every_action_with_whole_commands() -> None:
    for row in table("system_packages")["families"]:
        for action in system_packages.actions():
            for branch in ("", "580", "470"):
                found = system_packages.commands(row["family"], (), action, branch)
                assert found is None or all(command and "{" not in command for command in found)
    assert system_packages.commands("void", (), "install_driver") is None
    assert system_packages.commands("arch", (), "install_driver") is None  # no proprietary package any more
    with pytest.raises(LookupError):
        system_packages.commands("ubuntu", (), "dance")
    assert system_packages.can_choose_branch("ubuntu", (), "install_driver", "580")
    assert not system_packages.can_choose_branch("debian", (), "install_driver", "580")
    assert system_packages.can_choose_branch("debian", (), "install_driver", "470")
    assert not system_packages.can_choose_branch("void", (), "install_driver", "470")


@pytest.mark.parametrize(
    ("package", "version", "flags"),
    [
        ("tensorflow", "2.21.0", ("avx",)),
        ("tensorflow", "1.5.0", None),
        ("tensorflow", "2.3.4", ("avx",)),
        ("tensorflow", "2.4.0", ("avx", "avx2")),
        ("tensorflow", "2.4.1", ("avx",)),
        ("tensorflow_cpu", "2.10.1", ("avx",)),
        ("jaxlib", "0.1.61", None),
        ("jaxlib", "0.8.0", ("avx",)),
        ("torch", "2.1.2+cu121", ("sse4_1",)),
        ("torch", "2.9.0", None),
        ("torch", "unknown", None),
        ("requests", "2.0", None),
    ],
)
def test_the_cpu_flags_of_a_wheel(package: str, version: str, flags: tuple[str, ...] | None) -> None:
    assert instruction_sets.required_flags(package, version) == flags


@pytest.mark.parametrize(
    ("package", "version", "platform", "supports"),
    [
        ("torch", "2.2.2+cu121", "linux", False),
        ("torch", "2.3.0", "linux_x86_64", True),
        ("torch", "2.4.0", "windows_x86_64", False),
        ("torch", "2.4.1", "windows", True),
        ("torch", "2.2.2", "macos_arm64", None),
        ("tensorflow", "2.17.1", "linux", False),
        ("tensorflow-intel", "2.18.0", "windows", True),
        ("onnxruntime_gpu", "1.18.1", "linux", False),
        ("keras", "3.0", "linux", None),
        ("torch", "?", "linux", None),
    ],
)
def test_numpy_2(package: str, version: str, platform: str, supports: bool | None) -> None:
    assert numpy_abi.supports_numpy_2(package, version, platform) is supports


def test_the_age_of_the_tables() -> None:
    assert as_of() == "2026-11-20"


@pytest.mark.parametrize(
    ("line", "is_harmless"),
    [
        ("2024-01-01 E external/xla cuda_dnn.cc:9261] Unable to register cuDNN factory: Attempting to register", True),
        ("I numa] successful NUMA node read from SysFS had negative value (-1), but there must be at least one", True),
        ("W gpu_device.cc:2251] Cannot dlopen some GPU libraries. Please make sure the missing libraries", False),
        ("Skipping registering GPU devices...", False),
        (
            "Allocator ran out of memory trying to allocate 2.1GiB. The caller indicates that this is NOT A FAILURE",
            True,
        ),
        ("Allocator (GPU_0_bfc) ran out of memory trying to allocate 2.1GiB (rounded to 2255486464)", None),
        ("epoch 1 loss 0.4", None),
        ("", None),
    ],
)
def test_lines_that_look_bad(line: str, *, is_harmless: bool | None) -> None:
    found = noise.known_line(line)
    assert (found.is_harmless if found else None) is is_harmless


def test_every_known_line_knows_itself() -> None:
    for row in table("noise")["lines"]:
        found = noise.known_line(" ".join((row["phrase"], *row["also"])))
        assert found is not None
        assert found.is_harmless <= row["harmless"]  # a real warning is never taken for noise
