"""The overview: one area of the machine a line, with the facts that decide and a mark of what was found there."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from gpudoctor.facts.environment import Environment
from gpudoctor.facts.snapshot import Machine
from gpudoctor.findings.finding import ReportedFinding, Severity
from gpudoctor.findings.report import Report
from gpudoctor.render.area_cuda import cuda_lines, kernel_log_lines
from gpudoctor.render.area_driver import driver_lines
from gpudoctor.render.area_gpus import gpu_areas
from gpudoctor.render.area_python import environment_lines, jupyter_lines
from gpudoctor.render.area_system import system_lines


class Mark(str, enum.Enum):
    """What stands before an area."""

    OK = "ok"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    UNKNOWN = "unknown"


class Area(msgspec.Struct, frozen=True):
    """One entry of the overview."""

    mark: Mark
    label: str
    lines: tuple[str, ...]


_MARK_OF = {Severity.ERROR: Mark.ERROR, Severity.WARNING: Mark.WARNING, Severity.INFO: Mark.INFO}
_WORST_FIRST = (Severity.ERROR, Severity.WARNING, Severity.INFO)
_AREA_OF_FAMILY = {
    "DRV": "Driver",
    "WSL": "Driver",
    "HWD": "GPU",
    "MEM": "GPU",
    "CUD": "CUDA",
    "DNN": "CUDA",
    "JUP": "Jupyter",
}


def areas_of(report: Report) -> Iterator[Area]:
    """Yield the areas of a report in the order of the stack, lowest first."""
    machine = report.snapshot.machine
    findings = report.findings
    at_fault = Mark.ERROR if _has_error(findings, "machine") else Mark.INFO
    yield _area("System", system_lines(machine.system), _of(findings, "System"))
    yield _area("Driver", driver_lines(machine.driver, machine.system), _of(findings, "Driver"), at_fault)
    yield from _gpus(machine, _of(findings, "GPU"))
    yield _area("CUDA", cuda_lines(machine), _of(findings, "CUDA"), at_fault)
    yield _area("Kernel log", kernel_log_lines(machine.kernel_log), _from_kernel_log(findings))
    environments = report.snapshot.environments
    yield from (_environment(environment, findings) for environment in environments)
    if not environments:
        yield Area(Mark.INFO, "Python", ("no environment was looked at",))
    yield _area("Jupyter", jupyter_lines(machine), _of(findings, "Jupyter"))


def _area(
    label: str, said: tuple[str, tuple[str, ...]], findings: Iterable[ReportedFinding], at_fault: Mark = Mark.INFO
) -> Area:
    """Make an area of ("ok" | "info" | "unknown" | "failing", its lines); what was found there decides over that.

    What fails without a finding of its own is the consequence of one elsewhere: `at_fault` is the mark for that.
    """
    found = {finding.severity for finding in findings}
    worst = next((_MARK_OF[severity] for severity in _WORST_FIRST if severity in found), None)
    if said[0] == "failing" and worst in (None, Mark.INFO):
        return Area(at_fault, label, said[1])
    return Area(worst or Mark("info" if said[0] == "failing" else said[0]), label, said[1])


def _has_error(findings: Sequence[ReportedFinding], target: str) -> bool:
    return any(finding.target == target and finding.severity is Severity.ERROR for finding in findings)


def _of(findings: Sequence[ReportedFinding], label: str) -> list[ReportedFinding]:
    """Return the findings on the machine that belong to an area; System takes those that no other does."""
    return [
        finding
        for finding in findings
        if finding.target == "machine" and _AREA_OF_FAMILY.get(finding.code[:3], "System") == label
    ]


def _from_kernel_log(findings: Sequence[ReportedFinding]) -> list[ReportedFinding]:
    return [
        finding for finding in findings if any(piece.fact.startswith("kernel_log.xids") for piece in finding.evidence)
    ]


def _gpus(machine: Machine, findings: Sequence[ReportedFinding]) -> Iterator[Area]:
    for index, label, said in gpu_areas(machine):
        yield _area(label, said, [finding for finding in findings if index in _gpu_indexes(finding, index)])


def _gpu_indexes(finding: ReportedFinding, otherwise: int) -> set[int]:
    """Return which GPUs a finding speaks of; one that names none speaks of all."""
    named = re.findall(r"\bGPU (\d+)\b", finding.message)
    named += [number for piece in finding.evidence for number in re.findall(r"^gpus\[(\d+)\]", piece.fact)]
    return {int(number) for number in named} or {otherwise}


def _environment(environment: Environment, findings: Sequence[ReportedFinding]) -> Area:
    own = [finding for finding in findings if finding.target == environment.path]
    at_fault = Mark.ERROR if _has_error(findings, "machine") else Mark.INFO
    return _area("Python", environment_lines(environment), own, at_fault)
