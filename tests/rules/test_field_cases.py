"""Broken machines as people reported them: the cause that was established is what the report begins with."""

from __future__ import annotations

import pytest

from gpudoctor.findings.finding import Severity
from tests.rules.diagnosis import bad_findings, report_of
from tests.rules.field_cases import CASES
from tests.rules.field_cases_of_python import CASES_OF_PYTHON

ALL = CASES | CASES_OF_PYTHON


@pytest.mark.parametrize(("base", "lines", "codes"), ALL.values(), ids=ALL)
def test_the_cause_comes_first_and_explains_the_rest(base: str, lines: dict[str, object], codes: str) -> None:
    """`codes`: the root cause, then what may stand beside it as an error or a warning of its own."""
    cause, *beside = codes.split()
    report = report_of(base, lines)
    told = "\n".join(bad_findings(report))
    assert report.crashed == ()
    assert report.root_cause == cause, told
    bad = {finding.code for finding in report.findings if finding.severity is not Severity.INFO}
    assert bad <= {cause, *beside}, told
    assert report.findings[0].fixes
