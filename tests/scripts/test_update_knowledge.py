"""Regenerating rows from package metadata, against an index on the loopback interface."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from scripts import simple_index, update_knowledge
from tests.scripts.simple_index_server import ToyIndex, served

TORCH = (
    "Requires-Python: >=3.11",
    "Requires-Dist: filelock",
    'Requires-Dist: cuda-toolkit[cublas,cudart]==13.4.0; platform_system == "Linux"',
    'Requires-Dist: nvidia-cudnn-cu13==9.30.0.1; platform_system == "Linux"',
    'Requires-Dist: triton~=4.0.0; platform_system == "Linux" and python_version < "3.15"',
    'Requires-Dist: nvidia-other==1.0; sys_platform == "win32"',
    'Requires-Dist: opt-einsum>=3.3; extra == "opt-einsum"',
)


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    copy = tmp_path / "tables"
    shutil.copytree(update_knowledge.TABLES, copy)
    return copy


@pytest.fixture(autouse=True)
def own_pip_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def torch_index(*, speaks_json: bool = False, has_metadata_files: bool = True, offers_ranges: bool = True) -> ToyIndex:
    index = ToyIndex(speaks_json=speaks_json, has_metadata_files=has_metadata_files, offers_ranges=offers_ranges)
    for python in ("cp311", "cp312"):
        index.add(f"torch-2.99.0-{python}-{python}-manylinux_2_28_x86_64.whl", *TORCH)
    index.add("torch-2.99.0-cp312-cp312-win_amd64.whl", *TORCH)
    index.add("torch-2.99.0-cp313-cp313t-manylinux_2_28_aarch64.whl", *TORCH)
    index.add("torch-3.0.0rc1-cp312-cp312-manylinux_2_28_x86_64.whl", *TORCH)
    index.add("torch-2.98.0-cp312-cp312-manylinux_2_28_x86_64.whl", *TORCH)
    index.yanked.add("torch-2.98.0-cp312-cp312-manylinux_2_28_x86_64.whl")
    return index


def newest_torch(tables: Path) -> dict[str, Any]:
    row: dict[str, Any] = json.loads((tables / "torch_releases.json").read_text(encoding="utf-8"))["releases"][-1]
    return row


@pytest.mark.parametrize("speaks_json", [False, True])
@pytest.mark.parametrize("has_metadata_files", [False, True])
def test_a_new_torch_release_gets_a_row(
    tables: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    speaks_json: bool,
    has_metadata_files: bool,
) -> None:
    with served(torch_index(speaks_json=speaks_json, has_metadata_files=has_metadata_files)) as index:
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        assert update_knowledge.main(["torch", "--tables", str(tables), "--write"]) == 0
    row = newest_torch(tables)
    assert row["version"] == "2.99.0"
    assert row["python"]["linux_x86_64"] == ["3.11", "3.12"]
    assert row["python"]["linux_aarch64"] == ["3.13t"]
    assert row["pypi_default"]["linux_x86_64"] == ["cu134"]
    assert row["pypi_default"]["windows_x86_64"] == ["cpu"]
    assert row["requires_linux_x86_64"] == [
        "cuda-toolkit[cublas,cudart]==13.4.0",
        "nvidia-cudnn-cu13==9.30.0.1",
        'triton~=4.0.0; python_version < "3.15"',
    ]
    assert row["glibc_tag"] == "2.28"
    assert row["released"] == ("2026-11-01" if speaks_json else None)
    assert row["cuda_variants"] == []
    shown = capsys.readouterr()
    assert '+   "version": "2.99.0",' in shown.out
    assert "cuda_variants" in shown.err
    fetched = [path for path, span in index.asked if path.endswith(".whl") and not span]
    assert fetched == []  # no wheel as a whole


def test_nothing_is_written_without_write(tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (tables / "torch_releases.json").read_text(encoding="utf-8")
    with served(torch_index()) as index:
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        assert update_knowledge.main(["torch", "--tables", str(tables)]) == 0
    assert (tables / "torch_releases.json").read_text(encoding="utf-8") == before


def test_fields_kept_by_hand_stay(tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = newest_torch(tables)
    index = ToyIndex()
    index.add(f"torch-{old['version']}-cp312-cp312-manylinux_2_28_x86_64.whl", *TORCH)
    with served(index):
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        assert update_knowledge.main(["torch", "--tables", str(tables), "--write"]) == 0
    row = newest_torch(tables)
    assert row["python"]["linux_x86_64"] == ["3.12"]
    for key in ("cuda_variants", "torchvision", "torchaudio", "pypi_default", "released"):
        assert row[key] == old[key]
    assert list(row) == list(old)


def test_ranges_bring_little_of_a_large_wheel(tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = ToyIndex(has_metadata_files=False)
    index.add("torch-2.99.0-cp312-cp312-manylinux_2_28_x86_64.whl", *TORCH, padding_bytes=8_000_000)
    with served(index):
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        assert update_knowledge.main(["torch", "--tables", str(tables)]) == 0
    assert 0 < index.sent_bytes < 500_000


def test_a_server_without_ranges_is_refused(
    tables: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(torch_index(has_metadata_files=False, offers_ranges=False)) as index:
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        assert update_knowledge.main(["torch", "--tables", str(tables)]) == 1
    assert "offers no ranges" in capsys.readouterr().err


def test_an_index_without_the_project(
    tables: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(ToyIndex()) as index:
        monkeypatch.setenv("PIP_INDEX_URL", index.url.replace("//", "//reader:secret@"))
        assert update_knowledge.main(["torch", "--tables", str(tables)]) == 1
    said = capsys.readouterr().err
    assert "no wheel of torch" in said
    assert "secret" not in said


def test_tensorflow_and_jax_rows(tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = ToyIndex()
    index.add(
        "tensorflow-2.99.0-cp313-cp313-manylinux_2_28_x86_64.whl",
        "Requires-Dist: keras>=3.20",
        "Requires-Dist: numpy>=2.0",
        'Requires-Dist: nvidia-cudnn-cu12<10.0,>=9.3; extra == "and-cuda"',
        "Provides-Extra: and-cuda",
    )
    index.add(
        "jax-0.99.0-py3-none-any.whl", "Requires-Python: >=3.12", "Requires-Dist: numpy>=2.2", "Provides-Extra: cuda13"
    )
    index.add(
        "jax_cuda13_plugin-0.99.0-cp314-cp314-manylinux_2_27_x86_64.whl",
        'Requires-Dist: nvidia-cudnn-cu13<10.0,>=9.12; extra == "with-cuda"',
    )
    index.add("jax_cuda12_plugin-0.1.0-cp314-cp314-manylinux_2_27_x86_64.whl")
    with served(index):
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        assert update_knowledge.main(["tensorflow", "jax", "--tables", str(tables), "--write"]) == 0
    tensorflow = json.loads((tables / "tensorflow_releases.json").read_text(encoding="utf-8"))["releases"][-1]
    assert tensorflow["and_cuda"] == ["nvidia-cudnn-cu12<10.0,>=9.3"]
    assert (tensorflow["keras"], tensorflow["numpy"]) == (["keras>=3.20"], ["numpy>=2.0"])
    assert tensorflow["build_cuda_major"] is None
    jax = json.loads((tables / "jax_cupy_releases.json").read_text(encoding="utf-8"))["jax_releases"][-1]
    assert jax["cuda13"]["python"] == {"linux_x86_64": ["3.14"], "linux_aarch64": []}
    assert jax["cuda13"]["requires"] == ["nvidia-cudnn-cu13<10.0,>=9.12"]
    assert jax["cuda12"] is None


def test_the_configuration_is_pips_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pip")
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\nindex-url = https://mirror.example/simple\nextra-index-url = https://one.example\n  https://two.example\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    found = simple_index.read_configuration()
    assert found.indexes == ("https://mirror.example/simple", "https://one.example", "https://two.example")
    monkeypatch.setenv("PIP_INDEX_URL", "https://nearer.example/simple")
    assert simple_index.read_configuration().indexes[0] == "https://nearer.example/simple"


def test_a_folder_is_an_index_too(tmp_path: Path) -> None:
    toy = ToyIndex()
    toy.add("torch-2.99.0-cp312-cp312-manylinux_2_28_x86_64.whl", *TORCH)
    folder = tmp_path / "simple" / "torch"
    folder.mkdir(parents=True)
    ((name, content),) = toy.wheels.items()
    (folder / name).write_bytes(content)
    (folder / "index.html").write_text(f'<a href="{name}">{name}</a>', encoding="utf-8")
    index = simple_index.SimpleIndex(simple_index.Configuration(((tmp_path / "simple").as_uri(),), None))
    (wheel,) = index.wheels("torch")
    assert index.metadata(wheel)["Requires-Python"] == ">=3.11"


def test_pci_ids(tables: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = tmp_path / "pci.ids"
    database.write_text(
        "1002  AMD\n\t2684  No NVIDIA device\n"
        "10de  NVIDIA Corporation\n"
        "\t2684  AD102 [GeForce RTX 4090]\n\t\t1028 167c  A subsystem\n"
        "\t26ff  AD102GL [RTX 9999]\n"
        "\t22ba  AD102 High Definition Audio Controller\n"
        "\t4000  GX999 [Something new]\n"
        "8086  Intel\n\t1111  AD102 [not here]\n",
        encoding="utf-8",
    )
    assert update_knowledge.main(["pci", "--pci-ids", str(database), "--tables", str(tables), "--write"]) == 0
    chips = {row["chip"]: row for row in json.loads((tables / "pci_gpus.json").read_text(encoding="utf-8"))["chips"]}
    assert chips["AD102"]["devices"] == {"2684": "GeForce RTX 4090", "26ff": "RTX 9999"}
    assert chips["AD102"]["capability"] == "8.9"
    assert "chip GX999 has no row" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        update_knowledge.main(["pci"])


def test_the_tables_stand_in_the_layout_that_is_written() -> None:
    for name in ("torch_releases", "tensorflow_releases", "jax_cupy_releases", "pci_gpus"):
        text = (update_knowledge.TABLES / f"{name}.json").read_text(encoding="utf-8")
        assert update_knowledge.render(json.loads(text)) + "\n" == text
