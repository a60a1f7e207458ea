"""The report as JSON, `gpudoctor.report/1`."""

from __future__ import annotations

from gpudoctor.facts.codec import encode_record
from gpudoctor.findings.report import Report


def render_json(report: Report) -> bytes:
    """Write a report as indented JSON, UTF-8, with a line feed at its end."""
    return encode_record(report)
