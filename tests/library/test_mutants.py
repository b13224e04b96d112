"""The tests of the mathematics can fail: each formula, wrong in every usual way, is caught.

A mutant is a copy of `loss.py`, `reparameterization.py` or `decoder.py` with one mistake.
The module's own tests run on the copy, and at least one of them has to fail. The copy is
a file in a temporary directory; the library itself is not touched.

    .venv/bin/python -m pytest tests/library/test_mutants.py -v

A row of the table is (the mistake, the right text, the wrong text); the right text occurs
once in its module. A new formula needs new rows: a test asks for them.
"""

import ast
import importlib.util
import sys
from collections import Counter

import pytest

from tests.helpers import ROOT
from vae_lib.tensorflow_quietly import keras

TESTS = {
    "loss": ["test_loss"],
    "reparameterization": ["test_reparameterization"],
    "decoder": ["test_decoder", "test_layers"],
}

# The garbage collection after each run would take longer than most runs.
OPTIONS = ["-x", "-q", "--tb=line", "-p", "no:cacheprovider", "-p", "no:unraisableexception"]
OPTIONS += ["--disable-plugin-autoload"]  # looking for plugins takes a while, too

CROSS_ENTROPY = "-tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits)"

MUTANTS = {
    "loss": [
        # kl_divergence
        ("no half", "0.5 * (", "("),
        ("a quarter for the half", "0.5 * (", "0.25 * ("),
        ("minus the divergence", "0.5 * (", "-0.5 * ("),
        ("bits for nats", "0.5 * (", "0.5 / 0.6931471805599453 * ("),
        ("the divergence reversed", "tf.exp(log_var) + tf.square(mean) - 1.0 - log_var",
         "(1.0 + tf.square(mean)) / tf.exp(log_var) - 1.0 + log_var"),
        ("log std for log variance", "tf.exp(log_var) + tf.square(mean) - 1.0 - log_var",
         "tf.exp(2.0 * log_var) + tf.square(mean) - 1.0 - 2.0 * log_var"),
        ("std for variance", "tf.exp(log_var)", "tf.exp(0.5 * log_var)"),
        ("precision for variance", "tf.exp(log_var)", "tf.exp(-log_var)"),
        ("log variance for variance", "tf.exp(log_var)", "log_var"),
        ("no variance", "tf.exp(log_var) + ", ""),
        ("the variance subtracted", "(tf.exp(log_var)", "(-tf.exp(log_var)"),
        ("the mean not squared", "tf.square(mean)", "mean"),
        ("the absolute mean for its square", "tf.square(mean)", "tf.abs(mean)"),
        ("no mean", " + tf.square(mean)", ""),
        ("the square subtracted", "+ tf.square(mean)", "- tf.square(mean)"),
        ("no 1", " - 1.0", ""),
        ("the 1 added", "- 1.0", "+ 1.0"),
        ("half the log variance", "- log_var)", "- 0.5 * log_var)"),
        ("twice the log variance", "- log_var)", "- 2.0 * log_var)"),
        ("the log variance added", "- log_var)", "+ log_var)"),
        ("no log variance", " - log_var)", ")"),
        ("a mean over dimensions", "reduce_sum", "reduce_mean"),
        ("the largest dimension", "reduce_sum", "reduce_max"),
        ("a sum over the minibatch", "axis=-1", "axis=0"),
        ("a sum over everything", ", axis=-1", ""),
        ("a sum that keeps its axis", "axis=-1", "axis=-1, keepdims=True"),
        # elbo
        ("the divergence added", "log_likelihood - kl", "log_likelihood + kl"),
        ("minus the bound", "log_likelihood - kl", "kl - log_likelihood"),
        ("no divergence", "log_likelihood - kl", "log_likelihood"),
        ("no likelihood", "log_likelihood - kl", "-kl"),
        ("half the divergence", "log_likelihood - kl", "log_likelihood - 0.5 * kl"),
        ("one bound for the minibatch", "log_likelihood - kl",
         "tf.reduce_mean(log_likelihood - kl)"),
        ("one divergence for the minibatch", "log_likelihood - kl",
         "log_likelihood - tf.reduce_mean(kl)"),
    ],
    "reparameterization": [
        # reparameterize
        ("variance for std", "tf.exp(0.5 * log_var)", "tf.exp(log_var)"),
        ("root of std for std", "0.5 * log_var", "0.25 * log_var"),
        ("1 / std for std", "0.5 * log_var", "-0.5 * log_var"),
        ("log std for std", "tf.exp(0.5 * log_var)", "(0.5 * log_var)"),
        ("log variance for variance", "tf.exp(0.5 * log_var)", "tf.sqrt(log_var)"),
        ("no std", "tf.exp(0.5 * log_var) * ", ""),
        ("the noise subtracted", "mean + tf", "mean - tf"),
        ("the noise divides", ") * eps", ") / eps"),
        ("the noise not scaled", ") * eps", ") + eps"),
        ("no noise", " * eps", ""),
        ("no mean", "mean + tf", "tf"),
        ("the mean a factor", "mean + tf", "mean * tf"),
        ("one noise for all dimensions", "* eps  #", "* eps[..., :1]  #"),
        ("one noise for all examples", "* eps  #", "* eps[:1]  #"),
        ("no gradient for the mean", "mean + tf", "tf.stop_gradient(mean) + tf"),
        ("no gradient for the std", "0.5 * log_var", "tf.stop_gradient(0.5 * log_var)"),
        # standard_normal and _draw
        ("one draw for all seeds", "as_seed(seed)", "tf.constant([0, 0], tf.int64)"),
        ("half of the seed", "as_seed(seed)", "[as_seed(seed)[0], 0]"),
        ("one draw for all examples", "tf.cast(shape, tf.int32)", "tf.cast(shape, tf.int32)[1:]"),
        ("uniform noise", "tf.math.erfinv(uniform)", "uniform"),
        ("noise of variance 1/2", "math.sqrt(2.0) * ", ""),
        ("noise of variance 4", "math.sqrt(2.0)", "2.0"),
        ("the noise's distribution for its inverse", "tf.math.erfinv", "tf.math.erf"),
        ("the other half missing", "ABOVE_MINUS_1, 1.0", "0.0, 1.0"),
        ("truncated noise", "ABOVE_MINUS_1, 1.0", "-0.95, 0.95"),
        ("infinite noise", "-1.0 + 2.0**-24", "-1.0"),
        ("noise with a memory",
         "tf.random.stateless_uniform(shape, seed, ABOVE_MINUS_1, 1.0, alg=generator())",
         "tf.random.uniform(shape, ABOVE_MINUS_1, 1.0)"),
        ("double precision", "1.0, alg", "1.0, tf.float64, alg"),
        ("another draw in another place",
         "_draw(tf.cast(shape, tf.int32), as_seed(seed))",
         "tf.random.stateless_normal(shape, as_seed(seed))"),
    ],
    "decoder": [
        # pixel_mean
        ("logits for means", "return tf.sigmoid(logits)", "return logits"),
        ("black for white", "return tf.sigmoid(logits)", "return tf.sigmoid(-logits)"),
        ("mode for mean", "return tf.sigmoid(logits)", "return tf.round(tf.sigmoid(logits))"),
        ("softmax for sigmoid", "return tf.sigmoid(logits)", "return tf.nn.softmax(logits)"),
        ("tanh for sigmoid", "return tf.sigmoid(logits)", "return tf.tanh(logits)"),
        # bernoulli_log_likelihood
        ("cross-entropy for its negative", "-tf.nn.sigmoid_cross", "tf.nn.sigmoid_cross"),
        ("image and logits swapped", "labels=x, logits=logits", "labels=logits, logits=x"),
        ("a sigmoid too many", "logits=logits)", "logits=tf.sigmoid(logits))"),
        ("no sigmoid", CROSS_ENTROPY,
         "x * tf.math.log(logits) + (1.0 - x) * tf.math.log(1.0 - logits)"),
        ("the logarithm of a rounded probability", CROSS_ENTROPY,
         "x * tf.math.log_sigmoid(logits) + (1.0 - x) * tf.math.log(1.0 - tf.sigmoid(logits))"),
        ("a small number inside the logarithm", CROSS_ENTROPY,
         "x * tf.math.log(tf.sigmoid(logits) + 1e-7)"
         " + (1.0 - x) * tf.math.log(tf.sigmoid(-logits) + 1e-7)"),
        ("no black pixels", CROSS_ENTROPY, "x * tf.math.log_sigmoid(logits)"),
        ("no white pixels", CROSS_ENTROPY, "(1.0 - x) * tf.math.log_sigmoid(-logits)"),
        ("squares for logarithms", CROSS_ENTROPY, "-tf.square(x - tf.sigmoid(logits))"),
        ("gray pixels rounded", "labels=x", "labels=tf.round(x)"),
        ("Bernoulli in bits", "sum(per_pixel", "sum(1.4426950408889634 * per_pixel"),
        ("Bernoulli: a mean over pixels", "reduce_sum(per_pixel", "reduce_mean(per_pixel"),
        ("Bernoulli: a sum over the minibatch", "per_pixel, axis=-1", "per_pixel, axis=0"),
        ("Bernoulli: a sum over everything", "per_pixel, axis=-1", "per_pixel"),
        # binarize and _flip
        ("the bits of the noise", "COINS = (0, 2**31)", "COINS = (0, 0)"),
        ("one flip for all seeds", "as_seed(seed)", "tf.constant([0, 0], tf.int64)"),
        ("pixels rounded for the coins", "tf.cast(x, tf.float32)", "tf.round(x)"),
        ("the other side of the coin", ") < 2.0**16 * x", ") > 2.0**16 * x"),
        ("black pixels with ink", ") < 2.0**16 * x", ") <= 2.0**16 * x"),
        ("probability x / 2", "2.0**16 * x", "2.0**15 * x"),
        ("probability x squared", "2.0**16 * x", "2.0**16 * x * x"),
        ("the same bits for two pixels", "tf.reshape(bits, tf.shape(x))",
         "tf.reshape(tf.repeat(bits, 2)[: tf.size(x)], tf.shape(x))"),
        ("half a byte too few", "(tf.size(x) + 1) // 2", "tf.size(x) // 2"),
        ("coins with a memory",
         "stateless_uniform(half, seed, None, None, tf.uint32, alg=generator())",
         "uniform(half, 0, 2**31 - 1, tf.int32)"),
        ("the bits of one half for both", "tf.bitcast(words, tf.uint16)",
         "tf.cast(tf.stack([words % 65536, words % 65536], -1), tf.uint16)"),
        ("as many bits, too many pixels", "[: tf.size(x)]", ""),
        ("coins in double precision", "2.0**16 * x, tf.float32)", "2.0**16 * x, tf.float64)"),
        # gaussian_log_likelihood
        ("another variance where none is given", "variance: float = 1.0", "variance: float = 0.5"),
        ("the images added", "x - mean", "x + mean"),
        ("a sigmoid of the mean", "x - mean", "x - tf.sigmoid(mean)"),
        ("not squared", "tf.square(x - mean)", "(x - mean)"),
        ("absolute for square", "tf.square(x - mean)", "tf.abs(x - mean)"),
        ("times the variance", "/ variance", "* variance"),
        ("std for variance", "/ variance", "/ variance**0.5"),
        ("variance squared", "/ variance", "/ variance**2"),
        ("squares without the variance", " / variance", ""),
        ("no half", "-0.5 * tf.reduce_sum", "-tf.reduce_sum"),
        ("no half for the squares", "squares + math", "2.0 * squares + math"),
        ("no half for the constant", "squares + math", "squares + 2.0 * math"),
        ("minus the log-density", "-0.5 * tf.reduce_sum", "0.5 * tf.reduce_sum"),
        ("no constant", " + math.log(2.0 * math.pi * variance)", ""),
        ("the constant subtracted", "squares + math", "squares - math"),
        ("one constant per image",
         "tf.reduce_sum(squares + math.log(2.0 * math.pi * variance), axis=-1)",
         "(tf.reduce_sum(squares, axis=-1) + math.log(2.0 * math.pi * variance))"),
        ("log std for log variance", "math.pi * variance)", "math.pi * variance**0.5)"),
        ("no log 2 pi", "2.0 * math.pi * variance", "variance"),
        ("no log variance", "math.pi * variance", "math.pi"),
        ("no 2 of 2 pi", "2.0 * math.pi", "math.pi"),
        ("the decimal logarithm", "math.log(2.0", "math.log10(2.0"),
        ("Gaussian: a mean over pixels", "-0.5 * tf.reduce_sum", "-0.5 * tf.reduce_mean"),
        ("Gaussian: a sum over the minibatch", "variance), axis=-1", "variance), axis=0"),
        ("Gaussian: a sum over everything", "variance), axis=-1", "variance)"),
        # continuous_bernoulli_log_likelihood
        ("no normalizing constant", " - log_area, axis", ", axis"),
        ("the area times the density", " - log_area, axis", " + log_area, axis"),
        ("the exponent not centered", "(x - 0.5) * logits", "x * logits"),
        ("black for white in the exponent", "(x - 0.5) * logits", "(0.5 - x) * logits"),
        ("no half of the size", "0.5 * size", "size"),
        ("no size", "0.5 * size + ", ""),
        ("the size subtracted", "0.5 * size", "-0.5 * size"),
        ("cosh for sinh", "log1p(-tf.exp(-size))", "log1p(tf.exp(-size))"),
        ("large sizes only", " + tf.math.log1p(-tf.exp(-size))", ""),
        ("no division by the size", " - tf.math.log(size)", ""),
        ("times the size", "- tf.math.log(size)", "+ tf.math.log(size)"),
        ("12 for 24", "/ 24.0", "/ 12.0"),
        ("the first term only", " - tf.square(squares) / 2880.0", ""),
        ("the second term added", "- tf.square(squares)", "+ tf.square(squares)"),
        ("1440 for 2880", "/ 2880.0", "/ 1440.0"),
        ("the size for its square", ", tf.square(logits)", ", tf.abs(logits)"),
        ("no size for negative logits", "tf.maximum(tf.abs(logits)", "tf.maximum(logits"),
        ("a gradient of 0 / 0", "tf.maximum(tf.abs(logits), 0.25)", "tf.abs(logits)"),
        ("no series", "tf.where(tf.abs(logits) < 0.25, series, exact)", "exact"),
        ("nothing but the series", "tf.where(tf.abs(logits) < 0.25, series, exact)", "series"),
        ("series and exact swapped", "series, exact)", "exact, series)"),
        ("the series for negative logits", "tf.where(tf.abs(logits)", "tf.where(logits"),
        ("the series too far", "< 0.25", "< 0.5"),
        ("continuous: a mean over pixels", "sum((x - 0.5)", "mean((x - 0.5)"),
        ("continuous: a sum over the minibatch", "log_area, axis=-1", "log_area, axis=0"),
        ("continuous: a sum over everything", "log_area, axis=-1", "log_area"),
        # Decoder
        ("ReLU for ELU", '"elu"', '"relu"'),
        ("SELU for ELU", '"elu"', '"selu"'),
        ("no activation", 'activation="elu", ', ""),
        ("two activations", "self.hidden(z)", "tf.nn.elu(self.hidden(z))"),
        ("means for logits", "Dense(x_dim, ", 'Dense(x_dim, activation="sigmoid", '),
        ("minus the logits", "return self.logits(h)", "return -self.logits(h)"),
        ("bounded logits", "self.logits(h)", "tf.clip_by_value(self.logits(h), -7.0, 7.0)"),
        ("no bias", "Dense(x_dim, ", "Dense(x_dim, use_bias=False, "),
        ("a bias of 1", "Dense(h_dim, ", 'Dense(h_dim, bias_initializer="ones", '),
        ("Glorot for He, hidden", '"elu", **common', '"elu"'),
        ("Glorot for He, logits", "Dense(x_dim, **common", "Dense(x_dim"),
        ("truncated weights", "he_normal(seed)", "keras.initializers.HeNormal(seed)"),
        ("half the variance of He", "he_normal(seed)", "keras.initializers.LecunNormal(seed)"),
        ("one start for all seeds", "he_normal(seed)", "he_normal(0)"),
        ("other images where no size is given", "x_dim: int = 784", "x_dim: int = 783"),
        ("another width where none is given", "h_dim: int = 128", "h_dim: int = 127"),
        ("widths swapped", "= x_dim, h_dim, seed", "= h_dim, x_dim, seed"),
        ("the seed not kept", ', "seed": self.seed', ""),
        ("the widths not kept", ", **mine", ""),
    ],
}  # fmt: skip

EQUIVALENT = [
    ("loss", "tf.square(mean)", "mean * mean"),
    ("reparameterization", "tf.exp(0.5 * log_var)", "tf.sqrt(tf.exp(log_var))"),
    ("decoder", "tf.square(x - mean)", "(mean - x) ** 2"),
]


class OneCaseOfEachTestFirst:
    """A plugin of pytest: first every test runs once, so that a mistake shows sooner."""

    def pytest_collection_modifyitems(self, items):
        cases = Counter()
        turn = {}
        for item in items:
            turn[item] = cases[item.function]
            cases[item.function] += 1
        items.sort(key=turn.get)


def source_of(module):
    return (ROOT / "vae_lib" / f"{module}.py").read_text()


@pytest.fixture
def run_tests_on(tmp_path, monkeypatch):
    """Run a module's tests with one text in it replaced; put everything back afterwards."""

    def run(module, old, new):
        source = source_of(module)
        assert source.count(old) == 1, f"{old!r} has to occur once in {module}.py"
        path = tmp_path / f"{module}.py"
        path.write_text(source.replace(old, new))

        spec = importlib.util.spec_from_file_location(f"vae_lib.{module}", path)
        mutant = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, mutant)
        for name in TESTS[module]:  # taken out, the tests are imported again
            monkeypatch.setitem(sys.modules, f"tests.library.{name}", None)
            del sys.modules[f"tests.library.{name}"]
        registry = keras.saving.get_custom_objects()
        for name, layer in list(registry.items()):
            monkeypatch.setitem(registry, name, layer)
        spec.loader.exec_module(mutant)
        files = [str(ROOT / "tests/library" / f"{name}.py") for name in TESTS[module]]
        return pytest.main([*OPTIONS, *files], [OneCaseOfEachTestFirst()])

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "right", "wrong"),
    [
        pytest.param(module, right, wrong, id=f"{module}: {mistake}")
        for module, rows in MUTANTS.items()
        for mistake, right, wrong in rows
    ],
)
def test_a_mistake_is_caught(module, right, wrong, run_tests_on):
    outcome = run_tests_on(module, right, wrong)
    assert outcome == pytest.ExitCode.TESTS_FAILED, f"no test notices {wrong!r} for {right!r}"


@pytest.mark.slow
@pytest.mark.parametrize(("module", "right", "also_right"), EQUIVALENT)
def test_another_way_to_write_the_same_survives(module, right, also_right, run_tests_on):
    assert run_tests_on(module, right, also_right) == pytest.ExitCode.OK


@pytest.mark.parametrize("module", MUTANTS)
def test_every_statement_has_a_mistake(module):
    source = source_of(module)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign | ast.Return):
            statement = ast.get_source_segment(source, node)
            assert any(right in statement for _, right, _ in MUTANTS[module]), statement
