"""The mistakes that chapter 5 shows are read from its page, and do what it says of them."""

import functools
import linecache
import re
from types import SimpleNamespace

import jupytext
import numpy as np
import pytest

from tests.helpers import ROOT
from vae_lib.decoder import bernoulli_log_likelihood
from vae_lib.loss import kl_divergence
from vae_lib.model import VAE
from vae_lib.reparameterization import standard_normal
from vae_lib.tensorflow_quietly import keras, tf
from vae_lib.training import train

CHAPTER = ROOT / "chapters" / "05-loss.md"
DEFINITIONS = re.compile(
    r"^(program = |def build\(|mistakes = |mistake\(|def failed_tests\()", re.M
)

# For each mistake the test of the chapter that is meant to catch it.
CAUGHT = {
    "a mean over pixels": "reconstruction",
    "no gradient through the draw": "gradient",
    "a mean over latent dimensions": "KL",
    "σ without its ½": "noise",
    "σ without its exp": "noise",
    "a KL term with its sign turned": "KL",
    "pixels from −1 to 1": "reconstruction",
    "sigmoid twice": "reconstruction",
    "a KL term without its ½": "KL",
    "one ε for all images": "noise",
}


@pytest.fixture(scope="module")
def page(digits):
    """What the chapter's cells define, with the fixture's digits in the place of its own."""
    names = {
        "VAE": VAE,
        "Markdown": str,
        "bernoulli_log_likelihood": bernoulli_log_likelihood,
        "digits": SimpleNamespace(x_train=digits, x_test=digits),
        "display": lambda text: names["shown"].append(text),
        "kl_divergence": kl_divergence,
        "np": np,
        "shown": [],
        "standard_normal": standard_normal,
        "tf": tf,
    }
    for i, cell in enumerate(jupytext.read(CHAPTER, fmt="md:myst").cells):
        if cell.cell_type == "code" and DEFINITIONS.search(cell.source):
            path = f"05-loss-{i}.py"  # where TensorFlow looks up what it compiles
            lines = cell.source.splitlines(keepends=True)
            linecache.cache[path] = (len(cell.source), None, lines, path)
            exec(compile(cell.source, path, "exec"), names)
    return SimpleNamespace(**names)


@pytest.fixture
def run(page, digits):
    """Run a program, by the name of its mistake, with the same weights and noise each time."""

    def terms(name=None, x=digits[:64]):
        page.planted.restart(0)
        text = page.mistakes[name] if name else page.program
        return [np.array(part) for part in page.build(text)(page.planted, x)]

    return terms


@pytest.fixture
def code(page, digits):
    """The mean and the log-variance of 64 digits, by the same weights."""
    page.planted.restart(0)
    return [part.numpy() for part in page.planted.encoder(digits[:64])]


def test_the_gallery_is_the_one_that_is_tested(page):
    assert list(page.mistakes) == list(CAUGHT)


def test_each_mistake_is_one_line_and_the_page_shows_it(page):
    right = page.program.splitlines()
    for (name, text), shown in zip(page.mistakes.items(), page.shown, strict=True):
        changed = [(a, b) for a, b in zip(right, text.splitlines(), strict=True) if a != b]
        ((before, after),) = changed
        difference = f"- {before.strip()}\n+ {after.strip()}"
        assert shown == f"**{name}**\n```diff\n{difference}\n```"


def test_the_correct_program_is_what_the_formulas_say(page, run, code, digits):
    mean, log_var = (part.astype(float) for part in code)
    reconstruction, kl, z = run()
    noise = (z - mean) / np.exp(0.5 * log_var)
    assert abs(noise.mean()) < 0.12
    assert abs(noise.std() - 1) < 0.1
    np.testing.assert_allclose(
        kl, 0.5 * (np.exp(log_var) + mean**2 - 1 - log_var).sum(1), rtol=1e-4
    )
    x, p = digits[:64], 1 / (1 + np.exp(-page.planted.decoder(z).numpy().astype(float)))
    np.testing.assert_allclose(
        reconstruction, -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum(1), rtol=1e-4
    )


def test_the_correct_program_costs_784_log_2_where_all_logits_are_zero(page, digits):
    page.planted.restart(0)
    page.planted.decoder.set_weights([0 * w for w in page.planted.decoder.get_weights()])
    reconstruction, *_ = page.build(page.program)(page.planted, digits[:64])
    np.testing.assert_allclose(reconstruction, 784 * np.log(2), rtol=1e-4)


def test_square_images_are_the_same_as_rows(run, digits):
    for rows, squares in zip(run(), run(x=digits[:64].reshape(64, 28, 28)), strict=True):
        np.testing.assert_array_equal(rows, squares)


@pytest.mark.parametrize(
    ("name", "part", "factor"),
    [
        ("a mean over pixels", 0, 1 / 784),
        ("a mean over latent dimensions", 1, 1 / 20),
        ("a KL term with its sign turned", 1, -1),
        ("a KL term without its ½", 1, 2),
    ],
)
def test_a_lost_factor_is_that_factor_and_changes_nothing_else(run, name, part, factor):
    wanted = run()
    wanted[part] = factor * wanted[part]
    for mine, theirs in zip(run(name), wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "sigma"),
    [
        ("σ without its ½", lambda log_var: np.exp(log_var)),
        ("σ without its exp", lambda log_var: log_var),
    ],
)
def test_a_wrong_sigma_scales_the_same_noise(run, code, name, sigma):
    mean, log_var = code
    _, kl, z = run()
    eps = (z - mean) / np.exp(0.5 * log_var)
    _, wrong_kl, wrong_z = run(name)
    np.testing.assert_allclose(wrong_z, mean + sigma(log_var) * eps, atol=1e-4)
    np.testing.assert_array_equal(wrong_kl, kl)  # it charges as before


def test_with_one_eps_all_images_share_their_noise(run, code):
    mean, log_var = code
    for name, spread in (("one ε for all images", 0), (None, 1)):
        noise = (run(name)[2] - mean) / np.exp(0.5 * log_var)
        np.testing.assert_allclose(noise.std(0), spread, atol=1e-3 if name else 0.4)


def test_a_stopped_gradient_leaves_the_values_and_takes_the_encoders_gradient(page, run, digits):
    for mine, theirs in zip(run("no gradient through the draw"), run(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    for text, blind in (
        (page.program, False),
        (page.mistakes["no gradient through the draw"], True),
    ):
        with tf.GradientTape() as tape:
            reconstruction, *_ = page.build(text)(page.planted, digits[:64])
        slopes = tape.gradient(reconstruction, page.planted.encoder.trainable_variables)
        assert all(slope is None for slope in slopes) == blind


def test_sigmoid_twice_predicts_no_pixel_below_one_half(page, digits):
    paper = np.zeros((64, 784), np.float32)
    for logit in (-100.0, 0.0, 100.0):
        costs = {}
        for name, text in (("right", page.program), ("wrong", page.mistakes["sigmoid twice"])):
            kernel, bias, last, _ = page.planted.decoder.get_weights()
            page.planted.decoder.set_weights([kernel, bias, 0 * last, np.full(784, logit)])
            costs[name] = page.build(text)(page.planted, paper)[0].numpy()
        assert (costs["wrong"] >= 784 * np.log(2) * 0.9999).all()
    assert (costs["right"] > 100 * 784 * 0.99).all()


def test_paper_at_minus_one_is_rewarded_without_end(page):
    paper = np.zeros((64, 784), np.float32)
    kernel, bias, last, _ = page.planted.decoder.get_weights()
    page.planted.decoder.set_weights([kernel, bias, 0 * last, np.full(784, -50.0)])
    for name, wanted in ((None, 0.0), ("pixels from −1 to 1", -50.0)):
        text = page.mistakes[name] if name else page.program
        reconstruction, *_ = page.build(text)(page.planted, paper)
        np.testing.assert_allclose(reconstruction, 784 * wanted, atol=1e-3)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_four_tests_pass_the_program_and_catch_each_mistake(page, digits, seed):
    page.planted.restart(seed)
    x = digits[64 * seed : 64 * seed + 64]
    assert page.failed_tests(page.build(page.program), page.planted, x) == []
    for name, text in page.mistakes.items():
        failed = page.failed_tests(page.build(text), page.planted, x)
        assert CAUGHT[name] in failed
        if name != "pixels from −1 to 1":  # there the encoder sees another image
            assert failed == [CAUGHT[name]]


@pytest.fixture(scope="module")
def trained(page, digits):
    """Train with a program for 200 steps; its last report, and the truth of the model."""

    def history(name=None):
        page.planted.restart(0)
        page.planted.program = page.build(page.mistakes[name] if name else page.program)
        page.planted.compile(keras.optimizers.Adam(1e-3))
        told = train(page.planted, digits, 200, report_every=50)
        parts = VAE.terms(page.planted, digits, page.planted(digits))
        reconstruction, kl = (float(tf.reduce_mean(part)) for part in parts)
        true = {"loss": reconstruction + kl, "reconstruction": reconstruction, "kl": kl}
        return {part: told[part][-1] for part in true}, true

    return functools.cache(history)


@pytest.mark.slow
def test_what_the_correct_program_reports_is_the_truth(trained):
    told, true = trained()
    assert abs(told["loss"] - true["loss"]) < 15
    assert true["kl"] > 5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a mean over pixels", "no gradient through the draw"])
def test_the_code_falls_silent(trained, name):
    _, true = trained(name)
    assert true["kl"] < 1
    assert true["loss"] > trained()[1]["loss"] + 20


@pytest.mark.slow
def test_the_number_is_too_good(trained):
    told, true = trained("σ without its exp")
    assert told["loss"] < trained()[0]["loss"] - 5
    assert true["loss"] > trained()[1]["loss"] + 20


@pytest.mark.slow
def test_the_loss_falls_without_end(trained):
    told, _ = trained("a KL term with its sign turned")
    assert told["kl"] < -1000
    assert told["reconstruction"] > 0
    told, _ = trained("pixels from −1 to 1")
    assert told["reconstruction"] < -1000
    assert told["kl"] > 0
