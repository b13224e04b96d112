"""The command line of sweeps and reports: what it takes, and what it refuses before any work."""

import io
import os
import re
import subprocess
import sys

import pytest
from tqdm import tqdm

from tests.helpers import assert_says
from vae_lib.parameters import ChapterParameters
from vae_lib.runs import command_line
from vae_lib.runs.command_line import main, show
from vae_lib.runs.run import Outcome
from vae_lib.runs.sweep import Point


@pytest.fixture
def planned(monkeypatch):
    """What is asked of `plan`, which leaves nothing to be run."""
    asked = []
    monkeypatch.setattr(
        command_line, "plan", lambda values, out, of: asked.append((values, out)) or []
    )
    return asked


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("", {}),
        ("--z-dim 1 2 5 --seeds 0 1", {"z_dim": [1, 2, 5], "seed": [0, 1]}),
        ("--z-dim=2 --seed 3", {"z_dim": [2], "seed": [3]}),
        ("--learning-rate 1e-3 0.5 1", {"learning_rate": [0.001, 0.5, 1.0]}),
        ("--likelihood gaussian --data small", {"likelihood": ["gaussian"], "data": ["small"]}),
    ],
)
def test_values_are_read_as_what_their_parameter_is(planned, tmp_path, words, values):
    assert main(["sweep", *words.split(), "--out", str(tmp_path / "new")]) == 0
    assert planned == [(values, tmp_path / "new")]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--z-dim", "1", "0"], ["z_dim", "0", "from 1 to 10,000"]),
        (["--z-dim", "-1"], ["z_dim", "-1", "from 1 to 10,000"]),
        (["--z-dim=two"], ["z_dim", "'two'", "from 1 to 10,000"]),
        (["--seeds", "0", "-3"], ["seed", "-3", "from 0 to 2,147,483,647"]),
        (["--learning-rate", "nan"], ["learning_rate", "nan", "above 0"]),
        (["--z-dim", "5.0"], ["z_dim", "'5.0'", "from 1 to 10,000"]),
        (["--z-dim", "0x10"], ["z_dim", "'0x10'", "from 1 to 10,000"]),
        (["--z-dim", "True"], ["z_dim", "'True'", "from 1 to 10,000"]),
        (["--z-dim", ""], ["z_dim", "''", "from 1 to 10,000"]),
        (["--seeds", "1e3"], ["seed", "'1e3'", "from 0 to 2,147,483,647"]),
        (["--learning-rate", "1/2"], ["learning_rate", "'1/2'", "above 0"]),
        (["--jobs", "2.0"], ["--jobs", "'2.0'", "from 1"]),
        (["--likelihood", "normal"], ["likelihood", "'normal'", "'gaussian'"]),
        (["--data", "nowhere.npz"], ["data", "'nowhere.npz'", "'small'"]),
        (["--data", __file__], [__file__]),
        (["--out", __file__], ["--out", __file__]),
        (["--jobs", "0"], ["--jobs", "'0'", "from 1"]),
        (["--jobs", "two"], ["--jobs", "'two'", "from 1"]),
        (["--jobs", "1", "--scheduler", "x"], ["--jobs", "--nthreads"]),
        (["--z-dim"], ["--z-dim"]),
        (["--zdim", "2"], ["--zdim", "--z-dim"]),
        (["--z", "2"], ["--z"]),  # no abbreviations: a new option must not change what one means
    ],
)
def test_a_bad_value_or_option_of_a_sweep_is_refused_in_one_sentence(
    words, named, tmp_path, capsys
):
    assert main(["sweep", "--out", str(tmp_path / "new"), *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert all(word in err for word in named), err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["swep"], ["swep", "sweep"]),
        (["report"], ["FOLDER"]),
        (["report", "nowhere"], ["nowhere"]),
        (["report", "a", "b"], ["b"]),
        (["report", "--z-dim", "2"], ["--z-dim"]),
    ],
)
def test_a_bad_command_or_folder_is_refused_in_one_sentence(words, named, capsys):
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert all(word in err for word in named), err


def test_a_bug_is_not_made_a_sentence(planned, monkeypatch, tmp_path):
    def wrong(point):
        raise ValueError("a bug")

    monkeypatch.setattr(command_line, "plan", lambda *_: [Point(tmp_path, {}, "")])
    monkeypatch.setattr(Point, "is_fresh", property(wrong))
    with pytest.raises(ValueError, match="a bug"):
        main(["sweep", "--out", str(tmp_path)])


def test_help_names_each_parameter_with_its_values_and_its_default(capsys):
    assert main(["sweep", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for name, field in ChapterParameters.model_fields.items():
        flag = f"--{name.replace('_', '-')}"
        assert re.search(
            rf"{flag}(, --seeds)? VALUE\.\.\. {re.escape(field.description)} "
            rf"\[default: {field.default}\]",
            text,
        )


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_above_a_progress_bar_failures_are_told_in_any_encoding(monkeypatch, tmp_path, encoding):
    out = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setattr(command_line, "progress_bar", lambda **of: tqdm(file=io.StringIO(), **of))
    failed = (Point(tmp_path / "z_dim=2", {}, ""), Outcome(None, error="no → such − thing…"))
    assert show(iter([None, failed]), 1, lambda: 1) == 1
    assert b"x z_dim=2: no -> such - thing" in out.buffer.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("words", [["report", "ä→"], ["sweep", "--data", "ä→"], ["ä→"]])
def test_an_error_is_one_sentence_in_any_encoding(words, encoding, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "vae_lib", *words],
        capture_output=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "1", "LC_ALL": "C"},
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1
    assert b"Traceback" not in done.stderr


WITHOUT = """\
import runpy, sys
sys.modules[{name!r}] = None
sys.argv[1:] = {words!r}
runpy.run_module("vae_lib", run_name="__main__", alter_sys=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("click", []),
        ("click", ["sweep"]),
        ("nbformat", ["report", "x"]),
        ("pandas", ["report", "x"]),
        ("jinja2", ["report", "x"]),
    ],
)
def test_what_is_not_installed_is_named_with_its_remedy(name, words, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(name=name, words=words)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert_says(done.stderr, name, "pip install '.[book]'", "clone")


@pytest.mark.slow
def test_the_program_without_a_command_lists_them():
    done = subprocess.run(
        [sys.executable, "-m", "vae_lib"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: python -m vae_lib ")
    assert "sweep" in done.stderr
    assert "report" in done.stderr
