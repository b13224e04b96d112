"""What an import costs, and that it decides nothing a user may want to set first."""

import sys

import pytest

from vae_lib.decoder import binarize
from vae_lib.reparameterization import standard_normal

# pydantic and what comes with it, Pillow, a lock: 3 % of the time that Keras and TensorFlow take.
ALLOWED = {"pydantic", "pydantic_core", "annotated_types", "typing_inspection", "PIL", "filelock"}

EVERY_MODULE = """
import importlib, pkgutil, vae_lib
for module in pkgutil.walk_packages(vae_lib.__path__, "vae_lib."):
    importlib.import_module(module.name)
"""


def gained(python, code, before=""):
    """Return the top-level modules of others that `code` imports, but for Python's own."""
    count = "import sys\n{}\nold = {{*sys.modules}}\n{}\nprint(*{{*sys.modules}} - old)"
    run = python(count.format(before, code))
    assert run.returncode == 0, run.stderr
    return {name.partition(".")[0] for name in run.stdout.split()} - sys.stdlib_module_names


def test_the_package_imports_nothing_of_others(python):
    assert gained(python, "import vae_lib") == {"vae_lib"}


@pytest.mark.slow
def test_to_train_takes_the_import_of_keras_and_tensorflow_and_little_else(python):
    code = "from vae_lib.training import train"
    assert gained(python, code, "import keras, tensorflow") <= ALLOWED | {"vae_lib"}


@pytest.mark.parametrize("module", ["checks", "data", "parameters", "plots"])
def test_what_needs_no_model_does_not_import_tensorflow(python, module):
    assert not gained(python, f"import vae_lib.{module}") & {"keras", "tensorflow"}


def test_to_load_digits_takes_numpy_and_pillow_alone(python):
    code = "from vae_lib.data import load_mnist; load_mnist('small')"
    assert gained(python, code) <= {"numpy", "PIL", "vae_lib"}


SETTINGS = """
import numpy as np, tensorflow as tf

threading, optimizer = tf.config.threading, tf.config.optimizer
cpu = tf.config.list_physical_devices("CPU")
tf.config.set_visible_devices(cpu)
tf.config.set_logical_device_configuration(cpu[0], [tf.config.LogicalDeviceConfiguration()] * 2)
threading.set_intra_op_parallelism_threads(1)
threading.set_inter_op_parallelism_threads(1)
tf.config.set_soft_device_placement(False)
optimizer.set_jit("autoclustering")
tf.config.run_functions_eagerly(True)

from vae_lib.decoder import binarize
from vae_lib.model import VAE
from vae_lib.reparameterization import standard_normal
print(standard_normal((2, 3), (1, 2)).numpy().tolist())
print(binarize(np.full((2, 3), 0.5), (1, 2)).numpy().tolist())

calls = []
plain = tf.function(lambda: calls.append("eager"))
plain(), plain()
assert calls == ["eager"] * 2
model = VAE(z_dim=1, h_dim=2)
model.compile()
losses = [model.fit(np.ones((10, 784)), verbose=0).history["loss"][0] for _ in range(2)]
assert losses[1] < losses[0]

assert tf.config.get_visible_devices() == cpu
with tf.device("CPU:1"):
    assert tf.ones(1).device.endswith("CPU:1")
assert threading.get_intra_op_parallelism_threads() == 1
assert threading.get_inter_op_parallelism_threads() == 1
assert optimizer.get_jit() == "autoclustering"
try:
    with tf.device("GPU:7"):
        tf.ones(1) + 1
except tf.errors.InvalidArgumentError:
    print("not softly placed")
"""


@pytest.mark.slow
def test_after_every_import_a_user_can_still_set_what_tensorflow_computes_with(python):
    run = python(EVERY_MODULE + SETTINGS)
    assert run.returncode == 0, run.stderr
    normal, coins, placed = run.stdout.splitlines()
    assert normal == str(standard_normal((2, 3), (1, 2)).numpy().tolist())  # the book's numbers
    assert coins == str(binarize([[0.5] * 3] * 2, (1, 2)).numpy().tolist())
    assert placed == "not softly placed"


DRAW = "from vae_lib.reparameterization import standard_normal\nstandard_normal((2,), (1, 2))\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("late", "level", "said"),
    [(False, "0", True), (True, "1", False)],
    ids=["flags before the imports, and all is said", "flags after them, and warnings are said"],
)
def test_tensorflow_goes_by_what_a_user_sets(python, tmp_path, late, level, said):
    flags = f"--xla_dump_to={tmp_path}"
    later = f"import os; os.environ['XLA_FLAGS'] = {flags!r}\n" * late
    code = EVERY_MODULE + later + DRAW
    run = python(code, XLA_FLAGS="" if late else flags, TF_CPP_MIN_LOG_LEVEL=level)
    assert run.returncode == 0, run.stderr
    assert any("_draw" in path.name for path in tmp_path.iterdir())
    assert ("Compiled cluster using XLA" in run.stderr) == said


def test_to_rebuild_a_book_whose_results_are_fresh_does_not_import_tensorflow(python):
    assert not gained(python, "import tools.book") & {"keras", "tensorflow"}
