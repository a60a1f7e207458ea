"""The MEM family of rules."""
