"""The TOR family of rules."""
