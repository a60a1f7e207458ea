"""What every finding of every broken machine says keeps the house rules: messages, titles, commands, root."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from gpudoctor.findings.finding import Fix, ReportedFinding
from tests.rules.diagnosis import report_of
from tests.rules.test_field_cases import ALL
from tests.rules.test_root_first import MACHINES

_UNWANTED = re.compile(r"\b(please|simply|just|maybe|perhaps|unfortunately|sorry)\b|!$|  ", re.IGNORECASE)
_AS_ROOT = re.compile(r"(^|\| )sudo ")
_ROOT_WITHOUT_SUDO = ("wsl", "winget")  # Windows asks by itself


IS_ROOT: dict[int, bool] = {}  # by the finding's identity: root needs no sudo


def _findings() -> Iterator[tuple[str, ReportedFinding]]:
    for name, (base, lines, _) in (ALL | MACHINES).items():
        report = report_of(base, lines)
        user = report.snapshot.machine.system.user.peek()
        for finding in report.findings:
            IS_ROOT[id(finding)] = user is not None and user.uid == 0
            yield f"{name}: {finding.code}", finding


FINDINGS = dict(_findings())


@pytest.mark.parametrize("finding", FINDINGS.values(), ids=FINDINGS)
def test_a_message_is_one_plain_sentence(finding: ReportedFinding) -> None:
    assert not finding.message.endswith((".", " ", ",", ":"))
    assert not _UNWANTED.search(finding.message)
    assert "\n" not in finding.message
    assert "None" not in finding.message
    assert finding.evidence


@pytest.mark.parametrize("finding", FINDINGS.values(), ids=FINDINGS)
def test_a_fix_begins_with_what_to_do_and_says_whether_it_needs_root(finding: ReportedFinding) -> None:
    for fix in finding.fixes:
        assert fix.title[:1].isupper(), fix.title
        assert not fix.title.endswith(".")
        assert not _UNWANTED.search(fix.title)
        assert all(command == command.strip() and "None" not in command for command in fix.commands)
        assert fix.risk == "low" or fix.risk_note
        _check_root(fix, IS_ROOT[id(finding)])


def _check_root(fix: Fix, is_root: bool) -> None:
    if any(_AS_ROOT.search(command) for command in fix.commands):
        assert fix.needs_root, fix
    elif fix.needs_root and fix.commands and not is_root:
        is_asked_elsewhere = (
            fix.commands[0].startswith(_ROOT_WITHOUT_SUDO) or "host" in fix.title or "Find" in fix.title
        )
        assert is_asked_elsewhere, fix
