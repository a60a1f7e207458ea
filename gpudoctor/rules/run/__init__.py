"""The RUN family of rules."""
