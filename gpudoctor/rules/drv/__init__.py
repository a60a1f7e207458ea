"""The DRV family of rules."""
