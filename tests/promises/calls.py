"""Each public function of `vae_lib` that takes arrays, with arguments that are right."""

import base64
import functools

import matplotlib.pyplot as plt
import numpy as np

from vae_lib import (
    decoder,
    evaluation,
    images,
    latent_space,
    loss,
    plots,
    rate_distortion,
    reparameterization,
    tighter_bounds,
    training,
    uses,
)
from vae_lib.data import images as gate
from vae_lib.data import load_images, load_mnist
from vae_lib.model import VAE
from vae_lib.panels import completer, explorer, quantization, trainer
from vae_lib.panels import panel as panels
from vae_lib.panels import rate_distortion as panel
from vae_lib.tensorflow_quietly import keras

RNG = np.random.default_rng(0)
X = np.float32(RNG.uniform(0.1, 0.9, (4, 16)))
COINS = np.float32(X > 0.5)
PICTURES = X.reshape(4, 4, 4, 1)
Z = np.float32(RNG.normal(size=(4, 2)))
Q = {"mean": np.float32(RNG.normal(size=(4, 2))), "log_var": np.float32(RNG.normal(size=(4, 2)))}
LABELS = np.array([0, 1, 0, 1])
EIGHT = np.float32(RNG.normal(size=(8, 2)))
LINEAR = evaluation.LinearGaussian(RNG.normal(size=(16, 2)), RNG.normal(size=16), 0.5)


@functools.cache
def model(kind="bernoulli"):
    """A small one."""
    made = {
        "class": lambda: uses.ConditionalVAE(2, 4, 16, classes=3),
        "pixels": lambda: rate_distortion.AutoregressiveVAE(1, 2, z_dim=2, h_dim=4, x_dim=16),
        "digits": lambda: VAE(2, 3, 784),
        "small digits": lambda: VAE(2, 3, 196),
    }.get(kind, lambda: VAE(2, 4, 16))()
    made.compile(keras.optimizers.Adam())
    return made


@functools.cache
def network():
    """A small one in whole numbers."""
    return quantization.quantize(model())


def method(make, name):
    """A method of an object that is made at the first call."""

    def call(**given):
        return getattr(make(), name)(**given)

    call.__qualname__ = name
    return call


def variables_of(made):
    """All that training changes: weights, noise, and where the optimizer stands."""
    return [*made.variables, *made.optimizer.variables]


@functools.cache
def start():
    """A model to train, and where it begins."""
    made = model("trained")
    return made, [variable.numpy() for variable in variables_of(made)]


def started(function):
    """A call of a model that begins each time at the same weights and noise."""

    def call(**given):
        made, begin = start()
        for variable, value in zip(variables_of(made), begin, strict=True):
            variable.assign(value)
        return function(made, **given)

    return call


def method_of_keras(name):
    """A method that Keras has, too."""

    def call(made, **given):
        quiet = {} if name.endswith("batch") else {"verbose": 0}
        quiet |= {"shuffle": False} if name == "fit" else {}
        done = getattr(made, name)(**given, **quiet)
        return getattr(done, "history", done)

    return started(call)


def drawn(plot):
    """What a figure shows, in numbers."""

    def call(**given):
        figure = plot(**given)
        try:
            (ax,) = figure.axes
            shown = [each.get_array() for each in ax.images]
            shown += [each.get_offsets() for each in ax.collections]
            return [np.ma.filled(each, np.nan).ravel() for each in shown]
        finally:
            plt.close(figure)

    return call


def panel_of(make):
    """The pixels that a panel shows."""

    def call(**given):
        data = make(**given).data
        pixels = base64.b64decode(data.get("digits", data.get("samples")))
        return [np.frombuffer(pixels, np.uint8)]

    return call


DIGITS = np.float32(RNG.uniform(0, 1, (64, 784)).round(1))
SMALL_DIGITS = np.float32(RNG.uniform(0, 1, (4, 196)) > 0.5)
TOLD = uses.with_class(X, LABELS, 3)
MESSAGE = uses.BitsBack(model()).write(COINS)
WITH_SEED = {"n": 2, "seed": 0}
LOGITS = {"logits": np.float32(RNG.normal(size=(4, 16)))}
SCALES = {"log_scale": np.float32(RNG.normal(size=(4, 16)))}
VARIANCES = {"log_variance": np.float32(RNG.normal(size=(4, 16)))}

CALLS = {
    "loss.kl_divergence": (loss.kl_divergence, Q),
    "loss.kl_per_dimension": (loss.kl_per_dimension, Q),
    "loss.log_ratio": (loss.log_ratio, {"z": Z, **Q}),
    "loss.elbo": (loss.elbo, {"log_likelihood": X[:, 0], "kl": X[:, 1]}),
    "decoder.pixel_mean": (decoder.pixel_mean, LOGITS),
    "decoder.bernoulli_log_likelihood": (decoder.bernoulli_log_likelihood, {"x": X, **LOGITS}),
    "decoder.binarize": (decoder.binarize, {"x": X, "seed": (0, 1)}),
    "decoder.gaussian_log_likelihood": (
        decoder.gaussian_log_likelihood,
        {"x": X, "mean": X[::-1], "variance": 0.5},
    ),
    "decoder.continuous_bernoulli_log_likelihood": (
        decoder.continuous_bernoulli_log_likelihood,
        {"x": X, **LOGITS},
    ),
    "decoder.Bernoulli.log_prob": (method(decoder.Bernoulli, "log_prob"), {"x": X, **LOGITS}),
    "decoder.Gaussian": (decoder.Gaussian, {"variance": 0.5}),
    "decoder.Gaussian.log_prob": (method(decoder.Gaussian, "log_prob"), {"x": X, **LOGITS}),
    "decoder.PixelGaussian.log_prob": (
        method(decoder.PixelGaussian, "log_prob"),
        {"x": X, **LOGITS, **VARIANCES},
    ),
    "decoder.ContinuousBernoulli.log_prob": (
        method(decoder.ContinuousBernoulli, "log_prob"),
        {"x": X, **LOGITS},
    ),
    "decoder.Bernoulli.mean": (method(decoder.Bernoulli, "mean"), LOGITS),
    "decoder.Gaussian.mean": (method(decoder.Gaussian, "mean"), LOGITS),
    "decoder.PixelGaussian.mean": (
        lambda logits: decoder.PixelGaussian().mean(logits, **VARIANCES),  # which it needs not
        LOGITS,
    ),
    "decoder.ContinuousBernoulli.mean": (method(decoder.ContinuousBernoulli, "mean"), LOGITS),
    "decoder.DiscretizedLogistic.log_prob": (
        method(decoder.DiscretizedLogistic, "log_prob"),
        {"x": X, **LOGITS, **SCALES},
    ),
    "decoder.DiscretizedLogistic.mean": (
        method(decoder.DiscretizedLogistic, "mean"),
        {**LOGITS, **SCALES},
    ),
    "decoder.Bernoulli.sample": (
        method(decoder.Bernoulli, "sample"),
        {"seed": (0, 1), **LOGITS},
    ),
    "decoder.Gaussian.sample": (
        method(decoder.Gaussian, "sample"),
        {"seed": (0, 1), **LOGITS},
    ),
    "decoder.ContinuousBernoulli.sample": (
        method(decoder.ContinuousBernoulli, "sample"),
        {"seed": (0, 1), **LOGITS},
    ),
    "decoder.PixelGaussian.sample": (
        method(decoder.PixelGaussian, "sample"),
        {"seed": (0, 1), **LOGITS, **VARIANCES},
    ),
    "decoder.DiscretizedLogistic.sample": (
        method(decoder.DiscretizedLogistic, "sample"),
        {"seed": (0, 1), **LOGITS, **SCALES},
    ),
    "decoder.start_at_mean": (
        decoder.start_at_mean,
        {"decoder": VAE(2, 4, 16).decoder, "x": X},
    ),
    "reparameterization.reparameterize": (reparameterization.reparameterize, {**Q, "eps": Z}),
    "reparameterization.standard_normal": (
        functools.partial(reparameterization.standard_normal, (2,)),
        {"seed": (0, 1)},
    ),
    "evaluation.log_evidence": (evaluation.log_evidence, {"linear": LINEAR, "x": X}),
    "evaluation.exact_posterior": (evaluation.exact_posterior, {"linear": LINEAR, "x": X}),
    "evaluation.linear_elbo": (
        evaluation.linear_elbo,
        {"linear": LINEAR, "x": X, "mean": Z, "covariance": np.eye(2)},
    ),
    "evaluation.fit_ppca": (evaluation.fit_ppca, {"x": X, "z_dim": 2, "variance": 0.1}),
    "evaluation.log_joint": (
        evaluation.log_joint,
        {"model": model(), "x": X, "z": Z[:, None]},
    ),
    "evaluation.importance_weighted_bound": (
        evaluation.importance_weighted_bound,
        {"model": model(), "x": X, "n_samples": 2, "seed": 0},
    ),
    "images.draw_factors": (images.draw_factors, {"n": 2, "seed": 0}),
    "images.draw_shapes": (
        images.draw_shapes,
        {"factors": images.draw_factors(2), "side": 8},
    ),
    "images.halvings": (images.halvings, {"height": 28, "width": 28}),
    "images.channels": (images.channels, {"steps": 3, "width": 8}),
    "images.images_named": (
        functools.partial(images.images_named, "shapes"),
        {"size": 4, "color": "gray"},
    ),
    "images.bits_per_dimension": (
        images.bits_per_dimension,
        {"nats": X[:, 0], "x_shape": (4, 4)},
    ),
    "images.mean_image_loss": (
        images.mean_image_loss,
        {"likelihood": decoder.Bernoulli(), "x_train": X, "x": X[::-1]},
    ),
    "images.pca_error": (images.pca_error, {"x_train": X, "x": X[:2], "z_dim": 2}),
    "images.linear_loss": (
        images.linear_loss,
        {"likelihood": decoder.Gaussian(), "x_train": X, "x": X[:2], "z_dim": 2},
    ),
    "images.nearest": (images.nearest, {"images": X[:2], "among": X}),
    "latent_space.prior_grid": (latent_space.prior_grid, {"side": 3, "mass": 0.9}),
    "latent_space.interpolate": (
        latent_space.interpolate,
        {"first": Z[0], "second": Z[1], "count": 3},
    ),
    "latent_space.slerp": (latent_space.slerp, {"first": Z[0], "second": Z[1], "count": 3}),
    "latent_space.traverse": (
        latent_space.traverse,
        {"z": Z[0], "dimension": 1, "values": Z[:, 0]},
    ),
    "latent_space.active_units": (latent_space.active_units, {"mean": Z, "threshold": 0.01}),
    "latent_space.aggregate_log_density": (latent_space.aggregate_log_density, {"z": Z, **Q}),
    "loss.Objective": (
        loss.Objective,
        {"beta": 1.5, "warm_up": 2, "free_bits": 0.5, "n_samples": 2},
    ),
    "model.VAE": (
        functools.partial(VAE, h_dim=2),
        {"z_dim": 2, "x_dim": 4, "likelihood": "gaussian", "variance": 0.5, "seed": 1},
    ),
    "model.VAE.encode": (method(model, "encode"), {"x": X}),
    "model.VAE.decode": (method(model, "decode"), {"z": Z}),
    "model.VAE.reconstruct": (method(model, "reconstruct"), {"x": X}),
    "model.VAE.fit": (
        method_of_keras("fit"),
        {"x": X, "validation_data": X[::-1]},
    ),
    "model.VAE.evaluate": (method_of_keras("evaluate"), {"x": X}),
    "model.VAE.predict": (method_of_keras("predict"), {"x": X}),
    "model.VAE.train_on_batch": (method_of_keras("train_on_batch"), {"x": X}),
    "model.VAE.test_on_batch": (method_of_keras("test_on_batch"), {"x": X}),
    "model.VAE.predict_on_batch": (method_of_keras("predict_on_batch"), {"x": X}),
    "model.VAE.compile": (
        functools.partial(VAE(2, 4, 16).compile, "sgd"),
        {"loss": loss.Objective(), "metrics": None},
    ),
    "model.VAE.sample": (method(model, "sample"), WITH_SEED),
    "model.VAE.restart": (method(model, "restart"), {"seed": 1}),
    "plots.as_pictures": (plots.as_pictures, {"images": X}),
    "plots.digit_grid": (drawn(plots.digit_grid), {"images": X, "columns": 2, "size": 0.8}),
    "plots.latent_map": (
        drawn(functools.partial(plots.latent_map, dimensions=[0, 1])),
        {"mean": Z, "labels": LABELS},
    ),
    "plots.numbered_classes": (
        functools.partial(plots.numbered_classes, count=4),
        {"labels": LABELS},
    ),
    "rate_distortion.leads": (
        rate_distortion.leads,
        {"rate": X[0, :3], "distortion": X[1, :3], "betas": X[2, :3]},
    ),
    "rate_distortion.water_filling": (
        rate_distortion.water_filling,
        {"variances": np.array([3.0, 2.0, 1.0]), "level": 1.5, "z_dim": 2},
    ),
    "rate_distortion.information": (rate_distortion.information, {**Q, "seed": 0, "draws": 2}),
    "rate_distortion.AdjustableObjective": (
        rate_distortion.AdjustableObjective,
        {"beta": 1.5, "warm_up": 2, "period": 4, "free_bits": 0.5},
    ),
    "rate_distortion.AdjustableObjective.turn": (
        method(rate_distortion.AdjustableObjective, "turn"),
        {"beta": 1.5, "warm_up": 2, "period": 4, "free_bits": 0.5},
    ),
    "rate_distortion.binned_information": (
        rate_distortion.binned_information,
        {"a": EIGHT[:, 0], "b": EIGHT[:, 1], "bins": 2},
    ),
    "rate_distortion.mutual_information_gap": (
        rate_distortion.mutual_information_gap,
        {"codes": EIGHT, "factors": EIGHT[:, ::-1], "bins": 2},
    ),
    "rate_distortion.PacedAdam.pace": (
        method(lambda: rate_distortion.PacedAdam(0.1, model().encoder), "pace"),
        {"encoder": 0.5, "decoder_every": 2},
    ),
    "rate_distortion.AutoregressiveVAE": (
        functools.partial(rate_distortion.AutoregressiveVAE, z_dim=2, h_dim=2, x_dim=4),
        {"reach": 1, "units": 2},
    ),
    "rate_distortion.AutoregressiveVAE.draw": (
        method(functools.partial(model, "pixels"), "draw"),
        {"z": Z, "seed": 0},
    ),
    "rate_distortion.EarlierPixels": (
        rate_distortion.EarlierPixels,
        {"units": 2, "reach": 1},
    ),
    "tighter_bounds.own_images": (
        tighter_bounds.own_images,
        {"model": model(), **WITH_SEED},
    ),
    "tighter_bounds.DoublyReparameterized": (
        tighter_bounds.DoublyReparameterized,
        {"n_samples": 2},
    ),
    "tighter_bounds.signal_to_noise": (tighter_bounds.signal_to_noise, {"gradients": Z}),
    "tighter_bounds.sandwich": (
        tighter_bounds.sandwich,
        {"model": model(), "x": X, "z": Z, "n_samples": 2},
    ),
    "training.minibatch_order": (
        training.minibatch_order,
        {"n": 10, "batch_size": 2, "start": 0, "stop": 3, "seed": 0},
    ),
    "training.train": (
        started(functools.partial(training.train, batch_size=2)),
        {
            "x": X,
            "iterations": 2,
            "report_every": 1,
            "binarize": False,
            "seed": 0,
            "validation": X[::-1],
            "patience": 3,
            "every": 1,
        },
    ),
    "uses.ConditionalVAE": (
        functools.partial(uses.ConditionalVAE, h_dim=2),
        {"z_dim": 2, "x_dim": 4, "classes": 3, "seed": 0},
    ),
    "uses.ConditionalVAE.encode": (
        method(functools.partial(model, "class"), "encode"),
        {"x": TOLD},
    ),
    "uses.ConditionalVAE.reconstruct": (
        method(functools.partial(model, "class"), "reconstruct"),
        {"x": TOLD},
    ),
    "uses.ConditionalVAE.sample": (
        method(functools.partial(model, "class"), "sample"),
        WITH_SEED,
    ),
    "uses.LinearClassifier.__call__": (
        uses.least_squares(EIGHT, np.arange(8) % 2, 2),
        {"features": EIGHT},
    ),
    "uses.BitsBack": (uses.BitsBack, {"model": model(), "seed": 0}),
    "uses.BitsBack.write": (uses.BitsBack(model()).write, {"x": COINS}),
    "uses.BitsBack.read": (
        uses.BitsBack(model()).read,
        {"words": MESSAGE, "count": 4},
    ),
    "uses.with_class": (uses.with_class, {"x": X, "y": LABELS, "classes": 3}),
    "uses.ConditionalVAE.decode": (
        lambda z, y: model("class").decode(z, y),
        {"z": Z, "y": LABELS},
    ),
    "uses.fit_to_seen": (
        uses.fit_to_seen,
        {"model": model(), "x": X, "seen": COINS[0], "steps": 2},
    ),
    "uses.draw_completions": (
        uses.draw_completions,
        {"model": model(), "x": X, "seen": COINS[0], "code": np.stack([Z, Z]), "n_samples": 2},
    ),
    "uses.normalized": (uses.normalized, {"log_weight": Z}),
    "uses.auroc": (uses.auroc, {"odd": Z[:, 0], "usual": Z[:, 1]}),
    "uses.least_squares": (
        uses.least_squares,
        {"features": EIGHT, "labels": np.arange(8) % 2, "classes": 2},
    ),
    "uses.same_class_share": (
        uses.same_class_share,
        {"codes": Z, "labels": LABELS, "among": Z[::-1], "their": LABELS, "count": 2},
    ),
    "uses.neighbors": (uses.neighbors, {"codes": Z, "among": Z[::-1], "count": 2}),
    "data.load_mnist": (
        lambda source, flat: load_mnist(source, flat=flat).x_test[:2],
        {"source": "small", "flat": True},
    ),
    "data.images.as_images": (functools.partial(gate.as_images, x_shape=(16,)), {"x": X}),
    "data.load_images": (
        load_images,
        {"source": PICTURES, "color": False, "held_out": 0.5, "seed": 0},
    ),
    "panels.completer.Completer": (
        panel_of(functools.partial(completer.Completer, model("small digits"))),
        {"x": SMALL_DIGITS, "labels": LABELS},
    ),
    "panels.explorer.Explorer": (
        panel_of(functools.partial(explorer.Explorer, {1: quantization.quantize(model("digits"))})),
        {"x": DIGITS[:4], "labels": LABELS},
    ),
    "panels.trainer.Trainer": (panel_of(trainer.Trainer), {"x": DIGITS}),
    "panels.panel.images_for_a_page": (panels.images_for_a_page, {"x": DIGITS[:4]}),
    "panels.panel.checked_labels": (
        functools.partial(panels.checked_labels, count=4),
        {"labels": LABELS},
    ),
    "panels.quantization.quantize": (quantization.quantize, {"model": model()}),
    "panels.quantization.QuantizedVAE.encode": (method(network, "encode"), {"x": X}),
    "panels.quantization.QuantizedVAE.decode_logits": (method(network, "decode_logits"), {"z": Z}),
    "panels.quantization.gray_bytes": (quantization.gray_bytes, {"x": X}),
    "panels.rate_distortion.RateDistortion": (
        panel.RateDistortion,
        {
            "betas": np.array([0.5, 1.0]),
            "rates": X[:2, :3],
            "distortions": X[:2, 0],
            "x": X[:2],
            "restored": np.stack([X[:2], X[2:]]),
        },
    ),
}

CHECKED = "a check that the functions below it call, or what they tell of"
IN_A_GRAPH = "called in a graph, for each minibatch, with what was checked before"
OF_FIGURES = "draws what other functions returned, by label"
RESULTS = "holds what a function has returned"
LAYERS = "a layer, whose arguments its model checks, and whose inputs Keras"
# Public names without a call of their own, and why.
WITHOUT = {
    "model.load_model": "opens files: test_files.py",
    "model.VAE.save": "Keras's, which checks its arguments",
    "images.diagnose": RESULTS,
    "rate_distortion.PacedAdam": "an optimizer, whose learning rate Keras checks",
    "decoder.Likelihood": "has no formula of its own",
    "decoder.Likelihood.log_prob": "has no formula of its own",
    "decoder.Likelihood.mean": "has no formula of its own",
    "decoder.Likelihood.sample": "has no formula of its own",
    "plots.use_book_style": "takes nothing",
    "panels.explorer.Coordinates": "the widget's own value: tests/panels/test_explorer.py",
}
WITHOUT |= dict.fromkeys(
    [
        "model.check_compiled",
        "model.check_plain",
        "model.check_trainable",
        "model.VAE.checked_images",
        "uses.ConditionalVAE.checked_images",
        "model.images_of",
        "model.variables_of",
    ],
    CHECKED,
)
WITHOUT |= dict.fromkeys(
    [
        "model.VAE.noise_shape",
        "model.VAE.outputs_of",
        "model.VAE.logits_of",
        "model.VAE.log_likelihood",
        "model.VAE.parameters_in",
        "model.VAE.terms",
        "model.VAE.objective",
        "model.VAE.losses_of",
        "loss.Objective.weigh",
        "loss.Objective.beta_at",
        "rate_distortion.AdjustableObjective.beta_at",
        "tighter_bounds.DoublyReparameterized.weigh",
        "rate_distortion.AutoregressiveVAE.log_likelihood",
        "rate_distortion.PacedAdam.update_step",
        "uses.ConditionalVAE.logits_of",
        "uses.ConditionalVAE.log_likelihood",
        "training.train_step",
        "training.compile_steps",
    ],
    IN_A_GRAPH,
)
WITHOUT |= dict.fromkeys(
    [
        "plots.save_digit_grid",
        "plots.digit_rows",
        "plots.loss_curves",
        "plots.bars",
        "plots.seed_curves",
        "plots.seed_bars",
        "plots.rate_distortion",
        "plots.seed_dots",
    ],
    OF_FIGURES,
)
WITHOUT |= dict.fromkeys(
    [
        "images.Factors",
        "images.Facts",
        "uses.Completions",
        "uses.LinearClassifier",
        "evaluation.LinearGaussian",
    ],
    RESULTS,
)
WITHOUT |= dict.fromkeys(
    [
        "encoder.Encoder",
        "decoder.Decoder",
        "images.ConvEncoder",
        "images.ConvDecoder",
    ],
    LAYERS,
)
