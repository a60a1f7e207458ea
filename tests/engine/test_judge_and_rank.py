"""The four outcomes, the order of findings, and what a root cause hides."""

from __future__ import annotations

import pytest

from gpudoctor.engine.judge import Crashed, Found, NotJudged, Passed, judge_all
from gpudoctor.engine.rank import rank
from gpudoctor.engine.report import diagnose, exit_code
from gpudoctor.findings.finding import Evidence, Finding, Fix, Severity
from gpudoctor.findings.report import Subject
from gpudoctor.rules.rule import CannotJudge, Case, Rule, Scope
from tests.rules.overlay import overlaid

EVIDENCE = (Evidence(fact="f", value="v", source="s"),)
FIX = (Fix(title="Do it"),)


def made_rule(code: str, severity: Severity, scope: Scope, hides: tuple[str, ...], judge: object) -> Rule:
    return Rule(code, code.lower(), severity, scope, hides, "", judge)  # type: ignore[arg-type]


def found(
    code: str, target: str = "machine", severity: Severity = Severity.ERROR, hides: tuple[str, ...] = ()
) -> Found:
    rule = made_rule(code, severity, Scope.MACHINE, hides, None)
    return Found(rule, target, Finding(message=code, evidence=EVIDENCE, fixes=FIX))


def says_nothing(case: Case) -> Finding | None:
    return None


def reads_an_unknown(case: Case) -> Finding | None:
    case.driver.proc_version.read()
    return None


def has_a_bug(case: Case) -> Finding | None:
    raise ZeroDivisionError("oh")


def cannot(case: Case) -> Finding | None:
    raise CannotJudge("tables", "newer than the tables")


@pytest.mark.parametrize(
    ("judge", "kind"),
    [(says_nothing, Passed), (reads_an_unknown, NotJudged), (has_a_bug, Crashed), (cannot, NotJudged)],
)
def test_each_outcome_is_itself(judge: object, kind: type) -> None:
    snapshot = overlaid("desktop", {"driver.proc_version": {"unknown": "permission denied"}})
    (outcome,) = judge_all([made_rule("AAA001", Severity.ERROR, Scope.MACHINE, (), judge)], snapshot)
    assert type(outcome) is kind
    if judge is reads_an_unknown:
        assert isinstance(outcome, NotJudged)
        assert (outcome.fact, outcome.reason) == ("driver.proc_version", "permission denied")
    if isinstance(outcome, Crashed):
        assert "ZeroDivisionError" in outcome.error
        assert "test_judge_and_rank.py" in outcome.error


def test_a_gpu_rule_is_not_judged_where_the_gpus_are_unknown() -> None:
    snapshot = overlaid("desktop", {"machine.gpus": {"unknown": "NVML: DRIVER_NOT_LOADED (9)"}})
    (outcome,) = judge_all([made_rule("AAA001", Severity.ERROR, Scope.GPU, (), says_nothing)], snapshot)
    assert isinstance(outcome, NotJudged)
    assert outcome.reason == "NVML: DRIVER_NOT_LOADED (9)"


def test_a_gpu_rule_is_asked_once_a_gpu_and_merged_in_the_report() -> None:
    def hot(case: Case) -> Finding | None:
        return Finding(message="too hot", evidence=(case.gpu.temperature_celsius,), fixes=FIX)

    snapshot = overlaid("desktop", {"gpus[1].index": 1})
    outcomes = judge_all([made_rule("HWD099", Severity.WARNING, Scope.GPU, (), hot)], snapshot)
    (finding,) = rank([outcome for outcome in outcomes if isinstance(outcome, Found)])
    assert finding.message == "GPU 0: too hot (and GPU 1)"
    assert {piece.fact for piece in finding.evidence} == {"gpus[0].temperature_celsius", "gpus[1].temperature_celsius"}


def test_the_root_cause_comes_first_and_names_all_that_it_explains() -> None:
    findings = rank([found("PRF001"), found("DRV013", hides=("PRF001",)), found("DRV003", hides=("DRV013",))])
    assert [(finding.code, finding.hides) for finding in findings] == [("DRV003", ("DRV013", "PRF001"))]


def test_what_one_environment_explains_stays_in_that_environment() -> None:
    findings = rank([found("TOR003", "/a", hides=("CUD005",)), found("CUD005", "/a"), found("CUD005", "/b")])
    assert [(finding.code, finding.target) for finding in findings] == [("CUD005", "/b"), ("TOR003", "/a")]


def test_a_warning_never_hides_an_error() -> None:
    findings = rank([found("HWD004", severity=Severity.WARNING, hides=("DRV013",)), found("DRV013")])
    assert [finding.code for finding in findings] == ["DRV013", "HWD004"]


def test_verdict_root_cause_and_exit_code() -> None:
    def broken(case: Case) -> Finding | None:
        return Finding(message="m", evidence=(case.driver.proc_version,), fixes=FIX)

    snapshot = overlaid("desktop", {})
    subject = Subject(kind="machine", source="this machine")
    good = made_rule("AAA001", Severity.ERROR, Scope.MACHINE, (), says_nothing)
    expectations = {
        "healthy": ([good], None, {"error": 0, "warning": 0, "never": 0}),
        "broken": (
            [good, made_rule("DRV098", Severity.ERROR, Scope.MACHINE, (), broken)],
            "DRV098",
            {"error": 1, "never": 0},
        ),
        "degraded": (
            [made_rule("DRV099", Severity.WARNING, Scope.MACHINE, (), broken)],
            "DRV099",
            {"error": 0, "warning": 1},
        ),
        "unknown": ([made_rule("DRV097", Severity.ERROR, Scope.MACHINE, (), cannot)], None, {"error": 0}),
    }
    for verdict, (rules, root, codes) in expectations.items():
        report = diagnose(snapshot, rules, subject, "0")
        assert (report.verdict, report.root_cause) == (verdict, root)
        assert {fail_on: exit_code(report, fail_on) for fail_on in codes} == codes
    crash = diagnose(snapshot, [made_rule("DRV096", Severity.ERROR, Scope.MACHINE, (), has_a_bug)], subject, "0")
    assert exit_code(crash, "error") == 3
    assert crash.counts.crashed == 1
