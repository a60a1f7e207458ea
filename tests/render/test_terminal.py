"""The terminal report: decisive lines, whole commands, honest verdicts, nothing that steers the terminal."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpudoctor.engine.report import diagnose
from gpudoctor.facts.snapshot import SCHEMA, Snapshot
from gpudoctor.findings.finding import Evidence, Fix, ReportedFinding, Risk, Severity
from gpudoctor.findings.report import CrashedRule, Report, Subject, Unjudged
from gpudoctor.render.json_report import render_json
from gpudoctor.render.terminal import Detail, Screen, render_terminal
from gpudoctor.rules.registry import all_rules
from tests.rules.overlay import overlaid

UNKNOWN = {"unknown": "permission denied"}
NO_NVML = {"nvml.init_code": 9, "nvml.init_error": "DRIVER_NOT_LOADED", "gpus": {"unknown": "NVML does not start"}}


def report_on(snapshot: Snapshot) -> Report:
    return diagnose(snapshot, all_rules(), Subject(kind="machine", source="this machine"), "0.1.0")


def healthy() -> Report:
    """Return the report of the desktop with nothing found, whatever the rules think of it."""
    report = report_on(overlaid("desktop", {}))
    return msgspec.structs.replace(report, findings=(), not_judged=(), verdict="healthy", root_cause=None)


def finding(**changes: Any) -> ReportedFinding:
    values: dict[str, Any] = {
        "code": "DRV003",
        "name": "driver-library-mismatch",
        "severity": Severity.ERROR,
        "target": "machine",
        "message": "the module is 570.133.07, the libraries are 580.95.05",
        "evidence": (Evidence(fact="driver.proc_version", value="570.133.07", source="/proc/driver/nvidia/version"),),
        "hides": (),
        "fixes": (Fix(title="Reboot", commands=("sudo reboot",), needs_root=True, needs_reboot=True),),
        "docs": "docs/codes/DRV003.md",
    }
    return ReportedFinding(**{**values, **changes})


def with_findings(*findings: ReportedFinding, **changes: Any) -> Report:
    broken = any(item.severity is Severity.ERROR for item in findings)
    return msgspec.structs.replace(
        healthy(), findings=findings, verdict="broken" if broken else "degraded", root_cause=findings[0].code, **changes
    )


def shown(report: Report, width: int = 80, detail: Detail = Detail.FINDINGS, **screen: Any) -> str:
    return render_terminal(report, Screen(width=width, **screen), detail).decode()


def area(text: str, label: str) -> str:
    """Return an area's lines as one line, with its mark."""
    lines = text.split("\n\n")[1].splitlines()
    start = next(number for number, line in enumerate(lines) if line[2:].startswith(label))
    rest = lines[start + 1 :]
    more = rest[: next((number for number, line in enumerate(rest) if not line.startswith("    ")), len(rest))]
    return " ".join(" ".join([lines[start], *more]).split())


def test_a_healthy_machine_fits_80_columns_and_ends_with_the_verdict() -> None:
    text = shown(healthy())
    assert max(len(line) for line in text.splitlines()) <= 80
    assert re.match(r"✓ No problems found \(\d+ checks passed\)$", text.splitlines()[-1])
    assert area(text, "Driver") == "✓ Driver 580.95.05, open kernel module, serves CUDA 13.0"
    assert area(text, "GPU 0") == "✓ GPU 0 NVIDIA GeForce RTX 4090, capability 8.9, 24 GiB"
    assert "torch 2.11.0+cu130 (CUDA 13.0): GPU usable, 1 device" in area(text, "Python")
    assert area(text, "Kernel log").startswith("✓")


@pytest.mark.parametrize(
    ("lines", "label", "expected"),
    [
        ({"driver.proc_version": "570.133.07"}, "Driver", "open kernel module 570.133.07"),
        (NO_NVML, "Driver", "NVML does not start: DRIVER_NOT_LOADED (9)"),
        ({**NO_NVML, "driver.pci_devices[0].driver": "nouveau"}, "GPU", "at 0000:01:00.0, bound to nouveau"),
        ({"gpu.handle_error": "GPU_IS_LOST"}, "GPU 0", "0000:01:00.0: no access (GPU_IS_LOST)"),
        ({"gpu.memory_used_bytes": 20 * 1024**3}, "GPU 0", "20 GiB in use"),
        ({"gpu.clock_event_reasons": ["gpu_idle", "hw_slowdown"]}, "GPU 0", "clocks held by hw slowdown"),
        ({"gpu.pcie_width": 4}, "GPU 0", "PCIe x4 of x16"),
        ({"gpu.compute_mode": "exclusive_process"}, "GPU 0", "compute mode exclusive process"),
        ({"gpu.mig_mode": "enabled"}, "GPU 0", "MIG on, 0 instances"),
        ({"gpu.ecc_uncorrected_volatile": 2}, "GPU 0", "2 uncorrected memory errors"),
        (
            {"api.init_code": 999, "api.init_name": "CUDA_ERROR_UNKNOWN"},
            "CUDA",
            "cuInit fails with 999 CUDA_ERROR_UNKNOWN",
        ),
        ({"api.library": {"absent": True}}, "CUDA", "no libcuda.so.1"),
        ({"machine.kernel_log.xids": UNKNOWN}, "Kernel log", "? Kernel log cannot be read: permission denied"),
        (
            {"machine.kernel_log.xids": [{"number": 79, "line": 3, "text": "x", "pci_address": "0000:01:00"}]},
            "Kernel log",
            "Xid 79 on 0000:01:00",
        ),
        (
            {"run.torch.import_error": "ImportError: libcudart.so.13"},
            "Python",
            "import fails: ImportError: libcudart.so.13",
        ),
        (
            {"run.torch.exit_signal": "SIGSEGV", "run.torch.ended_in_stage": "devices"},
            "Python",
            "ended by SIGSEGV in the stage devices",
        ),
        ({"run.torch.is_gpu_available": UNKNOWN}, "Python", "GPU not known: permission denied"),
        ({"environments[0].runs": []}, "Python", "torch 2.11.0+cu130 (CUDA 13.0): not started"),
        ({"kernelspecs[0].interpreter": ""}, "Jupyter", "broken: python3 (its interpreter is gone)"),
        ({"system.container": {"kind": "docker"}}, "System", "in a docker container"),
        ({"system.wsl": {"version": 2}}, "System", "WSL 2"),
    ],
)
def test_an_area_shows_the_fact_that_decides(lines: dict[str, Any], label: str, expected: str) -> None:
    assert expected in area(shown(report_on(overlaid("desktop", lines))), label)


def test_no_gpu_machine() -> None:
    text = shown(report_on(overlaid("no_gpu", {})))
    assert area(text, "Driver") == "i Driver no NVIDIA driver"
    assert area(text, "GPU") == "i GPU no NVIDIA GPU on the bus"
    assert "no GPU framework installed" in area(text, "Python")


def test_a_finding_in_full() -> None:
    fix = Fix(
        title="Reinstall", commands=("sudo apt install x",), needs_root=True, risk=Risk.MEDIUM, risk_note="the screen"
    )
    item = finding(hides=("CUD001",), fixes=(*finding().fixes, fix))
    text = shown(with_findings(item))
    for line in (
        "✗ DRV003 driver-library-mismatch (error)",
        "  the module is 570.133.07, the libraries are 580.95.05",
        "  - driver.proc_version = 570.133.07 (/proc/driver/nvidia/version)",
        "  Explains: CUD001 driver-too-old-for-runtime",
        "  1. Reboot (needs root and a reboot; low risk)",
        "  2. Reinstall (needs root; medium risk)",
        "     Risk: the screen",
    ):
        assert line in text.splitlines()
    assert text.splitlines()[-3:] == [
        "✗ Broken: 1 error; the cause is DRV003 driver-library-mismatch",
        "  Do first: Reboot",
        "    sudo reboot",
    ]


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("colour", [True, False])
def test_commands_are_never_wrapped_and_stand_alone(width: int, colour: bool) -> None:
    command = "/home/a name/.venv/bin/python -m pip install --index-url https://example.org/" + "x" * 150
    text = shown(with_findings(finding(fixes=(Fix(title="Install", commands=(command,)),))), width, has_colour=colour)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert [line.strip() for line in plain.splitlines()].count(
        command
    ) == 2  # with the finding, and as what to do first


def test_warnings_and_several_errors_are_counted_and_the_first_named() -> None:
    warning = finding(code="HWD004", name="throttled", severity=Severity.WARNING)
    assert "! Degraded: 1 warning; the cause is HWD004 throttled" in shown(with_findings(warning))
    two = with_findings(finding(), finding(code="CUD005", name="cuda-library-missing"), warning)
    assert "✗ Broken: 2 errors, 1 warning; begin with DRV003 driver-library-mismatch" in shown(two)


def unjudged(code: str, reason: str) -> Unjudged:
    return Unjudged(code=code, fact="gpus", reason=reason, target="machine")


def test_no_problems_only_where_everything_that_matters_was_judged() -> None:
    of_matter = msgspec.structs.replace(healthy(), not_judged=(unjudged("DRV003", "permission denied"),))
    last = shown(of_matter).splitlines()[-1]
    assert last == "? No problems found in what could be looked at; 1 check could not be judged: DRV003"
    of_information = msgspec.structs.replace(healthy(), not_judged=(unjudged("DRV017", "permission denied"),))
    assert shown(of_information).splitlines()[-1].startswith("✓ No problems found (")


def test_what_was_not_judged_is_grouped_by_reason_and_whole_with_verbose() -> None:
    items = [unjudged(f"DRV{number:03d}", "no NVML") for number in range(1, 15)]
    items += [unjudged("HWD001", f"reason {number}") for number in range(9)]
    counts = msgspec.structs.replace(healthy().counts, not_judged=len(items))
    report = msgspec.structs.replace(healthy(), not_judged=tuple(items), counts=counts)
    text = shown(report)
    assert "Not judged: 23 checks" in text
    assert "no NVML: DRV001" in text
    assert "and 6 more" in " ".join(text.split())
    assert "4 more reasons, shown with -v" in text
    whole = shown(report, detail=Detail.EVERYTHING)
    assert "DRV014: gpus: no NVML" in whole
    assert "reason 8" in whole


def test_a_crash_is_never_health() -> None:
    counts = msgspec.structs.replace(healthy().counts, crashed=1)
    crash = CrashedRule(code="DRV001", target="machine", error="TypeError: boom (x.py:3)")
    text = shown(msgspec.structs.replace(healthy(), crashed=(crash,), counts=counts))
    assert "DRV001 on machine: TypeError: boom (x.py:3)" in text
    assert text.splitlines()[-1].startswith("? ")
    assert text.splitlines()[-1].endswith("; 1 check crashed")


def test_unknown_is_said() -> None:
    empty = report_on(Snapshot(schema=SCHEMA, created="", tool_version="0.1.0"))
    text = shown(msgspec.structs.replace(empty, verdict="unknown", findings=()))
    assert "No problems" not in text
    assert area(text, "System").startswith("? System not known")
    assert area(text, "Driver").startswith("? Driver")


def test_understandable_in_ascii() -> None:
    text = shown(with_findings(finding()), encoding="ascii")
    assert text.isascii()
    assert "X DRV003 driver-library-mismatch (error)" in text
    assert "ok System" in text


def test_a_machine_that_lies_cannot_steer_the_terminal() -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\r\nfake"
    item = finding(message=evil, target=evil, fixes=(Fix(title=evil, commands=(f"echo {evil}",)),))
    lines = {"gpu.name": evil, "env.path": evil, "kernelspecs[0].name": evil, "kernelspecs[0].error": evil}
    report = msgspec.structs.replace(with_findings(item), snapshot=overlaid("desktop", lines))
    text = shown(report, detail=Detail.EVERYTHING)
    assert not [letter for letter in text if not letter.isprintable() and letter != "\n"]


@settings(max_examples=50, deadline=None)
@given(text=st.text(max_size=120), width=st.integers(40, 200))
def test_any_text_can_be_shown(text: str, width: int) -> None:
    item = finding(message=text, evidence=(Evidence(fact=text, value=text, source=text),))
    for encoding in ("utf-8", "ascii", "cp1252"):
        rendered = render_terminal(with_findings(item), Screen(width=width, encoding=encoding), Detail.EVERYTHING)
        assert b"DRV003" in rendered


def test_broken_file_names_reach_json() -> None:
    content = render_json(with_findings(finding(target="/home/x/env-\udcff")))
    assert b"env-\\\\udcff" in content
