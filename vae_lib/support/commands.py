"""Commands of the terminal, made with click: what is wrong is said in one sentence."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import click

from vae_lib.support.printing import visible

Errors = tuple[type[Exception], ...]


class SeveralValues(click.Command):
    """A command whose `multiple` options take several values after one flag.

    An option of click's takes one: `--z-dim 1 2` is read as `--z-dim=1 --z-dim=2`.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words of the command line."""
        flags = {flag for each in self.params if each.multiple for flag in each.opts}
        words: list[str] = []
        while args:
            flag, *args = args
            if flag not in flags:
                words.append(flag)
                continue
            values = list(takewhile(lambda word: not word.startswith("--"), args))
            if not values:
                return super().parse_args(ctx, [flag])  # click says what is missing
            words += [f"{flag}={value}" for value in values]
            args = args[len(values) :]
        return super().parse_args(ctx, words)


class WholeNumber(click.IntRange):
    """A whole number within bounds, which are named to who gives something else."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the number."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            upper = "" if self.max is None else f" to {self.max:,}"
            self.fail(f"{value!r} is not a whole number from {self.min}{upper}", param, ctx)


def status_of(
    command: click.Command,
    words: Sequence[str] | None = None,
    *,
    refused: Errors = (),
    failed: Errors = (),
    stopped: str = "Stopped.",
) -> int:
    """Do what a command line says; return the exit status.

    Args:
        command: its function returns the status, or None for 0.
        words: of the command line, in place of those that the process was started with.
        refused: errors of who asks for what cannot be: status 2, as for an unknown option.
        failed: errors on the way: status 1.
        stopped: what is said after Ctrl-C: status 130.
    """
    try:
        done = command.main(words, standalone_mode=False, help_option_names=["-h", "--help"])
        return int(done or 0)
    except click.ClickException as error:
        sentence, status = error.format_message(), error.exit_code
    except click.Abort:
        sentence, status = stopped, 130
    except refused as error:
        sentence, status = str(error), 2
    except failed as error:
        sentence, status = str(error), 1
    click.echo(visible(sentence), err=True)
    return status
