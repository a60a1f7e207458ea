"""The report as JSON, `gpudoctor.report/1`."""

from __future__ import annotations

import msgspec

from gpudoctor.findings.report import Report


def render_json(report: Report) -> bytes:
    """Write a report as indented JSON, UTF-8, with a line feed at its end."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"
