"""The VND family of rules."""
