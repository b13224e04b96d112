"""The tests of the mathematics can fail: each formula, wrong in every usual way, is caught.

A mutant is a copy of `loss.py`, `reparameterization.py` or `decoder.py` with one mistake.
The module's own tests run on the copy, and at least one of them has to fail. The copy is
a file in a temporary directory; the library itself is not touched.

    .venv/bin/python -m pytest tests/library/test_mutants.py -v

Mistakes are grouped by what they change: a function, a class, a method of one, a constant. A
row is (the mistake, the right text, the wrong text); the right text occurs once in the source
of its group, decorators included. A new formula needs new rows: a test asks for them, for every
statement of the three modules that assigns or returns.
"""

import ast
import importlib.util
import sys
from collections import Counter
from functools import cache

import pytest

from tests.helpers import ROOT
from vae_lib.tensorflow_quietly import keras

# What is compiled takes a second: it comes last, in the last of the files.
TESTS = {
    "loss": ["test_loss"],
    "reparameterization": ["test_reparameterization"],
    "decoder": ["test_decoder", "test_layers", "test_likelihoods"],
}

# The garbage collection after each run would take longer than most runs.
OPTIONS = ["-x", "-q", "--tb=line", "-p", "no:cacheprovider", "-p", "no:unraisableexception"]
OPTIONS += ["--disable-plugin-autoload"]  # looking for plugins takes a while, too

CROSS_ENTROPY = "-tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits)"
CHARGED = 'tf.maximum(tf.reduce_mean(kl, axis=0), self._config["free_bits"])'
PER_DRAW = "tf.reduce_logsumexp(weights, axis=1) - math.log(self.n_samples)"
WARMING = "tf.minimum(1.0, tf.cast(step, tf.float32) / warm_up)"

MUTANTS = {
    "loss": {
        "kl_divergence": [
            ("a mean over dimensions", "reduce_sum", "reduce_mean"),
            ("the largest dimension", "reduce_sum", "reduce_max"),
            ("a sum over the minibatch", "axis=-1", "axis=0"),
            ("a sum over everything", ", axis=-1", ""),
            ("a sum that keeps its axis", "axis=-1", "axis=-1, keepdims=True"),
        ],
        "SERIES": [
            ("no factorials", "math.factorial(k)", "k"),
            ("from the other end", "range(12, 1, -1)", "range(2, 13)"),
            ("one term too many", "range(12, 1, -1)", "range(12, 0, -1)"),
            ("a term lost at the end", "range(12, 1, -1)", "range(12, 2, -1)"),
            ("a term lost in double precision", "range(12, 1, -1)", "range(8, 1, -1)"),
        ],
        "kl_per_dimension": [
            ("no half", "0.5 * (", "("),
            ("a quarter for the half", "0.5 * (", "0.25 * ("),
            ("minus the divergence", "0.5 * (", "-0.5 * ("),
            ("bits for nats", "0.5 * (", "0.5 / 0.6931471805599453 * ("),
            ("the divergence reversed", "_above_tangent(log_var) + tf.square(mean)",
             "(1.0 + tf.square(mean)) / tf.exp(log_var) - 1.0 + log_var"),
            ("log std for log variance", "t(log_var)", "t(2.0 * log_var)"),
            ("std for variance", "t(log_var)", "t(0.5 * log_var)"),
            ("precision for variance", "t(log_var)", "t(-log_var)"),
            ("no variance", "_above_tangent(log_var) + ", ""),
            ("the variance subtracted", "_above", "-_above"),
            ("the mean not squared", "tf.square(mean)", "mean"),
            ("the absolute mean for its square", "tf.square(mean)", "tf.abs(mean)"),
            ("no mean", " + tf.square(mean)", ""),
            ("the square subtracted", "+ tf.square(mean)", "- tf.square(mean)"),
        ],
        "_above_tangent": [
            ("terms that cancel", "tf.where(tf.abs(t) < 0.25, series, tf.exp(t) - 1.0 - t)",
             "tf.exp(t) - 1.0 - t"),
            ("nothing but the series", "tf.where(tf.abs(t) < 0.25, series, tf.exp(t) - 1.0 - t)",
             "series"),
            ("series and exact swapped", "tf.abs(t) < 0.25", "tf.abs(t) > 0.25"),
            ("the series for negative numbers", "tf.abs(t) < 0.25", "t < 0.25"),
            ("the series too far", "t) < 0.25", "t) < 0.5"),
            ("a gradient of 0 · ∞", "tf.clip_by_value(t, -0.25, 0.25)", "t"),
            ("not squared", "tf.square(near)", "near"),
            ("the absolute number for its square", "tf.square(near)", "tf.abs(near)"),
            ("the first term only", "polynomial(SERIES, near)", "0.5"),
            ("terms of the other sign", "polynomial(SERIES, near)", "polynomial(SERIES, -near)"),
            ("log variance for variance", "tf.exp(t)", "t"),
            ("no variance", "tf.exp(t) - 1.0", "-1.0"),
            ("the variance subtracted", "tf.exp(t)", "-tf.exp(t)"),
            ("no 1", " - 1.0", ""),
            ("the 1 added", "- 1.0", "+ 1.0"),
            ("half the log variance", "1.0 - t)", "1.0 - 0.5 * t)"),
            ("twice the log variance", "1.0 - t)", "1.0 - 2.0 * t)"),
            ("the log variance added", "1.0 - t)", "1.0 + t)"),
            ("no log variance", "1.0 - t)", "1.0)"),
        ],
        "log_ratio": [
            ("minus the ratio", "0.5 * tf", "-0.5 * tf"),
            ("no half", "0.5 * tf", "tf"),
            ("no prior", " - tf.square(z)", ""),
            ("the prior added", "- tf.square(z)", "+ tf.square(z)"),
            ("the prior at the mean", "tf.square(z)", "tf.square(mean)"),
            ("the prior not squared", "tf.square(z)", "z"),
            ("no distance", "squares + log_var", "log_var"),
            ("the distance subtracted", "(squares", "(-squares"),
            ("the distance not squared", "tf.square(z - mean)", "(z - mean)"),
            ("no mean", "z - mean", "z"),
            ("the mean added", "z - mean", "z + mean"),
            ("std for variance", "tf.exp(-log_var)", "tf.exp(-0.5 * log_var)"),
            ("times the variance", "tf.exp(-log_var)", "tf.exp(log_var)"),
            ("log variance for variance", "* tf.exp(-log_var)", "/ log_var"),
            ("no variance", " * tf.exp(-log_var)", ""),
            ("no log variance", " + log_var", ""),
            ("the log variance subtracted", "+ log_var", "- log_var"),
            ("log std for log variance", "+ log_var", "+ 0.5 * log_var"),
            ("a constant left over", "(squares", "(math.log(2.0 * math.pi) + squares"),
            ("no gradient for q", "z - mean)", "tf.stop_gradient(z - mean))"),
            ("a mean over dimensions", "reduce_sum", "reduce_mean"),
            ("a sum over examples", "axis=-1", "axis=0"),
            ("a sum over everything", ", axis=-1", ""),
        ],
        "elbo": [
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
        "Objective.__init__": [
            ("another weight where none is given", "beta: float = 1.0", "beta: float = 4.0"),
            ("a warm-up where none is given", "warm_up: int = 0", "warm_up: int = 8"),
            ("free bits where none are given", "free_bits: float = 0.0", "free_bits: float = 0.5"),
            ("more draws where none are given", "n_samples: int = 1", "n_samples: int = 5"),
            ("free bits for the weight", '"beta": beta', '"beta": free_bits'),
            ("no bound of the draws", '_weighted"] = importance_weighted', '_weighted"] = False'),
            ("nothing checked", "validated(given, ObjectiveParameters)", "given"),
            ("one draw in the bound", "(n_samples=n_samples, ", "("),
            ("weights in the bound", "if importance_weighted and", "if False and"),
            ("one draw for all", 'self._config["n_samples"]', "1"),
            ("no warm-up told", 'self.warm_up: int = self._config["warm_up"]',
             "self.warm_up: int = 0"),
            ("every objective a bound", "bool = importance_weighted", "bool = True"),
            ("no objective a bound", "bool = importance_weighted", "bool = False"),
        ],
        "Objective.weigh": [
            ("minus the ratio", "log_ratio(z, mean, log_var)", "-log_ratio(z, mean, log_var)"),
            ("mean and log-variance exchanged", "(z, mean, log_var)\n", "(z, log_var, mean)\n"),
            ("no ratio", "log_ratio(z, mean, log_var)", "0.0 * log_ratio(z, mean, log_var)"),
            ("the means for the draws", "return z, ", "return mean, "),
        ],
        "Objective.__call__": [
            ("weights without the ratio", " + log_ratio", ""),
            ("the ratio subtracted", "+ log_ratio", "- log_ratio"),
            ("weights without the likelihood", "= log_likelihood + log_ratio", "= log_ratio"),
            ("the KL term for the ratio", "log_likelihood + log_ratio",
             "log_likelihood - tf.reduce_sum(kl, axis=-1, keepdims=True)"),
            ("the number of draws lost", " - math.log(self.n_samples)", ""),
            ("the number of draws added", "- math.log(", "+ math.log("),
            ("the number for its logarithm", "math.log(self.n_samples)", "self.n_samples"),
            ("the mean of logarithms", PER_DRAW, "tf.reduce_mean(weights, axis=1)"),
            ("the largest weight", "reduce_logsumexp", "reduce_max"),
            ("the logarithm of a rounded mean", PER_DRAW,
             "tf.math.log(tf.reduce_mean(tf.exp(weights), axis=1))"),
            ("images in the place of draws", "axis=1) - math", "axis=0) - math"),
            ("plus the bound", "-tf.reduce_mean(bound)", "tf.reduce_mean(bound)"),
            ("a sum of bounds", "-tf.reduce_mean(bound)", "-tf.reduce_sum(bound)"),
            ("a loss of each image", "-tf.reduce_mean(bound)", "-bound"),
            ("free bits per image", CHARGED,
             'tf.reduce_mean(tf.maximum(kl, self._config["free_bits"]), axis=0)'),
            ("free bits for all dimensions together", CHARGED,
             'tf.maximum(tf.reduce_sum(tf.reduce_mean(kl, axis=0)), self._config["free_bits"])'),
            ("free bits taken off", CHARGED,
             'tf.nn.relu(tf.reduce_mean(kl, axis=0) - self._config["free_bits"])'),
            ("no free bits", CHARGED, "tf.reduce_mean(kl, axis=0)"),
            ("min for max", "tf.maximum", "tf.minimum"),
            ("bits for nats", 'self._config["free_bits"]', '0.693147 * self._config["free_bits"]'),
            ("a sum over the minibatch", "reduce_mean(kl", "reduce_sum(kl"),
            ("a mean over dimensions", "kl, axis=0", "kl, axis=1"),
            ("the charge's mean", "reduce_sum(charged)", "reduce_mean(charged)"),
            ("the weight not applied", "self.beta_at(step) * ", ""),
            ("the weight of both parts", "tf.reduce_sum(charged) - tf.reduce_mean(log_likelihood)",
             "(tf.reduce_sum(charged) - tf.reduce_mean(log_likelihood))"),
            ("the KL term subtracted", "return self.beta_at", "return -self.beta_at"),
            ("the likelihood added", "- tf.reduce_mean(log", "+ tf.reduce_mean(log"),
            ("no likelihood", " - tf.reduce_mean(log_likelihood)", ""),
            ("a sum of likelihoods", "reduce_mean(log_likelihood)", "reduce_sum(log_likelihood)"),
            ("the likeliest draw", "log_likelihood)\n",
             "tf.reduce_max(log_likelihood, axis=1))\n"),
        ],
        "Objective.beta_at": [
            ("weight and warm-up swapped", "beta, warm_up = ", "warm_up, beta = "),
            ("no weight without a warm-up", "return beta\n", "return 1.0\n"),
            ("no weight after a warm-up", "beta * tf", "tf"),
            ("the warm-up ignored", "if not warm_up", "if True"),
            ("a warm-up that does not stop", WARMING, "(tf.cast(step, tf.float32) / warm_up)"),
            ("a warm-up that does not start", "tf.minimum(1.0", "tf.maximum(1.0"),
            ("a weight that falls", "tf.cast(step, tf.float32) / warm_up",
             "1.0 - tf.cast(step, tf.float32) / warm_up"),
            ("as steep for every weight", "beta * tf.minimum(1.0", "tf.minimum(beta"),
            ("an iteration too far", "tf.cast(step", "1.0 + tf.cast(step"),
            ("a step for the line", "float32) / warm_up", "float32) // warm_up"),
            ("a parabola for the line", "tf.cast(step, tf.float32) / warm_up",
             "(tf.cast(step, tf.float32) / warm_up) ** 2"),
        ],
        "Objective.get_config": [("nothing kept", "dict(self._config)", "{}")],
        "Objective.from_config": [("all as where none is given", "cls(**config)", "cls()")],
        "Objective.__repr__": [("numbers without names", "{n}={v!r}", "{v!r}")],
    },
    "reparameterization": {
        "ABOVE_MINUS_1": [("infinite noise", "-1.0 + 2.0**-24", "-1.0")],
        "reparameterize": [
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
        ],
        "standard_normal": [
            ("one draw for all seeds", "as_seed(seed)", "tf.constant([0, 0], tf.int64)"),
            ("half of the seed", "as_seed(seed)", "[as_seed(seed)[0], 0]"),
            ("one draw for all examples", "tf.cast(shape, tf.int32)",
             "tf.cast(shape, tf.int32)[1:]"),
            ("another draw in another place", "_draw(tf.cast(shape, tf.int32), as_seed(seed))",
             "tf.random.stateless_normal(shape, as_seed(seed))"),
        ],
        "_draw": [
            ("uniform noise", "tf.math.erfinv(uniform)", "uniform"),
            ("noise of variance 1/2", "math.sqrt(2.0) * ", ""),
            ("noise of variance 4", "math.sqrt(2.0)", "2.0"),
            ("the noise's distribution for its inverse", "tf.math.erfinv", "tf.math.erf"),
            ("the other half missing", "ABOVE_MINUS_1, 1.0", "0.0, 1.0"),
            ("truncated noise", "ABOVE_MINUS_1, 1.0", "-0.95, 0.95"),
            ("noise with a memory",
             "tf.random.stateless_uniform(shape, seed, ABOVE_MINUS_1, 1.0, alg=generator())",
             "tf.random.uniform(shape, ABOVE_MINUS_1, 1.0)"),
            ("double precision", "1.0, alg", "1.0, tf.float64, alg"),
        ],
    },
    "decoder": {
        "PIXELS": [("the bits of the noise", "(0, 2**31)", "(0, 0)")],
        "LEVELS": [("one level too many", "255.0", "256.0")],
        "ROUNDING": [
            ("no 12", "12 * ", ""),
            ("6 for 12", "12", "6"),
            ("std for variance", "(12 * LEVELS**2)", "(12**0.5 * LEVELS)"),
            ("the variance of levels", " * LEVELS**2", ""),
        ],
        "AREA": [
            ("12 for 24", "1 / 24]", "1 / 12]"),
            ("the second term added", "-1 / 2880", "1 / 2880"),
            ("1440 for 2880", "/ 2880", "/ 1440"),
            ("the third term subtracted", "1 / 181440", "-1 / 181440"),
            ("the fourth term added", "-1 / 9676800", "1 / 9676800"),
            ("from the other end", "[1 / 479001600, -1 / 9676800, 1 / 181440, -1 / 2880, 1 / 24]",
             "[1 / 24, -1 / 2880, 1 / 181440, -1 / 9676800, 1 / 479001600]"),
        ],
        "LEAST_SCALE": [
            ("a level for a quarter", "math.exp(-7.0)", "1 / LEVELS"),
            ("another logarithm", "math.exp(-7.0)", "10**-7.0"),
        ],
        "pixel_mean": [
            ("logits for means", "return _sigmoid(logits)", "return logits"),
            ("black for white", "return _sigmoid(logits)", "return _sigmoid(-logits)"),
            ("mode for mean", "return _sigmoid(logits)", "return tf.round(_sigmoid(logits))"),
            ("softmax for sigmoid", "return _sigmoid(logits)", "return tf.nn.softmax(logits)"),
            ("tanh for sigmoid", "return _sigmoid(logits)", "return tf.tanh(logits)"),
        ],
        "_sigmoid": [
            ("a slope that rounds to 0", "tf.sigmoid(-a)", "(1.0 - tf.sigmoid(a))"),
            ("half of the slope", " * tf.sigmoid(-a)", ""),
            ("what comes from above lost", "upstream * tf", "tf"),
        ],
        "bernoulli_log_likelihood": [
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
            ("bits for nats", "sum(per_pixel", "sum(1.4426950408889634 * per_pixel"),
            ("a mean over pixels", "reduce_sum(per_pixel", "reduce_mean(per_pixel"),
            ("a sum over the minibatch", "per_pixel, axis=-1", "per_pixel, axis=0"),
            ("a sum over everything", "per_pixel, axis=-1", "per_pixel"),
        ],
        "binarize": [
            ("one flip for all seeds", "_of_pixels(seed)", "tf.constant(PIXELS, tf.int64)"),
            ("pixels rounded for the coins", 'as_probabilities("x", x)',
             'tf.round(as_probabilities("x", x))'),
        ],
        "_of_pixels": [
            ("one draw for all seeds", "as_seed(seed)", "tf.constant([0, 0], tf.int64)"),
        ],
        "_flip": [
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
        ],
        "gaussian_log_likelihood": [
            ("another variance where none is given", "variance: Any = 1.0", "variance: Any = 0.5"),
            ("the images added", "x - mean", "x + mean"),
            ("a sigmoid of the mean", "x - mean", "x - tf.sigmoid(mean)"),
            ("not squared", "tf.square(x - mean)", "(x - mean)"),
            ("absolute for square", "tf.square(x - mean)", "tf.abs(x - mean)"),
            ("times the variance", "/ variance", "* variance"),
            ("std for variance", "/ variance", "/ variance**0.5"),
            ("variance squared", "/ variance", "/ variance**2"),
            ("squares without the variance", " / variance", ""),
            ("no half", "-0.5 * tf.reduce_sum", "-tf.reduce_sum"),
            ("no half for the squares", "squares + log", "2.0 * squares + log"),
            ("no half for the constant", "squares + log", "squares + 2.0 * log"),
            ("minus the log-density", "-0.5 * tf.reduce_sum", "0.5 * tf.reduce_sum"),
            ("no constant", "squares + log_scaled", "squares"),
            ("the constant subtracted", "squares + log", "squares - log"),
            ("one constant per image", "tf.reduce_sum(squares + log_scaled, axis=-1)",
             "(tf.reduce_sum(squares, axis=-1) + log_scaled)"),
            ("log std for log variance", "math.pi * variance", "math.pi * variance**0.5"),
            ("no log 2 pi", "2.0 * math.pi * variance", "1.0 * variance"),
            ("no log variance", " * math.pi * variance", " * math.pi"),
            ("no 2 of 2 pi", "2.0 * math.pi", "math.pi"),
            ("the decimal logarithm", "math.log(scaled) if", "math.log10(scaled) if"),
            ("no logarithm of a tensor", "else tf.math.log(scaled)", "else scaled"),
            ("log 1 + variance", "tf.math.log(", "tf.math.log1p("),
            ("a mean over pixels", "-0.5 * tf.reduce_sum", "-0.5 * tf.reduce_mean"),
            ("a sum over the minibatch", "log_scaled, axis=-1", "log_scaled, axis=0"),
            ("a sum over everything", "log_scaled, axis=-1", "log_scaled"),
        ],
        "continuous_bernoulli_log_likelihood": [
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
            ("the first term only", "polynomial(AREA, squares)", "1 / 24"),
            ("one power lost", "squares * poly", "poly"),
            ("one power too many", "squares * poly", "squares * squares * poly"),
            ("the size for its square", "tf.square(logits)", "tf.abs(logits)"),
            ("no size for negative logits", "tf.maximum(tf.abs(logits)", "tf.maximum(logits"),
            ("a gradient of 0 / 0", "tf.maximum(tf.abs(logits), 1.0)", "tf.abs(logits)"),
            ("a gradient of 0 · ∞", "tf.minimum(tf.square(logits), 1.0)", "tf.square(logits)"),
            ("no series", "tf.where(tf.abs(logits) < 1.0, series, exact)", "exact"),
            ("nothing but the series", "tf.where(tf.abs(logits) < 1.0, series, exact)", "series"),
            ("series and exact swapped", "series, exact)", "exact, series)"),
            ("the series for negative logits", "tf.where(tf.abs(logits)", "tf.where(logits"),
            ("the series too far", "logits) < 1.0", "logits) < 2.0"),
            ("a mean over pixels", "sum((x - 0.5)", "mean((x - 0.5)"),
            ("a sum over the minibatch", "log_area, axis=-1", "log_area, axis=0"),
            ("a sum over everything", "log_area, axis=-1", "log_area"),
        ],
        "Decoder": [
            ("ReLU for ELU", '"elu"', '"relu"'),
            ("SELU for ELU", '"elu"', '"selu"'),
            ("no activation", "(width, activation, ", "(width, "),
            ("ELU for all", "(width, activation, ", '(width, "elu", '),
            ("two activations", "layer(h)", "tf.nn.elu(layer(h))"),
            ("means for logits", "(x_dim)), ", '(x_dim)), "sigmoid", '),
            ("minus the logits", "= self.logits(h)", "= -self.logits(h)"),
            ("bounded logits", "self.logits(h)", "tf.clip_by_value(self.logits(h), -7.0, 7.0)"),
            ("no bias", "(x_dim)), ", "(x_dim)), use_bias=False, "),
            ("a bias of 1", "(width, activation, ",
             '(width, activation, bias_initializer="ones", '),
            ("Glorot for He, hidden", "(width, activation, **common)", "(width, activation)"),
            ("Glorot for He, logits", "(x_dim)), **common)", "(x_dim)))"),
            ("truncated weights", "he_normal(seed)", "keras.initializers.HeNormal(seed)"),
            ("half the variance of He", "he_normal(seed)", "keras.initializers.LecunNormal(seed)"),
            ("one start for all seeds", "he_normal(seed)", "he_normal(0)"),
            ("other images where no size is given", "Sequence[int] = 784", "Sequence[int] = 783"),
            ("another width where none is given", "Sequence[int] = 128", "Sequence[int] = 127"),
            ("widths swapped", "= x_dim, h_dim, ", "= h_dim, x_dim, "),
            ("the first hidden layer only", "self.hidden = hidden", "self.hidden = hidden[:1]"),
            ("widths in the other order", "in several(h_dim)", "in several(h_dim)[::-1]"),
            ("every layer as if it were the first", "(None, layer.units)", "input_shape"),
            ("latent vectors forgotten", "h = z ", "h = tf.zeros_like(z) "),
            ("rows in place of the layout", "len(shape) == 1", "True"),
            ("the layout reversed", "= several(self.x_dim)", "= several(self.x_dim)[::-1]"),
            ("the seed not kept", ', "seed": self.seed', ""),
            ("the activation not kept", ', "activation": self.activation', ""),
            ("the widths not kept", ", **mine", ""),
        ],
        "start_at_mean": [
            ("images half as bright", "= finite(", "= 0.5 * finite("),
            ("one mean for all pixels", "images.mean(axis=0)", "0 * images[0] + images.mean()"),
            ("infinite logits", "np.clip(means, 1e-3, 1 - 1e-3)", "means"),
            ("log mean for logits", "np.log(p / (1 - p))", "np.log(p)"),
            ("black for white", "p / (1 - p)", "(1 - p) / p"),
            ("weights for biases", 'weight.name == "bias"', 'weight.name == "kernel"'),
            ("the first bias", "biases[-1]", "biases[0]"),
            ("no colors", ", mean.reshape(-1, colors).mean(axis=0))", ",)"),
            ("channels for colors", "colors = mean.shape[-1]", "colors = mean.shape[0]"),
            ("nothing else kept", "bias.numpy()", "np.zeros_like(bias)"),
            ("the pixels after each other", "*means.shape[:-1], -1", "-1"),
            ("the second kind, too", "start[..., :colors] = np.log(p / (1 - p))",
             "start[...] = np.resize(np.log(p / (1 - p)), start.shape)"),
            ("the second kind for the first", ":colors] = np", "-colors:] = np"),
            ("nothing set", "bias.assign(start.ravel())", "pass"),
            ("refused all the same", "return\n", "break\n"),
            ("the shapes not said", "str(tuple(bias.shape))", "bias.name"),
            ("the mean logit for the mean color", "mean.reshape(-1, colors).mean(axis=0)",
             "1 / (1 + np.exp(-np.log(mean / (1 - mean)).reshape(-1, colors).mean(axis=0)))"),
        ],
        "Likelihood": [
            ("two numbers for each pixel", "parameters = 1", "parameters = 2"),
            ("pixels of any size", "bounded = True", "bounded = False"),
            ("waiting for inputs", "self.built = True", "self.built = False"),
        ],
        "Bernoulli": [
            ("probabilities for logits", "likelihood(x, logits)",
             "likelihood(x, pixel_mean(logits))"),
            ("squares for coins", "bernoulli_log_likelihood(x, logits)",
             "gaussian_log_likelihood(x, pixel_mean(logits))"),
            ("logits for means", "return pixel_mean(logits)", "return logits"),
            ("means for draws", "binarize(pixel_mean(logits), seed)", "pixel_mean(logits)"),
            ("coins of logits", "binarize(pixel_mean(logits), seed)", "binarize(logits, seed)"),
        ],
        "Gaussian": [
            ("any pixels refused", "bounded = False", "bounded = True"),
            ("another variance where none is given", "variance: float = 1.0",
             "variance: float = 0.5"),
            ("learned where nobody asks", "learned: bool = False", "learned: bool = True"),
            ("never learned", "= learned, between", "= False, between"),
            ("any variance", 'between("variance", variance, 0)', "variance"),
            ("variance for its logarithm", "math.log(self._variance)", "self._variance"),
            ("log std for log variance", "math.log(self._variance)",
             "0.5 * math.log(self._variance)"),
            ("not trained", 'name="log_variance"', 'name="log_variance", trainable=False'),
            ("no floor", " + ROUNDING", ""),
            ("a floor where the variance is given", "else self._variance",
             "else self._variance + ROUNDING"),
            ("a lower bound for a sum", "tf.exp(self.log_variance) + ROUNDING",
             "tf.maximum(tf.exp(self.log_variance), ROUNDING)"),
            ("log variance for variance", "tf.exp(self.log_variance)", "self.log_variance"),
            ("what is learned ignored", "tf.exp(self.log_variance) + ROUNDING", "self._variance"),
            ("the likelihood of logits", "(x, pixel_mean(logits), ", "(x, logits, "),
            ("the likelihood of variance 1", ", self.variance)", ")"),
            ("std for variance", ", self.variance)", ", self.variance**0.5)"),
            ("logits for means", "return pixel_mean(logits)", "return logits"),
            ("draws around logits", "mean = pixel_mean(logits)", "mean = logits"),
            ("the noise not scaled", "self.variance**0.5 * ", ""),
            ("variance for std", "self.variance**0.5", "self.variance"),
            ("one noise for all images", "tf.shape(mean)", "tf.shape(mean)[1:]"),
            ("the variance not kept", '"variance": self._variance, ', ""),
            ("not kept as learned", ', "learned": self.learned', ""),
            ("nothing kept", ", **mine", ""),
            ("the noise of z", "_of_pixels(seed)", "as_seed(seed)"),
        ],
        "PixelGaussian": [
            ("one number for each pixel", "parameters = 2", "parameters = 1"),
            ("any pixels refused", "bounded = False", "bounded = True"),
        ],
        "PixelGaussian.log_prob": [
            ("no floor", " + ROUNDING", ""),
            ("a lower bound for a sum", "tf.exp(log_variance) + ROUNDING",
             "tf.maximum(tf.exp(log_variance), ROUNDING)"),
            ("log std for log variance", "tf.exp(log", "tf.exp(2.0 * log"),
            ("std for variance", "tf.exp(log", "tf.exp(0.5 * log"),
            ("log variance for variance", "tf.exp(log_variance) + R", "log_variance + R"),
            ("softplus for exp", "tf.exp(", "tf.math.softplus("),
            ("logits for means", "pixel_mean(logits)", "logits"),
        ],
        "PixelGaussian.mean": [
            ("logits for means", "pixel_mean(logits)", "logits"),
            ("variances for means", "pixel_mean(logits)", "pixel_mean(log_variance)"),
        ],
        "PixelGaussian.sample": [
            ("the noise of z", "_of_pixels(seed)", "as_seed(seed)"),
            ("no floor", " + ROUNDING", ""),
            ("variance for std", "tf.sqrt(", "("),
            ("std for variance", "tf.exp(log", "tf.exp(0.5 * log"),
            ("uniform noise", "standard_normal(", "_uniform("),
            ("one noise for all images", "tf.shape(logits)", "tf.shape(logits)[1:]"),
            ("logits for means", "return pixel_mean(logits)", "return logits"),
        ],
        "ContinuousBernoulli.log_prob": [
            ("the likelihood of coins", "continuous_bernoulli_log_likelihood(x",
             "bernoulli_log_likelihood(x"),
        ],
        "ContinuousBernoulli.mean": [
            ("a gradient of 0 / 0", "tf.maximum(tf.abs(logits), 0.25)", "tf.abs(logits)"),
            ("no size for negative logits", "tf.maximum(tf.abs(logits)", "tf.maximum(logits"),
            ("the other sign of the size", "expm1(-size)", "expm1(size)"),
            ("a large size only", " - 1.0 / size", ""),
            ("black for white", "tf.where(logits < 0", "tf.where(logits > 0"),
            ("not mirrored", "tf.where(logits < 0, 1.0 - exact, exact)", "exact"),
            ("mirrored at 0", "1.0 - exact", "-exact"),
            ("no half", "0.5 + ", ""),
            ("24 for 12", "/ 12.0", "/ 24.0"),
            ("the coin's slope", "/ 12.0", "/ 4.0"),
            ("the first term only", " - logits**3 / 720.0", ""),
            ("the second term added", "- logits**3", "+ logits**3"),
            ("a square for the cube", "logits**3", "logits**2"),
            ("360 for 720", "720.0", "360.0"),
            ("no series", "tf.where(tf.abs(logits) < 0.25, series, exact)", "exact"),
            ("nothing but the series", "tf.where(tf.abs(logits) < 0.25, series, exact)", "series"),
            ("series and exact swapped", "series, exact)", "exact, series)"),
            ("the series for negative logits", "tf.where(tf.abs(logits)", "tf.where(logits"),
            ("the series too far", "< 0.25", "< 0.5"),
            ("the mean of a coin", "tf.where(tf.abs(logits) < 0.25, series, exact)",
             "pixel_mean(logits)"),
        ],
        "ContinuousBernoulli.sample": [
            ("the noise of z", "_of_pixels(seed)", "as_seed(seed)"),
            ("one draw for all images", "tf.shape(logits)", "tf.shape(logits)[1:]"),
            ("0 / 0", "tf.maximum(tf.abs(logits), 1e-3)", "tf.abs(logits)"),
            ("uniform near logit 0", "1e-3", "1.0"),
            ("u for 1 - u", "(1.0 - u)", "u"),
            ("the other sign of the size", "tf.exp(-size)", "tf.exp(size)"),
            ("not divided by the size", " / size", ""),
            ("black for white", "tf.where(logits < 0", "tf.where(logits > 0"),
            ("not mirrored", "tf.where(logits < 0, 1.0 - drawn, drawn)", "drawn"),
        ],
        "DiscretizedLogistic": [
            ("one number for each pixel", "parameters = 2", "parameters = 1"),
        ],
        "DiscretizedLogistic.log_prob": [
            ("pixels not rounded", "tf.round(LEVELS * x) / LEVELS", "x"),
            ("pixels rounded down", "tf.round(", "tf.floor("),
            ("levels for pixels", "tf.round(LEVELS * x) / LEVELS", "tf.round(LEVELS * x)"),
            ("256 for 255", "tf.round(LEVELS * x) / LEVELS", "tf.round(256.0 * x) / 256.0"),
            ("no least scale", " + LEAST_SCALE", ""),
            ("log scale for scale", "tf.exp(log_scale)", "log_scale"),
            ("a log variance", "tf.exp(log_scale)", "tf.exp(0.5 * log_scale)"),
            ("times the scale", "below = (level - 0.5 / LEVELS - middle) / scale",
             "below = (level - 0.5 / LEVELS - middle) * scale"),
            ("logits for the middle", "middle = pixel_mean(logits)", "middle = logits"),
            ("half a level lost below", "level - 0.5 / LEVELS", "level"),
            ("half a level lost above", "level + 0.5 / LEVELS", "level"),
            ("edges swapped", "below = (level - 0.5", "below = (level + 0.5"),
            ("logits for the middle, below", "level - 0.5 / LEVELS - middle",
             "level - 0.5 / LEVELS - logits"),
            ("logits for the middle, above", "level + 0.5 / LEVELS - middle",
             "level + 0.5 / LEVELS - logits"),
            ("a width below 0", "expm1(-1.0 / LEVELS", "expm1(1.0 / LEVELS"),
            ("exp for expm1", "tf.math.log(-tf.math.expm1(-1.0 / LEVELS / scale))",
             "tf.math.log(tf.exp(-1.0 / LEVELS / scale))"),
            ("the density for the probability",
             "tf.math.log(-tf.math.expm1(-1.0 / LEVELS / scale))", "-tf.math.log(scale)"),
            ("the width lost", "= inside + tf", "= tf"),
            ("the upper edge lost", "inside + tf.math.log_sigmoid(above) + ", "inside + "),
            ("the lower edge lost", " + tf.math.log_sigmoid(-below)\n", "\n"),
            ("the edges in each other's place",
             "inside + tf.math.log_sigmoid(above) + tf.math.log_sigmoid(-below)",
             "inside + tf.math.log_sigmoid(below) + tf.math.log_sigmoid(-above)"),
            ("the tail at level 0 missing",
             "tf.where(level <= 0, tf.math.log_sigmoid(above), log_p)", "log_p"),
            ("the tail at level 1 missing",
             "tf.where(level >= 1, tf.math.log_sigmoid(-below), log_p)", "log_p"),
            ("the other tail at level 0", "tf.where(level <= 0, tf.math.log_sigmoid(above)",
             "tf.where(level <= 0, tf.math.log_sigmoid(-above)"),
            ("the other tail at level 1", "tf.where(level >= 1, tf.math.log_sigmoid(-below)",
             "tf.where(level >= 1, tf.math.log_sigmoid(below)"),
            ("the half level lost at level 1", "level >= 1, tf.math.log_sigmoid(-below)",
             "level >= 1, tf.math.log_sigmoid(-0.5 * (below + above))"),
            ("level 1 missed", "level >= 1", "level > 1"),
            ("level 0 missed", "level <= 0", "level < 0"),
            ("a mean over pixels", "reduce_sum", "reduce_mean"),
            ("a sum over the minibatch", "axis=-1", "axis=0"),
            ("bits for nats", "tf.reduce_sum(log_p", "tf.reduce_sum(1.4426950408889634 * log_p"),
        ],
        "DiscretizedLogistic.mean": [
            ("no least scale", " + LEAST_SCALE", ""),
            ("logits for the middle", "pixel_mean(logits)", "logits"),
            ("the middle for the mean", "1.0 - scale * area", "middle"),
            ("the area not scaled", "scale * area", "area"),
            ("the area below 0 forgotten", " - tf.math.softplus(-middle / scale)", ""),
            ("the area below 0 added", "- tf.math.softplus(-", "+ tf.math.softplus(-"),
            ("the sign of the middle", "(-middle / scale)", "(middle / scale)"),
            ("an area beyond 1", "softplus((1.0 - middle)", "softplus((2.0 - middle)"),
        ],
        "DiscretizedLogistic.sample": [
            ("the noise of z", "_of_pixels(seed)", "as_seed(seed)"),
            ("one draw for all images", "tf.shape(logits)", "tf.shape(logits)[1:]"),
            ("no least scale", " + LEAST_SCALE", ""),
            ("logits for the middle", "pixel_mean(logits) + ", "logits + "),
            ("the noise not scaled", "scale * (", "("),
            ("normal for logistic", "(tf.math.log(u) - tf.math.log1p(-u))",
             "(math.sqrt(2.0) * tf.math.erfinv(2.0 * u - 1.0))"),
            ("the odds' product", "- tf.math.log1p(-u)", "+ tf.math.log1p(-u)"),
            ("pixels beyond white", "tf.clip_by_value(drawn, 0.0, 1.0)", "drawn"),
            ("draws not rounded", "tf.round(LEVELS * tf.clip_by_value(drawn, 0.0, 1.0)) / LEVELS",
             "tf.clip_by_value(drawn, 0.0, 1.0)"),
            ("draws rounded down", "tf.round(", "tf.floor("),
        ],
        "_uniform": [
            ("half the numbers", "1.0 - 2.0**-24", "0.5"),
            ("normal numbers", "stateless_uniform(shape, seed, 2.0**-24, 1.0 - 2.0**-24, ",
             "stateless_normal(shape, seed, "),
            ("numbers with a memory",
             "stateless_uniform(shape, seed, 2.0**-24, 1.0 - 2.0**-24, alg=generator())",
             "uniform(shape, 2.0**-24, 1.0 - 2.0**-24)"),
        ],
        "LIKELIHOODS": [
            ("coins for a density", '"gaussian": Gaussian', '"gaussian": Bernoulli'),
            ("not learned", ", learned=True", ""),
            ("another start", "variance=0.1, ", ""),
        ],
    },
}  # fmt: skip

EQUIVALENT = [
    ("loss", "kl_per_dimension", "tf.square(mean)", "mean * mean"),
    ("reparameterization", "reparameterize", "tf.exp(0.5 * log_var)", "tf.sqrt(tf.exp(log_var))"),
    ("decoder", "gaussian_log_likelihood", "tf.square(x - mean)", "(mean - x) ** 2"),
]


class SharpestFirst:
    """A plugin of pytest, so that a mistake shows sooner.

    Tests that name what is changed come first; of these, and of the others, first one case each.
    """

    def __init__(self, group):
        self.changed = {*group.split(".")}

    def pytest_collection_modifyitems(self, items):
        cases = Counter()
        turn = {}
        for item in items:
            named = self.changed.intersection(item.function.__code__.co_names)
            turn[item] = -len(named), cases[item.function]
            cases[item.function] += 1
        items.sort(key=turn.get)


@cache
def parsed(module):
    """A module's source, and its tree."""
    source = (ROOT / "vae_lib" / f"{module}.py").read_text()
    return source, ast.parse(source)


def span(source, node):
    """Where the lines of a statement or definition begin and end, decorators included."""
    lines = source.splitlines(keepends=True)
    first = min(each.lineno for each in (node, *getattr(node, "decorator_list", ())))
    return len("".join(lines[: first - 1])), len("".join(lines[: node.end_lineno]))


def names(node):
    """What a statement defines."""
    targets = getattr(node, "targets", [getattr(node, "target", node)])
    return [getattr(each, "name", getattr(each, "id", None)) for each in targets]


def place(module, group, right):
    """Where in a module the right text of a row stands."""
    source, node = parsed(module)
    for name in group.split("."):
        node = next(each for each in node.body if name in names(each))
    start, end = span(source, node)
    assert source.count(right, start, end) == 1, f"{right!r} has to occur once in {group}"
    return source.index(right, start, end)


@pytest.fixture
def run_tests_on(tmp_path, monkeypatch):
    """Run a module's tests with one text in it replaced; put everything back afterwards."""

    def run(module, group, right, wrong):
        (source, _), at = parsed(module), place(module, group, right)
        path = tmp_path / f"{module}.py"
        path.write_text(source[:at] + wrong + source[at + len(right) :])

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
        return pytest.main([*OPTIONS, *files], [SharpestFirst(group)])

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "group", "right", "wrong"),
    [
        pytest.param(module, group, right, wrong, id=f"{module}.{group}: {mistake}")
        for module, groups in MUTANTS.items()
        for group, rows in groups.items()
        for mistake, right, wrong in rows
    ],
)
def test_a_mistake_is_caught(module, group, right, wrong, run_tests_on):
    outcome = run_tests_on(module, group, right, wrong)
    assert outcome == pytest.ExitCode.TESTS_FAILED, f"no test notices {wrong!r} for {right!r}"


@pytest.mark.slow
@pytest.mark.parametrize(("module", "group", "right", "also_right"), EQUIVALENT)
def test_another_way_to_write_the_same_survives(module, group, right, also_right, run_tests_on):
    assert run_tests_on(module, group, right, also_right) == pytest.ExitCode.OK


@pytest.mark.parametrize("module", MUTANTS)
def test_every_statement_has_a_mistake(module):
    source, tree = parsed(module)
    changed = []
    for group, rows in MUTANTS[module].items():
        for _, right, _ in rows:
            at = place(module, group, right)
            changed.append((at, at + len(right)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Return):
            start, end = span(source, node)
            statement = source[start:end]
            assert any(start <= a and b <= end for a, b in changed), statement
