"""`gpudoctor rules`: every code that there is."""

from __future__ import annotations

import json

from gpudoctor.cli import options
from gpudoctor.cli.output import check_writable, write_file, write_stdout


def rules(output_format: options.Format = "rich", output: options.Output = None) -> int:
    """List every code: its name, severity, family, and what it is judged by."""
    options.check_format(output_format)
    check_writable("--output", output)
    from gpudoctor.render.code_page import summary
    from gpudoctor.render.rules_table import render_rules
    from gpudoctor.render.screen import Screen
    from gpudoctor.rules.registry import all_rules

    if output_format == "json":
        rows = [
            {
                "code": rule.code,
                "name": rule.name,
                "severity": rule.severity.value,
                "family": rule.family,
                "reads": rule.reads,
                "summary": summary(rule),
            }
            for rule in all_rules()
        ]
        content = json.dumps(rows, indent=1).encode() + b"\n"
    else:
        content = render_rules(all_rules(), Screen.of_file() if output else Screen.of_stdout())
    if output is not None:
        write_file("--output", output, content)
    else:
        write_stdout(content)
    return 0
