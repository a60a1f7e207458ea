"""The CTR family of rules."""
