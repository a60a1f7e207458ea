"""Scripts for child processes: standard library only (and pynvml for one), syntax of Python 3.7; never imported."""
