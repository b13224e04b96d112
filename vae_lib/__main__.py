"""`python -m vae_lib sweep`, `python -m vae_lib report` and `python -m vae_lib page`."""

import sys

REMEDY = "pip install '.[book]' in a clone of the book"  # no package index has it

if __name__ == "__main__":
    try:
        from vae_lib.runs.command_line import main

        status = main()  # a command imports what it alone needs
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("vae_lib"):
            raise  # no installation mends it
        print(f"python -m vae_lib needs {error.name}: {REMEDY}", file=sys.stderr)
        sys.exit(2)
    sys.exit(status)
