"""A command takes several values after one flag, and says in one sentence what is wrong."""

import click
import pytest

from vae_lib.support.commands import SeveralValues, WholeNumber, status_of


@pytest.fixture
def given():
    """What the command below was given."""
    return {}


@pytest.fixture
def command(given):
    @click.command(cls=SeveralValues)
    @click.option("--size", "--sizes", "size", multiple=True)
    @click.option("--name", multiple=True, default=["a"])
    @click.option("--count", type=WholeNumber(1, 2_000), default=7)
    @click.option("--jobs", type=WholeNumber(1))
    @click.option("--verbose", is_flag=True)
    @click.argument("file", default="none")
    def command(**values):
        """Take what is given."""
        given.update(values)

    return command


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", {"size": (), "name": ("a",), "count": 7, "file": "none"}),
        ("--size 1", {"size": ("1",)}),
        ("--size 1 2 5 --count 3", {"size": ("1", "2", "5"), "count": 3}),
        ("--count 3 --sizes 1 2", {"size": ("1", "2"), "count": 3}),
        ("--size=1 --sizes 2 3 --size 4", {"size": ("1", "2", "3", "4")}),
        ("--size -1 1e-3 -x", {"size": ("-1", "1e-3", "-x")}),
        ("--size=-1", {"size": ("-1",)}),
        ("--size a=b=c d", {"size": ("a=b=c", "d")}),
        ("--size 1 --name b c", {"size": ("1",), "name": ("b", "c")}),
        ("--size 1 --verbose f", {"size": ("1",), "verbose": True, "file": "f"}),
        ("f --size 1", {"size": ("1",), "file": "f"}),
        ("--size 1 -- f", {"size": ("1",), "file": "f"}),
    ],
)
def test_a_flag_takes_all_values_up_to_the_next_flag(command, given, words, expected):
    assert status_of(command, words.split()) == 0
    assert given.items() >= expected.items()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("--size", ["--size"]),
        ("--size --count 3", ["--size"]),
        ("--size 1 --name --count 3", ["--name"]),
        ("--size 1 --count", ["--count"]),
        ("--size=1 2 3", ["(3)"]),
        ("--siz 1", ["--siz", "--size"]),
        ("--si 1", ["--si"]),
        ("--count 0", ["--count", "'0'", "1", "2,000"]),
        ("--count 2001", ["--count", "'2001'", "1", "2,000"]),
        ("--count two", ["--count", "'two'", "1", "2,000"]),
        ("--count 1.5", ["--count", "'1.5'", "1", "2,000"]),
        ("--jobs -1", ["--jobs", "'-1'", "1"]),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(command, given, words, named, capsys):
    assert status_of(command, words.split()) == 2
    assert given == {}
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert all(word in err for word in named)


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_lists_the_options(command, given, flag, capsys):
    assert status_of(command, [flag]) == 0
    assert given == {}
    assert {"--sizes", "--count", "--verbose"} <= set(
        capsys.readouterr().out.replace(",", "").split()
    )


class RefusedError(ValueError):
    pass


@pytest.mark.parametrize(
    ("end", "status", "said"),
    [
        (None, 0, ""),
        (3, 3, ""),
        (RefusedError("not this"), 2, "not this\n"),
        (click.UsageError("nor this"), 2, "nor this\n"),
        (OSError("disk full"), 1, "disk full\n"),
        (KeyboardInterrupt(), 130, "\nEnough.\n"),  # below the terminal's ^C
    ],
    ids=repr,
)
def test_the_status_tells_how_it_ended(end, status, said, capsys):
    @click.command
    def command():
        if isinstance(end, BaseException):
            raise end
        return end

    errors = {"refused": (RefusedError,), "failed": (OSError,), "stopped": "Enough."}
    assert status_of(command, [], **errors) == status
    assert capsys.readouterr() == ("", said)


def test_an_error_that_nobody_foresaw_is_not_made_a_sentence():
    @click.command
    def command():
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        status_of(command, [], refused=(RefusedError,), failed=(OSError,))
