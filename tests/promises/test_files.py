"""Damaged files by the thousand: right, or refused; none ends Python, none executes anything."""

import json
import marshal
import os
import subprocess
import sys
from base64 import b64encode
from collections import Counter

import pytest

from tests.helpers import ROOT, assert_says
from tests.promises.mutator import archive, members_of
from vae_lib.model import VAE, load_model

FILES = int(os.environ.get("VAE_LIB_FILES", "400"))
SHARES = {"npz": 0.17, "npy": 0.17, "digits": 0.1, "png": 0.17, "jpg": 0.13, "cache": 0.06}
SHARES |= {"checkpoint": 0.1, "keras": 0.1}


def opened(kind, folder, first, last):
    """What came of each file, by its number; a process that ends early begins again behind it."""
    found = {}
    environment = os.environ | {"XDG_CACHE_HOME": str(folder), "PYTHONPATH": str(ROOT)}
    while first < last:
        command = [sys.executable, "-m", "tests.promises.open_files", kind, folder, first, last]
        done = subprocess.run(
            [*map(str, command)],
            capture_output=True,
            text=True,
            env=environment,
            cwd=ROOT,
            check=False,
        )
        said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
        assert said, done.stderr
        found |= dict(said)
        first = said[-1][0] + 1
    return found


@pytest.mark.slow
@pytest.mark.parametrize("kind", SHARES)
def test_a_damaged_file_is_right_or_refused(kind, tmp_path, capsys):
    found = opened(kind, tmp_path, 0, max(4, int(FILES * SHARES[kind])))
    wrong = {n: said for n, said in found.items() if said not in {"right", "refused"}}
    with capsys.disabled():
        print(f"\n{kind}: {dict(Counter(found.values()))}")
    assert not wrong, wrong


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_code_in_a_models_file_does_not_run(part, tmp_path):
    """A layer of Keras's may be a function, which would run when the model is built."""
    path, canary = tmp_path / "model.keras", tmp_path / "canary"
    VAE(z_dim=2, h_dim=4, x_dim=6).save(path)
    members = members_of(path.read_bytes())
    config = json.loads(members["config.json"])
    evil = compile(f"lambda z: open({str(canary)!r}, 'w')", "a", "eval").co_consts[0]
    code = {"code": b64encode(marshal.dumps(evil)).decode(), "defaults": None, "closure": None}
    function = {"class_name": "__lambda__", "config": code}
    layer = {"module": "keras.layers", "class_name": "Lambda", "registered_name": None}
    config["config"][part] = layer | {"config": {"name": "a", "function": function}}
    members["config.json"] = json.dumps(config).encode()
    path.write_bytes(archive(members.items()))
    with pytest.raises(ValueError, match="Lambda") as caught:
        load_model(path)
    assert not canary.exists()
    assert_says(str(caught.value), path, "refused", "Lambda", "model.save")
