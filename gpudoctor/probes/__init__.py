"""Probes: the only code that looks at the machine. A probe never judges, and a broken machine never makes it raise."""
