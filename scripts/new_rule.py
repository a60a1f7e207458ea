#!/usr/bin/env python3
"""Make the two files of a new rule: the rule itself and its fixtures.

    python scripts/new_rule.py DRV device-node-access [--severity error|warning|info] [--scope machine|gpu|environment]

Takes the next free number of the family. The rule passes everywhere and its fixtures fail until you write both.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from gpudoctor.rules.registry import all_rules

PROJECT = Path(__file__).resolve().parent.parent
FORBIDDEN = re.compile(r"^(?:check|no-valid|bad|fix|use|ensure|disallow)-")

RULE = '''"""One full sentence of at most 90 characters that says what this finding means.

## What is wrong

## Why it happens

## How to fix

## References
"""

from __future__ import annotations

from gpudoctor.findings.finding import Finding, Severity
from gpudoctor.rules.rule import Case, Scope, rule


@rule("{code}", Severity.{severity}, Scope.{scope})
def {function}(case: Case) -> Finding | None:
    return None
'''

FIXTURE = """# {code} {name}: cases that fire, pass, and cannot be judged.
# tests/rules/test_fixtures.py says what each line means.
base = "desktop"

[fires.the_usual_case]
set = {{}}
says = []

[passes.the_look_alike]
set = {{}}

[not_judged.the_fact_is_hidden]
set = {{}}
fact = ""
"""


def next_code(family: str) -> str:
    """Return the next free number of a family, e.g. DRV019."""
    taken = [int(rule.code[3:]) for rule in all_rules() if rule.family == family]
    return f"{family}{max(taken, default=0) + 1:03d}"


def main() -> int:
    """Write both files; refuses names that say the remedy instead of the fault."""
    families = sorted({rule.family for rule in all_rules()})
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", choices=families, type=str.upper)
    parser.add_argument("name", help="what is wrong, lower case with hyphens")
    parser.add_argument("--severity", choices=["error", "warning", "info"], default="error")
    parser.add_argument("--scope", choices=["machine", "gpu", "environment", "environment-gpu"], default="machine")
    parser.add_argument("--project", type=Path, default=PROJECT, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not re.fullmatch(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*", options.name) or FORBIDDEN.match(options.name):
        parser.error(f"{options.name!r}: say what is wrong, in lower case with hyphens, e.g. device-node-access")
    code = next_code(options.family)
    function = options.name.replace("-", "_")
    stem = f"{options.family.lower()}/{code.lower()}_{function}"
    texts = {
        options.project / "gpudoctor" / "rules" / f"{stem}.py": RULE.format(
            code=code,
            severity=options.severity.upper(),
            scope=options.scope.upper().replace("-", "_"),
            function=function,
        ),
        options.project / "tests" / "rules" / f"{stem}.toml": FIXTURE.format(code=code, name=options.name),
    }
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(options.project))
    return 0


if __name__ == "__main__":
    sys.exit(main())
