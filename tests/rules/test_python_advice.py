"""Commands about packages fit the tool that made the environment."""

from __future__ import annotations

from typing import Any

import pytest

from gpudoctor.rules.advice.python import install_tensorflow, install_torch, pip_install, pip_uninstall, remove_folder
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
