"""The PYT family of rules."""
