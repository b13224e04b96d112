"""What the README shows works as it is printed."""

import re
from pathlib import Path

import pytest

from tests.support import ROOT

README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.slow
def test_the_example_trains_a_model(tmp_path, monkeypatch, capsys):
    (example,) = re.findall(r"```python\n(.*?)```", README, re.S)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAE_LIB_MNIST", "small")
    names: dict[str, object] = {}
    exec(example, names)
    assert sorted(p.name for p in Path("out").iterdir()) == [f"{k:03d}.png" for k in range(5)]
    losses = names["history"]["loss"]
    assert losses[-1] < 0.9 * losses[0]
    assert "reconstruction" in capsys.readouterr().out


def test_every_command_of_make_is_a_target():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    commands = set(re.findall(r"make ([a-z]+)", README))
    assert {"book", "test", "lab"} <= commands <= targets


def test_every_file_that_it_links_to_is_there():
    for link in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (ROOT / link).exists(), link
