"""The TFL family of rules."""
