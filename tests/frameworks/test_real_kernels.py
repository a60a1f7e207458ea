"""A Jupyter kernel that ipykernel itself registered: judged, really started, and broken."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import run_json
from tests.frameworks.conftest import Install, run_uv

pytestmark = pytest.mark.slow
_CLIENT = """
import sys
from jupyter_client.manager import start_new_kernel

manager, client = start_new_kernel(kernel_name=sys.argv[1])
said = []
client.execute_interactive(
    "import sys; print(sys.prefix)",
    output_hook=lambda message: said.append(message["content"].get("text", "")),
    timeout=30,
)
client.stop_channels()
manager.shutdown_kernel(now=True)
print("".join(said).strip())
"""


@pytest.fixture(scope="module")
def client(install: Install) -> Path:
    """An environment whose jupyter_client starts kernels of other environments."""
    return install("jupyter", ("ipykernel==7.4.0", "jupyter_client"))


def test_a_kernel_is_judged_started_and_broken(client: Path, tmp_path: Path) -> None:
    environment, prefix = tmp_path / "environment", tmp_path / "jupyter"
    run_uv("venv", "--python", sys.executable, str(environment))
    run_uv("pip", "install", "--python", str(environment), "ipykernel==7.4.0")
    python = environment / "bin/python"
    name = "my-kernel"
    command = [str(python), "-m", "ipykernel", "install", "--prefix", str(prefix), "--name", name]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    variables = {"JUPYTER_PATH": str(prefix / "share/jupyter"), "HOME": str(tmp_path)}

    report, _ = run_json("check", "--kernel", name, "--no-import", "--no-redact", cwd=tmp_path, **variables)
    (judged,) = report["snapshot"]["environments"]
    (spec,) = (spec for spec in report["snapshot"]["machine"]["kernelspecs"]["value"] if spec["name"] == name)
    assert judged["selected_by"] == f"kernel {name}"
    assert spec["has_ipykernel"] is True
    assert [finding["code"] for finding in report["findings"] if finding["code"].startswith("JUP")] == []

    started = subprocess.run(
        [str(client / "bin/python"), "-I", "-c", _CLIENT, name],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert started.stdout.strip().splitlines()[-1] == str(environment)
    assert judged["path"] == str(environment)

    shutil.rmtree(environment)
    broken, code = run_json("check", "--no-import", cwd=tmp_path, **variables)
    assert "JUP001" in [finding["code"] for finding in broken["findings"]]
    assert code == 1
    named, code = run_json("check", "--kernel", name, "--no-import", cwd=tmp_path, **variables)
    assert named["root_cause"] == "JUP001"
    assert code == 1
