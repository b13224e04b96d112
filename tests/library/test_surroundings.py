"""The library in surroundings that are not the book's: streams, backends, processes, devices."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.helpers import assert_says

TRAIN = """
import numpy as np
from vae_lib.model import VAE
from vae_lib.tensorflow_quietly import keras, tf
from vae_lib.training import train
x = np.random.default_rng(0).random((40, 784)).astype(np.float32)

def made(cls=VAE, optimizer=keras.optimizers.SGD, seed=0):
    model = cls(z_dim=2, h_dim=8, seed=seed)
    model.compile(optimizer(1e-4))
    return model

def work(seed=0):
    return float(train(made(seed=seed), x, 3, batch_size=10)["loss"][-1])
"""

# Encodings


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("variables", [{}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}])
def test_signs_that_a_terminal_lacks_become_plain_ones(python, encoding, variables):
    code = """if True:
        import sys
        from vae_lib.checks import attempt, check
        from vae_lib.support.progress import progress_bar
        check("equal", True, "1 \\u2026 2")
        attempt(lambda: check("equal", False))
        sys.stderr.isatty = lambda: True
        progress_bar(1).update(1)
    """
    stream = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "TQDM_DISABLE": ""}
    run = python(code, **stream, **variables)
    assert run.returncode == 0, run.stderr
    first, second = run.stdout.splitlines()
    assert first.startswith("+ equal: 1 ")
    assert second == "x equal"
    assert "1/1" in run.stderr
    assert run.stderr.isascii()


# Streams


@pytest.mark.slow
@pytest.mark.parametrize("closed", [(2,), (0, 1, 2), ()], ids=["error", "all", "None"])
def test_training_needs_no_standard_streams(tmp_path, closed, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE")
    start = "" if closed else "import sys; sys.stderr = None"
    said = tmp_path / "said"
    end = f"open({str(said)!r}, 'w').write(str(work() > 0))"
    shell = " ".join(['exec "$0" -c "$1"', *(f"{number}>&-" for number in closed)])
    code = f"{start}\n{TRAIN}\nprint(made())\n{end}"
    done = subprocess.run(["/bin/sh", "-c", shell, sys.executable, code], check=False)
    assert (done.returncode, said.read_text()) == (0, "True")


@pytest.mark.slow
def test_training_leaves_lines_in_a_log(python):
    code = f"{TRAIN}\nimport vae_lib.support.progress as progress\nprogress.SECONDS = 0\nwork()"
    run = python(code, TQDM_DISABLE="")
    assert run.returncode == 0, run.stderr
    assert run.stderr.replace("\n", "").isprintable()
    first, *_, last = run.stderr.splitlines()
    assert first.startswith("XLA:   0% 0/3 ")
    assert "100% 3/3 [" in last


# Backends


@pytest.mark.slow
@pytest.mark.parametrize("place", ["variable", "file"])
def test_keras_computes_with_tensorflow_whatever_it_is_set_to(python, place, tmp_path):
    tmp_path.joinpath("keras.json").write_text(json.dumps({"backend": "torch"}))
    settings = {"KERAS_BACKEND": "jax"} if place == "variable" else {"KERAS_HOME": str(tmp_path)}
    run = python(
        "from vae_lib.tensorflow_quietly import keras; print(keras.config.backend())", **settings
    )
    assert (run.returncode, run.stdout) == (0, "tensorflow\n"), run.stderr


def test_a_keras_that_was_imported_with_another_backend_is_refused(python, tmp_path):
    fake = "from types import SimpleNamespace\nbackend = SimpleNamespace(backend=lambda: 'jax')"
    tmp_path.joinpath("keras.py").write_text(fake)
    tmp_path.joinpath("tensorflow.py").write_text(
        "from types import SimpleNamespace\n"
        "config = SimpleNamespace(list_physical_devices=lambda: [])"
    )
    code = "import keras, vae_lib.tensorflow_quietly"
    run = python(code, PYTHONPATH=str(tmp_path))
    *_, last = run.stderr.splitlines()
    assert_says(last, "ImportError", "'jax'", "'tensorflow'", "KERAS_BACKEND=tensorflow")


# Processes


@pytest.mark.slow
@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_models_can_be_trained_in_several_processes(tmp_path, how):
    script = tmp_path / "script.py"
    main = f"""
if __name__ == "__main__":
    import multiprocessing
    with multiprocessing.get_context("{how}").Pool(2) as pool:
        print(*pool.map_async(work, [1, 2]).get(timeout=120))
    print(work(1), work(2))
"""
    script.write_text(TRAIN + main)
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    there, here = run.stdout.splitlines()
    assert there == here


# What TensorFlow has for debugging

COMPUTE = """
import sys
from vae_lib.evaluation import importance_weighted_bound
aid = {
    "none": lambda: None,
    "eager": lambda: tf.config.run_functions_eagerly(True),
    "numerics": tf.debugging.enable_check_numerics,
}[AID]
model = made(optimizer=keras.optimizers.Adam)
numbers = []
for use in (lambda: None, aid) if LATE else (aid, lambda: None):
    use()
    for binarize in (False, True):
        numbers.extend(train(model, x, 3, batch_size=10, binarize=binarize)["loss"])
numbers += model.fit(x, shuffle=False, verbose=0).history["loss"]
numbers += [*model.evaluate(x, verbose=0), np.mean(model(x)["logits"])]
numbers += [*importance_weighted_bound(model, x[:2], 3)]
print([float(number) for number in numbers])
"""


@pytest.fixture(scope="module")
def computed(python):
    def run(aid, late):
        done = python(f"{TRAIN}\nAID, LATE = {aid!r}, {late}\n{COMPUTE}")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="module")
def without_an_aid(computed):
    return computed("none", False)


@pytest.mark.slow
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("aid", ["eager", "numerics"])
def test_debugging_changes_no_number(computed, without_an_aid, aid, late):
    np.testing.assert_allclose(computed(aid, late), without_an_aid, rtol=1e-6, atol=1e-6)


# Devices

TWO_DEVICES = """
cpu = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu[0], [tf.config.LogicalDeviceConfiguration()] * 2)

class Mean(VAE):  # without noise, of which each device draws its own
    def call(self, x, training=False):
        return self.outputs_of(x, tf.zeros((tf.shape(x)[0], self.z_dim)))

one = made(Mean)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    two = made(Mean)
    noisy = made()
losses = [model.fit(x, batch_size=20, epochs=3, shuffle=False, verbose=0).history["loss"]
          for model in (one, two)]
np.testing.assert_allclose(*losses, rtol=1e-5)
np.testing.assert_allclose(one.evaluate(x, verbose=0), two.evaluate(x, verbose=0), rtol=1e-5)
for v, w in zip(one.get_weights(), two.get_weights(), strict=True):
    np.testing.assert_allclose(v, w, rtol=1e-4, atol=1e-6)
try:
    train(noisy, x, 3)
except ValueError as error:
    print(error)
"""


@pytest.mark.slow
def test_on_two_devices_fit_does_what_it_does_on_one_and_train_refuses(python):
    run = python(TRAIN + TWO_DEVICES)
    assert run.returncode == 0, run.stderr
    assert_says(run.stdout, "MirroredStrategy", "fit", "scope")


# Files


@pytest.mark.slow
def test_a_fresh_process_loads_a_model_and_refuses_other_files(python, tmp_path):
    run = python(f"{TRAIN}\nmade().save({str(tmp_path / 'm.keras')!r})")
    assert run.returncode == 0, run.stderr
    tmp_path.joinpath("text.keras").write_text("no model")
    code = f"""if True:
        import os, zipfile
        from vae_lib.model import load_model
        os.chdir({str(tmp_path)!r})
        print(load_model("m.keras").z_dim)
        from vae_lib.tensorflow_quietly import keras
        keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save("other.keras")
        zipfile.ZipFile("empty.keras", "w").close()
        for name in ("missing.keras", "text.keras", "empty.keras", "other.keras"):
            try:
                load_model(name)
            except ValueError as error:
                print(error)
    """
    run = python(code)
    assert run.returncode == 0, run.stderr
    z_dim, *refusals, other = run.stdout.splitlines()
    assert z_dim == "2"
    names = ("missing.keras", "text.keras", "empty.keras")
    for said, name in zip(refusals, names, strict=True):
        assert_says(said, f"'{name}'", ".keras", "model.save")
    assert_says(other, "'other.keras'", "Sequential", "model.save")
