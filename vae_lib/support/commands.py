"""Commands of the terminal, made with click: what is wrong is said in one sentence."""

import errno
import os
import shutil
import sys
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import click

from vae_lib.support.files import naming
from vae_lib.support.printing import visible

Errors = tuple[type[Exception], ...]

# What to do about a fault of the machine.
REMEDIES = {
    errno.ENOSPC: "make room there",
    errno.EDQUOT: "make room there",
    errno.EFBIG: "allow larger files, as by `ulimit -f unlimited`",
    errno.EROFS: "take a place that can be written",
    errno.EACCES: "take a place that you may read and write",
    errno.EMFILE: "allow more open files, as by `ulimit -n 4096`",
    errno.ENOMEM: "end other programs",
}


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

    A fault of the machine, such as a full disk, has status 1.

    Args:
        command: its function returns the status, or None for 0.
        words: of the command line, in place of those that the process was started with.
        refused: errors of who asks for what cannot be: status 2, as for an unknown option.
        failed: errors on the way: status 1.
        stopped: what is said after Ctrl-C: status 130.
    """
    try:
        done = command.main(words, standalone_mode=False, help_option_names=["-h", "--help"])
        _flush()
        return int(done or 0)
    except click.ClickException as error:
        sentence, status = error.format_message(), error.exit_code
    except click.Abort:
        sentence, status = stopped, 130
    except refused as error:
        sentence, status = str(error), 2
    except failed as error:
        sentence, status = str(error), 1
    except OSError as error:
        _let_go_of_output()
        sentence, status = in_words(error), 1
    click.echo(visible(sentence), err=True)
    return status


def in_words(error: OSError) -> str:
    """Say in one sentence what is wrong with the machine, where, and what to do."""
    if isinstance(error, shutil.Error):  # of many files, of which the first tells enough
        _, place, said = error.args[0][0]
        number = next((n for n in REMEDIES if os.strerror(n) in said), None)
        return _with_remedy(f"{place}: {os.strerror(number) if number else said}", number)
    if error.errno is None:
        return " ".join(str(error).split()) or type(error).__name__
    place = f"{error.filename}: " if error.filename else ""
    return _with_remedy(f"{place}{error.strerror}", error.errno)


def _with_remedy(fault: str, number: int | None) -> str:
    remedy = REMEDIES.get(number or 0)
    return f"{fault}; {remedy}, and start again" if remedy else fault


def _flush() -> None:
    if sys.stdout:
        with naming("standard output"):
            sys.stdout.flush()


def _let_go_of_output() -> None:
    """Drop what standard output does not take: Python would try again at its end, and complain."""
    try:
        _flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
