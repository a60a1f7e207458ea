"""What the questions to the frameworks share. Standard library only, syntax of Python 3.7."""


def unknown_device(index):
    """Return a device of which nothing is known yet."""
    return {
        "index": index,
        "name": "",
        "compute_capability": "",
        "memory_total_bytes": 0,
        "error": "",
        "error_code": None,
    }


def message(error):
    """Return an error's own words, its name where it has none."""
    return (str(error).strip() or repr(error))[:2000]
