"""The HWD family of rules."""
