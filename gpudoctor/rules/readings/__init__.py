"""Readings: what several rules derive from facts in the same way, pure, on the case that they judge."""
