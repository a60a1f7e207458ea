"""Judge a machine by every rule, as `check` does."""

from __future__ import annotations

from gpudoctor.engine.report import Report, Subject, diagnose
from gpudoctor.findings.finding import Severity
from gpudoctor.rules.registry import all_rules
from tests.rules.machine_lines import Lines
from tests.rules.overlay import overlaid


def report_of(base: str, lines: Lines) -> Report:
    """Judge a machine by every rule."""
    return diagnose(overlaid(base, lines), all_rules(), Subject(kind="machine", source="test"), "0")


def bad_findings(report: Report) -> list[str]:
    """Return the findings that are no mere information, as short text."""
    return [
        f"{finding.severity.value} {finding.code}: {finding.message}"
        for finding in report.findings
        if finding.severity is not Severity.INFO
    ]
