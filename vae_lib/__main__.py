"""`python -m vae_lib sweep` and `python -m vae_lib report`."""

import sys

from vae_lib.runs.command_line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
