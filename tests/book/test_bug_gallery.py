"""The mistakes that the page on debugging shows are read from it, and do what it says of them."""

import ast
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

PAGE = ROOT / "chapters" / "debugging.md"
DEFINITIONS = re.compile(r"^(class |mistakes = |def failed_tests\(|def trainable\()", re.M)

# For each mistake the test of the page that is meant to catch it.
CAUGHT = {
    "a mean over pixels": "reconstruction",
    "no gradient through the draw": "gradient",
    "a mean over latent dimensions": "KL",
    "σ without its ½": "noise",
    "σ without its exp": "noise",
    "a negated KL term": "KL",
    "pixels from −1 to 1": "reconstruction",
    "sigmoid twice": "reconstruction",
    "a KL term without its ½": "KL",
    "one ε for all images": "noise",
}


def definitions():
    """Yield the page's cells that define programs, mistakes and tests, without their checks."""
    for cell in jupytext.read(PAGE, fmt="md:myst").cells:
        if cell.cell_type == "code" and DEFINITIONS.search(cell.source):
            kept = [
                node
                for node in ast.parse(cell.source).body
                if not isinstance(node, ast.Expr | ast.For)
            ]
            yield "\n\n\n".join(ast.unparse(node) for node in kept) + "\n"


@pytest.fixture(scope="module")
def page(digits):
    """What the page's cells define, with the fixture's digits in place of its own."""
    names = {
        "VAE": VAE,
        "__name__": "page",  # of which Python makes the classes' module
        "bernoulli_log_likelihood": bernoulli_log_likelihood,
        "check": None,
        "digits": SimpleNamespace(x_train=digits, x_test=digits),
        "images": digits[:256],
        "keras": keras,
        "kl_divergence": kl_divergence,
        "np": np,
        "standard_normal": standard_normal,
        "tf": tf,
    }
    for i, source in enumerate(definitions()):
        path = f"debugging-{i}.py"  # where TensorFlow looks up what it compiles
        linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
        exec(compile(source, path, "exec"), names)
    return SimpleNamespace(**names)


@pytest.fixture(scope="module")
def made(page):
    """Make a program, by the name of its mistake, with the same weights and noise each time."""
    models = {}

    def make(name=None, seed=0):
        if name not in models:
            program = page.mistakes[name] if name else page.Program
            models[name] = program(z_dim=20, h_dim=64)
        models[name].restart(seed)
        return models[name]

    return make


@pytest.fixture
def run(made, digits):
    """Run a program, by the name of its mistake, on 64 digits."""

    def terms(name=None, x=digits[:64]):
        return [np.array(part) for part in made(name).run(x)]

    return terms


@pytest.fixture
def code(made, digits):
    """The mean and the log-variance of 64 digits, by the same weights."""
    return [part.numpy() for part in made().encoder(digits[:64])]


def test_the_gallery_is_the_one_that_is_tested(page):
    assert list(page.mistakes) == list(CAUGHT)


def test_each_mistake_replaces_one_step_by_one_line(page):
    """Which the page shows, for it is the code that runs."""
    classes = {
        node.name: node
        for source in definitions()
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef)
    }
    steps = {node.name for node in classes["Program"].body} - {"run"}
    for mistake in page.mistakes.values():
        (base,), (method,) = classes[mistake.__name__].bases, classes[mistake.__name__].body
        assert base.id == "Program"
        assert method.name in steps
        (line,) = method.body
        assert isinstance(line, ast.Return)


def test_the_correct_program_is_what_the_formulas_say(made, run, code, digits):
    mean, log_var = (part.astype(float) for part in code)
    reconstruction, kl, z = run()
    noise = (z - mean) / np.exp(0.5 * log_var)
    assert abs(noise.mean()) < 0.12
    assert abs(noise.std() - 1) < 0.1
    np.testing.assert_allclose(
        kl, 0.5 * (np.exp(log_var) + mean**2 - 1 - log_var).sum(1), rtol=1e-4
    )
    x, p = digits[:64], 1 / (1 + np.exp(-made().decoder(z).numpy().astype(float)))
    np.testing.assert_allclose(
        reconstruction, -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum(1), rtol=1e-4
    )


def test_the_correct_program_costs_784_log_2_where_all_logits_are_zero(made, digits):
    model = made()
    model.decoder.set_weights([0 * w for w in model.decoder.get_weights()])
    reconstruction, *_ = model.run(digits[:64])
    np.testing.assert_allclose(reconstruction, 784 * np.log(2), rtol=1e-4)


def test_square_images_are_the_same_as_rows(run, digits):
    for rows, squares in zip(run(), run(x=digits[:64].reshape(64, 28, 28)), strict=True):
        np.testing.assert_array_equal(rows, squares)


@pytest.mark.parametrize(
    ("name", "part", "factor"),
    [
        ("a mean over pixels", 0, 1 / 784),
        ("a mean over latent dimensions", 1, 1 / 20),
        ("a negated KL term", 1, -1),
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


@pytest.mark.parametrize("name", [None, "no gradient through the draw"])
def test_a_stopped_gradient_leaves_the_values_and_takes_the_encoders_gradient(
    made, run, digits, name
):
    for mine, theirs in zip(run(name), run(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    model = made(name)
    with tf.GradientTape() as tape:
        reconstruction, *_ = model.run(digits[:64])
    slopes = tape.gradient(reconstruction, model.encoder.trainable_variables)
    assert all(slope is None for slope in slopes) == (name is not None)


def with_all_logits(model, logit):
    """Let a model return the same logit for every pixel, whatever the code."""
    kernel, bias, last, _ = model.decoder.get_weights()
    model.decoder.set_weights([kernel, bias, 0 * last, np.full(784, logit)])
    return model


def test_sigmoid_twice_predicts_no_pixel_below_one_half(made):
    paper = np.zeros((64, 784), np.float32)
    for logit in (-100.0, 0.0, 100.0):
        right, wrong = (
            with_all_logits(made(name), logit).run(paper)[0].numpy()
            for name in (None, "sigmoid twice")
        )
        assert (wrong >= 784 * np.log(2) * 0.9999).all()
    assert (right > 100 * 784 * 0.99).all()


def test_paper_at_minus_one_is_rewarded_without_end(made):
    paper = np.zeros((64, 784), np.float32)
    for name, wanted in ((None, 0.0), ("pixels from −1 to 1", -50.0)):
        reconstruction, *_ = with_all_logits(made(name), -50.0).run(paper)
        np.testing.assert_allclose(reconstruction, 784 * wanted, atol=1e-3)


def test_with_one_eps_the_noise_of_a_minibatch_does_not_average_out(made, digits):
    jumps = {
        name: np.std([np.mean(model.run(digits[:64])[0]) for _ in range(40)])
        for name, model in ((name, made(name)) for name in (None, "one ε for all images"))
    }
    assert jumps["one ε for all images"] > 2 * jumps[None]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_four_tests_pass_the_program_and_catch_each_mistake(page, made, digits, seed):
    x = digits[122 * seed : 122 * seed + 256]
    assert page.failed_tests(made(None, seed), x) == []
    for name in page.mistakes:
        failed = page.failed_tests(made(name, seed), x)
        assert CAUGHT[name] in failed
        if name != "pixels from −1 to 1":  # there the encoder sees another image
            assert failed == [CAUGHT[name]]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_what_lazier_tests_would_pass(page, digits, seed):
    for program, culprit in ((page.OffCenter, "noise"), (page.DeafMean, "gradient")):
        model = program(z_dim=20, h_dim=64, seed=seed)
        assert page.failed_tests(model, digits[:256]) == [culprit]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_what_all_four_tests_pass(page, digits, seed):
    same, free = (make(z_dim=20, h_dim=64, seed=seed) for make in (page.SameSeed, page.NoPrice))
    for model in (same, free):
        assert page.failed_tests(model, digits[:256]) == []
    first, second = (same.run(digits[:64])[2] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    with tf.GradientTape() as tape:
        kl = free.run(digits[:64])[1]
    assert tape.gradient(kl, free.encoder.trainable_variables) == [None] * 6


@pytest.fixture(scope="module")
def trained(page, digits):
    """Train with a program for 200 steps; its last report, and the truth of the model."""

    def history(name=None):
        model = page.trainable(page.mistakes[name] if name else page.Program)
        told = train(model, digits, 200, report_every=50)
        parts = VAE.terms(model, digits, model(digits))
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
    told, _ = trained("a negated KL term")
    assert told["kl"] < -1000
    assert told["reconstruction"] > 0
    told, _ = trained("pixels from −1 to 1")
    assert told["reconstruction"] < -1000
    assert told["kl"] > 0


@pytest.mark.slow
def test_no_pixel_below_one_half_is_a_plateau(trained):
    told, _ = trained("sigmoid twice")
    assert told["loss"] > 0.95 * 784 * np.log(2)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a mean over latent dimensions", "σ without its ½"])
def test_a_code_that_is_too_cheap_is_reported_better_than_it_is(trained, name):
    told, true = trained(name)
    assert told["loss"] < trained()[0]["loss"] - 3
    assert true["loss"] > trained()[1]["loss"] + 1


@pytest.mark.slow
def test_a_kl_term_that_counts_twice_is_shorter(trained):
    _, true = trained("a KL term without its ½")
    assert true["kl"] < 0.9 * trained()[1]["kl"]
