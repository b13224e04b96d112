"""The commands on the page about many runs, and for several machines, are ones that exist."""

import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from distributed.cli import dask_scheduler, dask_ssh, dask_worker

from bench.ports import reserved
from tests.helpers import ROOT, tf_config
from vae_lib.runs.command_line import program

MANUAL = (ROOT / "vae_lib/distributed/README.md").read_text("utf-8")
PAGES = ["chapters/many-runs.md", "README.md"]
TEXTS = [MANUAL, *((ROOT / page).read_text("utf-8") for page in PAGES)]
DASK = {"scheduler": dask_scheduler, "worker": dask_worker, "ssh": dask_ssh}


def blocks(language, text):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def commands():
    """The command lines in the shell blocks, as lists of words."""
    for text in TEXTS:
        for block in blocks("sh", text):
            for line in block.splitlines():
                words = shlex.split(line.replace("$dask", "dask"), comments=True)
                yield [word for word in words if word != "&"]


def containers():
    """The command lines in the Kubernetes manifest."""
    (block,) = blocks("yaml", MANUAL)
    for document in yaml.safe_load_all(block):
        template = document["spec"].get("template", {"spec": {"containers": []}})
        yield from (container["command"] for container in template["spec"]["containers"])


def after(program, command):
    """The words behind the name of a program, if a command runs it."""
    names = [Path(word).name for word in command]
    return command[names.index(program) + 1 :] if program in names else None


OURS = [words for c in [*commands(), *containers()] if (words := after("vae_lib", c))]
DASKS = [words for c in [*commands(), *containers()] if (words := after("dask", c))]


@pytest.mark.parametrize("words", OURS, ids=" ".join)
def test_our_commands_are_taken(words):
    name, *rest = words
    assert program.commands[name].make_context(name, rest).args == []


@pytest.mark.parametrize("words", DASKS, ids=" ".join)
def test_dasks_commands_have_these_options(words):
    options = {flag for p in DASK[words[0]].main.params for flag in p.opts + p.secondary_opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_all_of_them_were_found():
    assert len(OURS) >= 6
    assert {words[0] for words in DASKS} == set(DASK)


def test_the_parts_of_the_manifest_belong_together():
    (block,) = blocks("yaml", MANUAL)
    documents = list(yaml.safe_load_all(block))
    assert [d["kind"] for d in documents] == ["Deployment", "Service", "Deployment", "Job"]
    for deployment in (documents[0], documents[2]):
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert deployment["spec"]["selector"]["matchLabels"] == labels
    service = documents[1]
    assert service["spec"]["selector"] == {"app": "scheduler"}
    address = f"tcp://{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"
    assert sum(address in command for command in containers()) == 2


@pytest.mark.slow
def test_the_program_for_several_machines_runs_here_on_two_processes(tmp_path):
    (program,) = (b for b in blocks("python", MANUAL) if b.startswith("# together.py"))
    shorter = program.replace("range(10)", "range(2)").replace("x, 1000,", "x, 5,")
    assert shorter.count("range(2)") == shorter.count("x, 5,") == 1
    (tmp_path / "together.py").write_text(shorter)

    def run(index):
        settings = {"TF_CONFIG": tf_config(workers, index), "VAE_LIB_MNIST": "small"}
        return subprocess.run(
            [sys.executable, "together.py"],
            cwd=tmp_path,
            env=os.environ | settings,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    with reserved(2) as workers, ThreadPoolExecutor(2) as executor:
        runs = list(executor.map(run, range(2)))
    assert [run.returncode for run in runs] == [0, 0], runs
    first, second = (float(line.strip("[]")) for line in runs[0].stdout.splitlines())
    assert second < first  # the loss, after 5 and after 10 iterations
    assert runs[1].stdout == ""
    assert (tmp_path / "together.keras").exists()
