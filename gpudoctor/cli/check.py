"""`gpudoctor check`: its options. What it does is in check_run, imported when it runs: --help must be quick."""

from __future__ import annotations

from gpudoctor.cli import options


def check(
    python: options.Python = None,
    env: options.Env = None,
    kernel: options.Kernel = None,
    all_environments: options.All = False,
    from_file: options.From = None,
    root: options.Root = None,
    no_import: options.NoImport = False,
    deep: options.Deep = False,
    timeout: options.Timeout = 30.0,
    select: options.Select = None,
    ignore: options.Ignore = None,
    fail_on: options.FailOn = "error",
    output_format: options.Format = "rich",
    output: options.Output = None,
    save: options.Save = None,
    no_redact: options.NoRedact = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> int:
    """Inspect this machine and its Python environments, and name the root cause."""
    from gpudoctor.cli.check_run import CheckRequest, run_check

    return run_check(
        CheckRequest(
            python=tuple(python or ()),
            env=tuple(env or ()),
            kernel=tuple(kernel or ()),
            all_environments=all_environments,
            from_file=from_file,
            root=root,
            no_import=no_import,
            deep=deep,
            timeout_seconds=timeout,
            select=options.codes_of(select),
            ignore=options.codes_of(ignore),
            fail_on=fail_on,
            output_format=output_format,
            output=output,
            save=save,
            no_redact=no_redact,
            verbose=verbose,
            quiet=quiet,
        )
    )
