"""Commands about packages fit the tool that made the environment."""

from __future__ import annotations

from typing import Any

import pytest

from gpudoctor.rules.advice.python import (
    index_url_of,
    install_tensorflow,
    install_torch,
    pip_install,
    pip_uninstall,
    remove_folder,
)
from gpudoctor.rules.rule import Case
from tests.rules.overlay import overlaid

INTERPRETER = "/home/user/project/.venv/bin/python"


def case_with(base: str = "desktop", **lines: Any) -> Case:
    snapshot = overlaid(base, {name.replace("__", "."): value for name, value in lines.items()})
    return Case(snapshot, snapshot.environments[0])


@pytest.mark.parametrize(
    ("lines", "command"),
    [
        ({}, f"{INTERPRETER} -m pip install --upgrade 'torch<3'"),
        ({"env__kind": "uv"}, f"uv pip install --python {INTERPRETER} --upgrade 'torch<3'"),
        ({"env__kind": "uv", "packages__pip": "25.3"}, f"{INTERPRETER} -m pip install --upgrade 'torch<3'"),
        ({"env__kind": "pipx"}, "pipx runpip .venv install --upgrade 'torch<3'"),
        ({"env__platform_tag": "win-amd64"}, f"{INTERPRETER} -m pip install --upgrade torch<3"),
    ],
)
def test_install_by_the_tool_that_made_the_environment(lines: dict[str, Any], command: str) -> None:
    assert pip_install(case_with(**lines).environment, ["torch<3"]).commands == (command,)


def test_a_python_of_the_operating_system_is_left_alone() -> None:
    case = case_with(env__kind="system", env__is_externally_managed=True)
    fix = pip_install(case.environment, ["torch"], title="Install torch")
    assert "belongs to the operating system" in fix.title
    assert fix.commands == ("python3 -m venv ~/gpu-env", "~/gpu-env/bin/python -m pip install --upgrade torch")
    assert not fix.needs_root


def test_no_advice_runs_pip_as_root() -> None:
    case = case_with(env__kind="system", env__is_externally_managed=False, env__interpreter="/usr/bin/python3")
    assert pip_install(case.environment, ["torch"]).commands == ("/usr/bin/python3 -m pip install --upgrade torch",)


def test_removal_asks_no_question() -> None:
    assert pip_uninstall(case_with().environment, ["a", "b"]).commands == (f"{INTERPRETER} -m pip uninstall -y a b",)
    uv = pip_uninstall(case_with(env__kind="uv").environment, ["a"])
    assert uv.commands == (f"uv pip uninstall --python {INTERPRETER} a",)


def test_reinstalling_touches_no_other_package() -> None:
    fix = pip_install(case_with().environment, ["x==1"], reinstall=True)
    assert fix.commands == (f"{INTERPRETER} -m pip install --force-reinstall --no-deps x==1",)


def test_a_path_with_blanks_is_quoted() -> None:
    assert remove_folder(case_with().environment, "/a b/~orch").commands == ("rm -r '/a b/~orch'",)


def test_torch_names_its_variant_so_that_pip_does_not_keep_the_cpu_build() -> None:
    (command,) = install_torch(case_with(env__torch={"version": "2.11.0+cpu"})).commands
    variant = command.rpartition("+")[2]
    assert variant.startswith("cu")
    assert f"/whl/{variant} " in command


def test_torch_brings_its_companions_along() -> None:
    (command,) = install_torch(case_with(packages__torchvision="0.20.1")).commands
    assert "torchvision==" in command


def test_packages_of_another_cuda_major_go_before_the_new_torch_comes() -> None:
    old_card = {
        "driver__NVML__driver_version": "535.183.01",
        "NVML__cuda_version": "12.2",
        "api__driver_version": "12.2",
    }
    fix = install_torch(case_with(**old_card, driver__proc_version="535.183.01"))
    assert fix.commands[0].endswith("uninstall -y nvidia-cudnn-cu13 nvidia-nccl-cu13")
    assert "torch==" in fix.commands[1]
    assert fix.risk == "medium"


def test_packages_of_another_cuda_major_stay_for_a_framework_that_may_need_them() -> None:
    case = case_with(**{"packages__nvidia-cudnn-cu12": "9.3.0.75", "packages__tensorflow": "2.21.0"})
    assert len(install_torch(case).commands) == 1


@pytest.mark.parametrize(
    ("requirement", "folder"),
    [
        ("torch==2.11.0+cu126", "/whl/cu126"),
        ("torchvision==0.26.0+cpu", "/whl/cpu"),
        ("torch==2.9.1+rocm6.4", "rocm6.4"),
    ],
)
def test_a_build_with_a_local_version_comes_from_its_own_index(requirement: str, folder: str) -> None:
    assert (index_url_of(requirement) or "").endswith(folder)


@pytest.mark.parametrize(
    "requirement", ["torch==2.11.0", "tensorflow==2.21.0", "onnxruntime-gpu==1.20.1+cu12", "numpy"]
)
def test_other_packages_come_from_the_users_index(requirement: str) -> None:
    assert index_url_of(requirement) is None


def test_torch_for_a_gpu_that_no_wheel_serves_is_left_to_a_new_environment() -> None:
    case = case_with(gpu__compute_capability="2.0")
    assert install_torch(case).commands == ("gpudoctor setup --framework torch",)


def test_a_jetson_takes_the_torch_made_for_its_jetpack() -> None:
    fix = install_torch(case_with(system__tegra_release="R36 (release), REVISION: 4.3"))
    assert "JetPack" in fix.title
    assert fix.commands == ()


def test_conda_changes_what_conda_made() -> None:
    case = case_with(env__conda_packages=[{"name": "pytorch", "version": "2.5.1"}])
    assert install_torch(case).commands[0].startswith("conda install -p /home/user/project/.venv ")


def test_tensorflow_comes_with_its_cuda_packages() -> None:
    (command,) = install_tensorflow(case_with("tensorflow")).commands
    assert "'tensorflow[and-cuda]==" in command


def test_tensorflow_on_windows_moves_to_wsl() -> None:
    assert install_tensorflow(case_with("tensorflow", system__os_name="Windows")).commands == ("wsl --install",)
