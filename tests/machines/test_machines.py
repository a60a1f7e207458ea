"""Every machine under this folder gets the diagnosis that it must have, from the real command."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.bench.compile_fakes import has_real_library
from tests.bench.machine import MachineBench
from tests.bench.machine_file import Table, load_machine

FOLDER = Path(__file__).parent
MACHINES = sorted(path.parent.name for path in FOLDER.glob("*/machine.toml"))


@pytest.mark.parametrize("name", MACHINES)
def test_machine(name: str, fake_libraries: Path) -> None:
    machine = load_machine(FOLDER / name)
    for table, soname in (("nvml", "libnvidia-ml.so.1"), ("cuda", "libcuda.so.1")):
        if table not in machine and has_real_library(soname):
            pytest.skip(f"this machine has a real {soname}, so it cannot be missing")
    with tempfile.TemporaryDirectory(
        prefix="machine-"
    ) as folder:  # outside pytest's own, which only its user can enter
        Path(folder).chmod(0o755)
        outcome = MachineBench(machine, Path(folder) / "machine", fake_libraries).check()
    assert "Traceback" not in outcome.stderr, outcome.stderr
    report = outcome.report
    assert report["schema"] == "gpudoctor.report/1", outcome.stdout
    assert report["crashed"] == []
    assert report["snapshot"].get("probe_failures", []) == []
    _compare(machine["expect"], report, outcome.exit_code)


def _compare(expect: Table, report: Any, exit_code: int) -> None:
    """Compare the report with [expect]; the message of a failure is the whole diagnosis in short."""
    found = [finding["code"] for finding in report["findings"]]
    hidden = sorted({code for finding in report["findings"] for code in finding["hides"]})
    seen = f"found {found}, hidden {hidden}, verdict {report['verdict']}, root cause {report['root_cause']}"
    seen += "".join(f"\n  {finding['code']}: {finding['message']}" for finding in report["findings"])
    if "root_cause" in expect:
        assert (report["root_cause"] or "") == expect["root_cause"], seen
    if "verdict" in expect:
        assert report["verdict"] == expect["verdict"], seen
    if "exit" in expect:
        assert exit_code == expect["exit"], seen
    assert set(expect.get("codes", [])) <= set(found), seen
    assert set(expect.get("hides", [])) <= set(hidden), seen
    unjudged = {entry["code"] for entry in report["not_judged"]}
    assert set(expect.get("not_judged", [])) <= unjudged, f"{seen}\n  not judged: {sorted(unjudged)}"
    unwanted = [code for code in [*found, *hidden] if code.startswith(tuple(expect.get("not_codes", [])))]
    assert unwanted == [], seen
    told = "\n".join(
        line
        for root in report["findings"][:1]
        for line in [root["message"], *(str(item["value"]) for item in root["evidence"])]
    )
    assert [piece for piece in expect.get("says", []) if piece not in told] == [], told
    advice = "\n".join(
        text for root in report["findings"][:1] for fix in root["fixes"] for text in (fix["title"], *fix["commands"])
    )
    assert [piece for piece in expect.get("fixes", []) if piece not in advice] == [], advice


@pytest.mark.parametrize(
    "expect",
    [
        {"root_cause": "DRV003"},
        {"verdict": "broken"},
        {"exit": 1},
        {"codes": ["DRV003"]},
        {"not_codes": ["DRV0"]},
        {"not_codes": ["CUD"]},
        {"hides": ["DRV013"]},
        {"not_judged": ["HWD001"]},
        {"fixes": ["reboot"]},
        {"says": ["580"]},
    ],
)
def test_a_wrong_diagnosis_is_noticed(expect: Table) -> None:
    finding = {"code": "DRV017", "message": "old", "evidence": [{"value": "535"}], "hides": ["CUD001"], "fixes": []}
    with pytest.raises(AssertionError):
        _compare(expect, {"findings": [finding], "verdict": "healthy", "root_cause": None, "not_judged": []}, 0)
