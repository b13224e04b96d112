"""Compilation by XLA, and what is left where TensorFlow has none."""

import re

import pytest

from tests.helpers import ROOT, assert_says
from vae_lib.support.xla import compiled, has_xla
from vae_lib.tensorflow_quietly import tf


def test_functions_are_compiled_by_xla_here():
    assert has_xla()

    @compiled
    def strings(x):
        return tf.strings.as_string(x)  # which XLA does not know

    with pytest.raises(tf.errors.InvalidArgumentError, match="AsString"):
        strings(tf.constant(1))


def test_nothing_else_in_the_library_asks_for_xla():
    asks = [
        path.name
        for path in (ROOT / "vae_lib").rglob("*.py")
        if re.search(r"jit_compile|experimental_compile", path.read_text("utf-8"))
    ]
    assert asks == ["xla.py"]


WITHOUT_XLA = """if True:
    import warnings
    import numpy as np
    from vae_lib.tensorflow_quietly import keras, tf

    real = tf.function

    def function(f, jit_compile=None, **options):
        assert callable(f)
        if not jit_compile:
            return real(f, **options)
        def refuse(*arguments):
            raise tf.errors.UnimplementedError(None, None, "no compiler for this platform")
        refuse.get_concrete_function = lambda *specs: refuse
        return refuse

    tf.function = function
    from vae_lib.evaluation import importance_weighted_bound
    from vae_lib.model import VAE
    from vae_lib.reparameterization import standard_normal
    from vae_lib.training import train

    warnings.simplefilter("always")
    def show(message, category, *where, **more):
        print(category.__name__, message)
    warnings.showwarning = show
    # The first call of a compiled function comes while a graph is being traced.
    drawn = tf.function(lambda: standard_normal((3,), (1, 2)), autograph=False)()
    print(np.array_equal(drawn, standard_normal((3,), (1, 2))))

    rng = np.random.default_rng(0)
    x = np.tile(rng.random(784) < 0.3, (50, 1)).astype(np.float32)  # one image, easily learned
    for binarize in (False, True):
        losses, weights = [], []
        for cut in (8, 3):
            model = VAE(z_dim=2, h_dim=8)
            model.compile(keras.optimizers.Adam(1e-2), **JIT)
            settings = {"batch_size": 20, "binarize": binarize}
            train(model, x, cut, **settings)
            losses.append(train(model, x, 40 - cut, **settings)["loss"][-1])
            weights.append(model.get_weights())
        assert all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))
        before = model.evaluate(x, verbose=0)
        model.fit(x, epochs=2, verbose=0)
        print(losses[-1] < 400, model.evaluate(x, verbose=0) < before)
        print(importance_weighted_bound(model, x, 30).mean() > -model.evaluate(x, verbose=0)[0])
    eps = standard_normal((10_000,), (1, 2)).numpy()
    print(abs(eps.mean()) < 0.05, abs(eps.std() - 1) < 0.05)
"""


@pytest.mark.slow
@pytest.mark.parametrize("jit", [{}, {"jit_compile": False}], ids=["Keras decides", "no jit"])
def test_without_xla_training_works_and_one_sentence_says_what_is_lost(python, jit):
    run = python(WITHOUT_XLA.replace("**JIT", f"**{jit}"), TQDM_DISABLE="1")
    assert run.returncode == 0, run.stderr
    warning, *verdicts = run.stdout.splitlines()
    assert_says(warning, "RuntimeWarning", "XLA", "times as long", "random numbers")
    assert verdicts == ["True", *["True True", "True"] * 2, "True True"]


@pytest.mark.slow
def test_training_needs_no_plotting_library(python, tmp_path):
    tmp_path.joinpath("matplotlib.py").write_text("raise ImportError('not installed')")
    code = """if True:
        import numpy as np
        from vae_lib.model import VAE
        from vae_lib.tensorflow_quietly import keras
        from vae_lib.training import train
        model = VAE(z_dim=2, h_dim=8)
        model.compile(keras.optimizers.Adam())
        print(len(train(model, np.zeros((50, 784)), 3, batch_size=10)["loss"]))
    """
    run = python(code, PYTHONPATH=str(tmp_path))
    assert (run.returncode, run.stdout) == (0, "1\n"), run.stderr
