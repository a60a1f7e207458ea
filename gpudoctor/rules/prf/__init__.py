"""The PRF family of rules."""
