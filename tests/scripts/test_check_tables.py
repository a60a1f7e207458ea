"""The tables are sound, and the check finds each kind of mistake."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts import check_tables

Tables = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def sound() -> Tables:
    return check_tables.read_tables(check_tables.TABLES)


def test_the_tables_are_sound(sound: Tables) -> None:
    assert check_tables.complaints(sound) == []


def _release(tables: Tables, name: str, number: int) -> dict[str, Any]:
    row: dict[str, Any] = tables[name]["releases"][number]
    return row


def _no_sources(tables: Tables) -> None:
    tables["xids"]["sources"] = []


def _no_date(tables: Tables) -> None:
    tables["gpus"]["as_of"] = "November"


def _strange_word(tables: Tables) -> None:
    _release(tables, "torch_releases", 0)["cuda_variants"][0]["verified"] = "certainly"


def _strange_target(tables: Tables) -> None:
    _release(tables, "torch_releases", 0)["cuda_variants"][0]["linux_x86_64"]["archs"] = ["sm_x"]


def _strange_python(tables: Tables) -> None:
    _release(tables, "torch_releases", 0)["python"]["linux_x86_64"] = ["310"]


def _strange_version(tables: Tables) -> None:
    _release(tables, "tensorflow_releases", 3)["version"] = "two"


def _version_twice(tables: Tables) -> None:
    tables["torch_releases"]["releases"].append(copy.deepcopy(_release(tables, "torch_releases", -1)))


def _versions_out_of_order(tables: Tables) -> None:
    tables["tensorflow_releases"]["releases"].reverse()


def _branch_falls(tables: Tables) -> None:
    tables["drivers_cuda"]["driver_branches"][20]["max_cuda"] = "9.9"


def _windows_overlap(tables: Tables) -> None:
    tables["drivers_cuda"]["driver_branches"][20]["win_last"] += 60


def _floor_falls(tables: Tables) -> None:
    tables["drivers_cuda"]["toolkits"][30]["linux_floor"] = {"exact": "1.2"}


def _floor_with_two_keys(tables: Tables) -> None:
    tables["drivers_cuda"]["family_floors"][0]["linux_floor"] = {"exact": "450.80.02", "branch": "450"}


def _floor_names_nothing(tables: Tables) -> None:
    tables["wheel_indexes"]["variants"][3]["floor"] = {"toolkit": "99.0.0"}


def _variant_without_index(tables: Tables) -> None:
    _release(tables, "torch_releases", 0)["cuda_variants"][0]["name"] = "cu999"


def _default_is_no_variant(tables: Tables) -> None:
    _release(tables, "torch_releases", 0)["pypi_default"]["linux_x86_64"] = ["cu999"]


def _capability_twice(tables: Tables) -> None:
    tables["gpus"]["architectures"][3]["capability"] = tables["gpus"]["architectures"][2]["capability"]


def _ends_before_it_begins(tables: Tables) -> None:
    tables["gpus"]["architectures"][-1]["last_branch"] = "100"


def _product_without_architecture(tables: Tables) -> None:
    tables["gpus"]["peak_specs"][0]["capability"] = "0.1"


def _ranges_overlap(tables: Tables) -> None:
    tables["gpus"]["cudnn_support"][2]["max_version"] = "9.5"


def _error_twice(tables: Tables) -> None:
    tables["cuda_errors"]["errors"][4]["code"] = tables["cuda_errors"]["errors"][3]["code"]


def _word_without_legend(tables: Tables) -> None:
    tables["xids"]["xids"][0]["severity"] = "annoying"


def _device_twice(tables: Tables) -> None:
    first, second = tables["pci_gpus"]["chips"][:2]
    second["devices"][next(iter(first["devices"]))] = "again"


def _same_name_same_memory(tables: Tables) -> None:
    tables["gpus"]["peak_specs"].append(copy.deepcopy(tables["gpus"]["peak_specs"][0]))


def _strange_placeholder(tables: Tables) -> None:
    tables["system_packages"]["families"][0]["actions"][0]["with_branch"] = ["install {package}"]


def _branch_without_a_branch(tables: Tables) -> None:
    tables["system_packages"]["families"][0]["actions"][0]["commands"] = ["install nvidia-{branch}"]


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (_no_sources, "xids: no sources"),
        (_no_date, "gpus: as_of is no date: November"),
        (_strange_word, "verified is certainly"),
        (_strange_target, "no code target: sm_x"),
        (_strange_python, "no Python version: 310"),
        (_strange_version, "no version: two"),
        (_version_twice, "torch_releases: 2.15.0 stands twice"),
        (_versions_out_of_order, "stands after"),
        (_branch_falls, "driver_branches, max_cuda"),
        (_windows_overlap, "driver_branches"),
        (_floor_falls, "toolkits, linux_floor"),
        (_floor_with_two_keys, "exactly one of exact and branch"),
        (_floor_names_nothing, "floor names no row: toolkit 99.0.0"),
        (_variant_without_index, "cu999 has no index"),
        (_default_is_no_variant, "default cu999 is no variant of it"),
        (_capability_twice, "stands twice"),
        (_ends_before_it_begins, "is above last_branch 100"),
        (_product_without_architecture, "no architecture 0.1"),
        (_ranges_overlap, "overlap"),
        (_error_twice, "cuda_errors: "),
        (_word_without_legend, "annoying is not in severity_words"),
        (_device_twice, "pci_gpus: "),
        (_same_name_same_memory, "memory does not tell apart"),
        (_strange_placeholder, "unknown placeholder"),
        (_branch_without_a_branch, "commands without a branch name one"),
    ],
)
def test_each_kind_of_mistake_is_found(sound: Tables, spoil: Callable[[Tables], None], complaint: str) -> None:
    spoiled = copy.deepcopy(sound)
    spoil(spoiled)
    assert any(complaint in found for found in check_tables.complaints(spoiled))


def test_the_command_prints_complaints_and_fails(
    sound: Tables, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in sound.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    assert check_tables.main([str(tmp_path)]) == 0
    _no_sources(spoiled := copy.deepcopy(sound))
    (tmp_path / "xids.json").write_text(json.dumps(spoiled["xids"]), encoding="utf-8")
    assert check_tables.main([str(tmp_path)]) == 1
    assert capsys.readouterr().out == "xids: no sources\n"
