"""What holds for every rule: names, pages, the graph of consequences, and how facts are read."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import gpudoctor
from gpudoctor.engine.rank import FAMILIES
from gpudoctor.rules.registry import all_rules, find_rule, select
from gpudoctor.rules.rule import Rule

PACKAGE = Path(gpudoctor.__file__).parent
LOCK = Path(__file__).parent.parent / "codes.lock"
RULE_FILES = sorted(PACKAGE.glob("rules/*/*[0-9][0-9][0-9]_*.py"))
REQUIRED = ("What is wrong", "Why it happens", "How to fix", "References")
OPTIONAL = ("Easily confused with", "When this is harmless")
RULES = [pytest.param(rule, id=rule.code) for rule in all_rules()]


def test_every_code_ever_released_is_still_there() -> None:
    locked = dict(line.split() for line in LOCK.read_text().splitlines() if line and not line.startswith("#"))
    assert {rule.code: rule.name for rule in all_rules()} == locked


@pytest.mark.parametrize("file", RULE_FILES, ids=lambda file: file.stem)
def test_the_file_is_named_as_its_rule(file: Path) -> None:
    rule = find_rule(file.stem[:6])
    assert rule is not None
    assert file.stem == f"{rule.code.lower()}_{rule.name.replace('-', '_')}"
    assert file.parent.name == rule.family.lower()


@pytest.mark.parametrize("rule", RULES)
def test_the_name_says_what_is_wrong(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.name)
    assert not re.match(r"(check|no-valid|bad|fix|use|ensure)-", rule.name)
    assert rule.family in FAMILIES


@pytest.mark.parametrize("rule", RULES)
def test_the_page_is_whole(rule: Rule) -> None:
    first = rule.documentation.partition("\n")[0]
    assert first.endswith(".")
    assert len(first) <= 90
    headings = re.findall(r"^## (.+)$", rule.documentation, re.MULTILINE)
    assert [heading for heading in headings if heading in REQUIRED] == list(REQUIRED)
    assert set(headings) <= {*REQUIRED, *OPTIONAL}
    for heading in headings:
        section = rule.documentation.split(f"## {heading}\n")[1].split("\n## ")[0]
        assert len(section.strip()) > 20, f"{heading} is empty"


def test_a_code_hides_only_codes_that_exist_and_never_itself_by_a_detour() -> None:
    hides = {rule.code: set(rule.hides) for rule in all_rules()}
    for code, others in hides.items():
        assert others <= set(hides), f"{code} hides unknown codes: {others - set(hides)}"
    for start, consequences in hides.items():
        reached: set[str] = set()
        todo = list(consequences)
        while todo:
            code = todo.pop()
            if code not in reached:
                reached.add(code)
                todo += hides[code]
        assert start not in reached, f"{start} hides itself by way of {sorted(reached)}"


@pytest.mark.parametrize("file", sorted(PACKAGE.glob("rules/**/*.py")), ids=lambda file: file.stem)
def test_rules_read_facts_so_that_an_unknown_stops_them(file: Path) -> None:
    names = {node.attr for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Attribute)}
    assert "value" not in names, "use read(), need() or peek()"


@pytest.mark.parametrize("file", RULE_FILES, ids=lambda file: file.stem)
def test_a_rule_holds_no_version_capability_or_branch(file: Path) -> None:
    tree = ast.parse(file.read_text())
    documentation = ast.get_docstring(tree)
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.strip() != documentation
    ]
    found = [text for text in texts if re.fullmatch(r"\d{1,3}\.\d+(\.\d+)*|sm_\d+|compute_\d+|cu\d{3}", text)]
    assert not found, f"these belong in a table: {found}"


def test_selecting_takes_codes_and_prefixes_and_names_what_matches_nothing() -> None:
    assert {rule.code for rule in select(("DRV003",), ())} == {"DRV003"}
    assert {rule.family for rule in select(("drv", "CUD"), ("DRV",))} == {"CUD"}
    assert len(select((), ())) == len(all_rules())
    with pytest.raises(ValueError, match="ZZZ999"):
        select(("ZZZ999",), ())
