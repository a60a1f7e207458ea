"""Parsers: text that a command or file gave -> facts. Pure; shared by probes and by whoever reads pasted text."""
