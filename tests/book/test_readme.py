"""What the README shows works as it is printed."""

import re
from pathlib import Path

import pytest

from tests.helpers import ROOT

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


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "chapters/many-runs.md"])
def test_every_command_of_make_is_a_target(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    typed = re.findall(r"`(.*?)`|^(make .*)$", (ROOT / page).read_text("utf-8"), re.M)
    commands = ["".join(pair).partition("#")[0].split() for pair in typed]
    named = {word for c in commands if "make" in c for word in c[c.index("make") + 1 :]}
    assert named
    assert named <= targets


def test_every_file_that_it_links_to_is_there():
    for link in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (ROOT / link).exists(), link
