"""Every rule on its fixtures: `tests/rules/<family>/<code>_<slug>.toml`, cases that fire, pass and cannot be judged.

base = "desktop"                      # or "tensorflow", "no_gpu"
[fires.the_usual_case]                # prose as the case's name
set = { "driver.proc_version" = "570.1" }
severity = "error"                    # optional
says = ["570.1", "580.95.05"]         # pieces that the message must contain; optional
fix = ["reboot"]                      # pieces that titles or commands of the fixes must contain; optional
[passes.same_versions]
[not_judged.hidden]
fact = "driver.proc_version"          # a piece of the name of the fact that is missing; optional
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from gpudoctor.engine.judge import Found, NotJudged, Outcome, Passed, judge_all
from gpudoctor.rules.registry import all_rules, find_rule
from tests.rules.bases import BASES
from tests.rules.overlay import overlaid

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parent
KINDS = {"fires": Found, "passes": Passed, "not_judged": NotJudged}


def _cases() -> list[Any]:
    cases = []
    for file in sorted(FOLDER.glob("*/*.toml")):
        content = tomllib.loads(file.read_text())
        for kind in KINDS:
            for name, case in content.get(kind, {}).items():
                base = case.get("base", content.get("base", "desktop"))
                code = file.name[:6].upper()
                cases.append(pytest.param(code, kind, base, case, id=f"{code}-{kind}-{name}"))
    return cases


def _outcomes(code: str, base: str, lines: dict[str, Any]) -> list[Outcome]:
    rule = find_rule(code)
    assert rule is not None, f"no rule {code}"
    return judge_all([rule], overlaid(base, lines))


@pytest.mark.parametrize(("code", "kind", "base", "case"), _cases())
def test_fixture(code: str, kind: str, base: str, case: dict[str, Any]) -> None:
    outcomes = _outcomes(code, base, case.get("set", {}))
    wanted = [outcome for outcome in outcomes if isinstance(outcome, KINDS[kind])]
    assert wanted, f"{code}: {outcomes}"
    if kind == "passes":
        assert len(wanted) == len(outcomes), f"{code} should pass everywhere: {outcomes}"
    for outcome in wanted[:1]:
        if isinstance(outcome, NotJudged):
            assert case.get("fact", "") in outcome.fact
        if isinstance(outcome, Found):
            _check_finding(outcome, case)


def _check_finding(found: Found, case: dict[str, Any]) -> None:
    finding = found.finding
    severity = finding.severity or found.rule.severity
    assert finding.evidence, "a finding must say what it rests on"
    assert finding.fixes or severity == "info", "a finding must say what to do"
    assert severity == case.get("severity", severity)
    for piece in case.get("says", []):
        assert piece in finding.message
    advice = " ".join([text for fix in finding.fixes for text in (fix.title, *fix.commands)])
    for piece in case.get("fix", []):
        assert piece in advice


@pytest.mark.parametrize("rule", [rule for rule in all_rules() if rule.judge], ids=lambda rule: rule.code)
def test_a_rule_on_facts_has_fixtures_of_every_kind(rule: Any) -> None:
    files = list(FOLDER.glob(f"*/{rule.code.lower()}_{rule.name.replace('-', '_')}.toml"))
    assert files, f"tests/rules/{rule.family.lower()}/{rule.code.lower()}_{rule.name.replace('-', '_')}.toml is missing"
    content = tomllib.loads(files[0].read_text())
    assert {kind for kind in KINDS if content.get(kind)} == set(KINDS)


@pytest.mark.parametrize("base", [name for name in BASES if name != "no_gpu"])
@pytest.mark.parametrize("rule", [rule for rule in all_rules() if rule.judge], ids=lambda rule: rule.code)
def test_a_healthy_machine_passes(rule: Any, base: str) -> None:
    assert [type(outcome) for outcome in judge_all([rule], BASES[base]())] == [Passed]
