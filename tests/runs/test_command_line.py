"""The command line of sweeps and reports: what it takes, and what it refuses before any work."""

import re
import subprocess
import sys

import pytest

from vae_lib.parameters import ChapterParameters
from vae_lib.runs import command_line
from vae_lib.runs.command_line import main
from vae_lib.runs.sweep import Point


@pytest.fixture
def planned(monkeypatch):
    """What is asked of `plan`, which leaves nothing to be run."""
    asked = []
    monkeypatch.setattr(command_line, "plan", lambda values, out: asked.append((values, out)) or [])
    return asked


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("", {}),
        ("--z-dim 1 2 5 --seeds 0 1", {"z_dim": [1, 2, 5], "seed": [0, 1]}),
        ("--z-dim=2 --seed 3", {"z_dim": [2], "seed": [3]}),
        ("--learning-rate 1e-3 0.5", {"learning_rate": [0.001, 0.5]}),
        ("--likelihood gaussian --data small", {"likelihood": ["gaussian"], "data": ["small"]}),
    ],
)
def test_values_are_read_as_what_their_parameter_is(planned, tmp_path, words, values):
    assert main(["sweep", *words.split(), "--out", str(tmp_path / "new")]) == 0
    assert planned == [(values, tmp_path / "new")]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--z-dim", "1", "0"], ["z_dim", "'0'", "from 1 to 10,000"]),
        (["--z-dim", "-1"], ["z_dim", "'-1'", "from 1 to 10,000"]),
        (["--z-dim=two"], ["z_dim", "'two'", "from 1 to 10,000"]),
        (["--seeds", "0", "-3"], ["seed", "'-3'", "from 0 to 2,147,483,647"]),
        (["--learning-rate", "nan"], ["learning_rate", "'nan'", "above 0"]),
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


@pytest.mark.slow
def test_the_program_without_a_command_lists_them():
    done = subprocess.run(
        [sys.executable, "-m", "vae_lib"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: python -m vae_lib ")
    assert "sweep" in done.stderr
    assert "report" in done.stderr
