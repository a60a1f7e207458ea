"""The list of all codes as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from gpudoctor.render.screen import Screen, render_lines
from gpudoctor.rules.rule import Rule

_HEAD = ("code", "name", "severity", "family", "reads")
STYLE_OF_SEVERITY = {"error": "red", "warning": "yellow", "info": "cyan"}


def render_rules(rules: Sequence[Rule], screen: Screen) -> bytes:
    """Write one line a code, columns aligned by spaces so that they can be cut and searched."""
    rows = [(rule.code, rule.name, rule.severity.value, rule.family, rule.reads) for rule in rules]
    widths = [max(len(row[column]) for row in [_HEAD, *rows]) for column in range(len(_HEAD))]
    lines = [
        Text("  ".join(word.ljust(width) for word, width in zip(_HEAD, widths, strict=True)).rstrip(), style="bold")
    ]
    for row in rows:
        cells = [word.ljust(width) for word, width in zip(row, widths, strict=True)]
        line = Text("  ".join(cells).rstrip())
        start = sum(widths[:2]) + 4
        line.stylize(STYLE_OF_SEVERITY[row[2]], start, start + len(row[2]))
        lines.append(line)
    return render_lines(lines, screen)
