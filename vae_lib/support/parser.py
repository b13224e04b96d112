"""A command line that says what is wrong in one sentence."""

import argparse
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the usage."""

    def error(self, message: str) -> NoReturn:
        """End with the sentence."""
        self.exit(2, f"{message}\n")
