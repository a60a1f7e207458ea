"""The bench itself: inheritance, refusal of typos, and the fakes' answer lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpudoctor.parsers.nvidia_smi import Banner, parse_banner
from tests.bench.machine import MachineBench, answers
from tests.bench.machine_file import MachineFileError, load_machine, merged
from tests.bench.smi_words import smi_words


def _machine(folder: Path, name: str, text: str) -> Path:
    place = folder / name
    place.mkdir()
    (place / "machine.toml").write_text(text)
    return place


def test_a_machine_lies_over_its_base(tmp_path: Path) -> None:
    _machine(tmp_path, "base", 'description = "b"\n[nvml]\ncuda = 13000\n[cuda]\n[expect]\nverdict = "healthy"\n')
    over = 'description = "o"\nbase = "base"\ncuda = false\n[nvml]\nerror.nvmlInit = 18\n[expect]\nexit = 1\n'
    machine = load_machine(_machine(tmp_path, "over", over))
    assert machine["nvml"] == {"cuda": 13000, "error": {"nvmlInit": 18}}
    assert "cuda" not in machine
    assert machine["expect"] == {"exit": 1}


def test_false_takes_away_and_lists_replace() -> None:
    base = {"files": {"a": "1", "b": "2"}, "pci": [{"device": 1}, {"device": 2}]}
    assert merged(base, {"files": {"a": False}, "pci": [{"device": 3}]}) == {
        "files": {"b": "2"},
        "pci": [{"device": 3}],
    }


def test_a_flag_keeps_its_false() -> None:
    assert merged({"driver": {"version": "580"}}, {"driver": {"libraries": False}})["driver"]["libraries"] is False


@pytest.mark.parametrize("line", ["nvlm = 1", "kernel = 5", "[expect]\nroot-cause = 'DRV001'"])
def test_a_typo_is_refused(tmp_path: Path, line: str) -> None:
    head = 'description = "x"\n' + ("" if "[expect]" in line else "expect = {}\n")
    with pytest.raises(MachineFileError):
        load_machine(_machine(tmp_path, "typo", head + line))


def test_answer_lines() -> None:
    table = {"cuda": 12020, "gpus": [{"name": "A", "times": 2}], "gpu1": {"error": {"nvmlDeviceGetName": 15}}}
    assert answers(table).splitlines() == [
        "cuda=12020",
        "gpu0.name=A",
        "gpu1.name=A",
        "gpu1.error.nvmlDeviceGetName=15",
    ]


@pytest.mark.parametrize(
    ("driver", "banner"),
    [
        ("535.104.05", Banner("535.104.05", "535.104.05", "12.2")),
        ("610.43.02", Banner("610.43.02", "610.43.02", "12.2")),
    ],
)
def test_nvidia_smi_speaks_for_its_generation(driver: str, banner: Banner) -> None:
    text, code = smi_words({"cuda": 12020, "gpus": [{"name": "NVIDIA H100 80GB HBM3"}]}, driver)
    assert code == 0
    assert parse_banner(text) == banner


def test_tree_and_commands_are_laid_out(tmp_path: Path, fake_libraries: Path) -> None:
    machine = {
        "kernel": "6.8.0-45-generic",
        "driver": {"version": "580.95.05", "loaded": "580.65.06"},
        "pci": [{"address": "0000:01:00.0", "device": 0x2684, "times": 2}],
        "nvml": {},
        "modes": {"dev/nvidia0": "600"},
        "links": {"usr/bin/there": "/usr/bin/here"},
        "commands": {"tool": {"stdout": "it's", "exit": 3, "when": [{"arguments": "--v", "stdout": "1.2"}]}},
    }
    bench = MachineBench(machine, tmp_path / "machine", fake_libraries)
    assert "580.65.06" in (bench.root / "proc/driver/nvidia/version").read_text()
    assert (bench.root / "sys/bus/pci/devices/0000:02:00.0/driver").resolve().name == "nvidia"
    assert (bench.root / "dev/nvidia0").stat().st_mode & 0o777 == 0o600
    assert (bench.root / "dev/nvidia1").stat().st_mode & 0o777 == 0o666
    assert (bench.root / "usr/bin/there").is_symlink()
    assert (bench.folder / "lib/libnvidia-ml.so.1").resolve().name == "libnvidia-ml.so.580.95.05"
    assert not (bench.folder / "lib/libcuda.so.1").exists()
    script = (bench.folder / "bin/tool").read_text()
    assert script.startswith("#!/bin/sh\n")
    assert "exit 3" in script
    outcome = bench.run("rules", "--format", "json")
    assert outcome.exit_code == 0, outcome.stderr
