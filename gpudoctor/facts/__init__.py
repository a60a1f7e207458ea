"""Facts: frozen records of what was observed, with their sources. No input, no output, no judgment."""
