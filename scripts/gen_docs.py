#!/usr/bin/env python3
"""Write the documentation of the codes from the rule files: `docs/codes/CODE.md` each, and their index.

python scripts/gen_docs.py            write what changed, remove what has no rule any more
python scripts/gen_docs.py --check    change nothing; exit 1 naming the pages that are stale
"""

from __future__ import annotations

import sys
from pathlib import Path

from gpudoctor.rules.registry import all_rules
from gpudoctor.rules.rule import Rule, Scope

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = PROJECT / "docs" / "codes"
SCOPES = {
    Scope.MACHINE: "the machine",
    Scope.GPU: "each GPU",
    Scope.ENVIRONMENT: "each Python environment",
    Scope.ENVIRONMENT_GPU: "each GPU in each Python environment",
    Scope.LOG: "pasted text only: the facts of a machine do not show it",
}


def page(rule: Rule) -> str:
    """Return a code's page as Markdown."""
    lines = [
        f"# {rule.code} {rule.name}",
        "",
        f"*Severity: {rule.severity.value}. Judged on: {SCOPES[rule.scope]}.*",
        "",
        rule.documentation.strip(),
    ]
    if rule.hides:
        names = {other.code: other.name for other in all_rules()}
        explained = ", ".join(f"[{code}]({code}.md) {names.get(code, '')}".strip() for code in sorted(rule.hides))
        lines += [
            "",
            "## What it explains",
            "",
            f"Found together with these, it is the cause and they are not shown: {explained}.",
        ]
    return "\n".join(lines) + "\n"


def index(rules: tuple[Rule, ...]) -> str:
    """Return the list of all codes as Markdown."""
    rows = [
        f"| [{rule.code}]({rule.code}.md) | {rule.name} | {rule.severity.value} | {summary(rule)} |" for rule in rules
    ]
    head = ["# The codes", "", "| code | name | severity | in one sentence |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *rows]) + "\n"


def summary(rule: Rule) -> str:
    """Return the first line of a rule's documentation."""
    return rule.documentation.strip().partition("\n")[0]


def pages() -> dict[Path, str]:
    """Return every page by its path."""
    rules = all_rules()
    return {FOLDER / "README.md": index(rules), **{FOLDER / f"{rule.code}.md": page(rule) for rule in rules}}


def main() -> int:
    """Write or check the pages."""
    wanted = pages()
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    left_over = [path for path in FOLDER.glob("*.md") if path not in wanted]
    if "--check" in sys.argv[1:]:
        for path in [*stale, *left_over]:
            print(f"stale: {path.relative_to(PROJECT)} (run python scripts/gen_docs.py)")
        return 1 if stale or left_over else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in stale:
        path.write_text(wanted[path], encoding="utf-8")
    for path in left_over:
        path.unlink()
    print(f"{len(wanted)} pages, {len(stale)} written, {len(left_over)} removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
