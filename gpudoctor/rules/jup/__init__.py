"""The JUP family of rules."""
