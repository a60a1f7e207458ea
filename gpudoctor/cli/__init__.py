"""The command line: options in, the other layers called, text out, exit code."""
