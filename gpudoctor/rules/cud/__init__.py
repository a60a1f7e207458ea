"""The CUD family of rules."""
