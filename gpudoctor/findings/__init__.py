"""Findings: severity, fix, finding, report. What a judgment says, before anybody renders it."""
