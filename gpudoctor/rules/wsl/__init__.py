"""The WSL family of rules."""
