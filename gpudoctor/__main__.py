"""Run the command line as `python -m gpudoctor`."""

import sys

if __name__ == "__main__":
    if sys.path and not getattr(sys.flags, "safe_path", False):
        sys.path.append(sys.path.pop(0))  # the working directory: a json.py in it must not run in us

    from gpudoctor.cli.main import main

    main()
