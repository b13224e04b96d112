"""The notebook that the book grew from, repaired, against the library.

Its TF1 graph stands here as it was written, with two changes: variables start from given
weights, and ε is fed in, so that both sides see the same.

The weights after one step are compared array by array, by their norms. In double precision
every single update is compared too. In single precision it cannot be: Adam's first step is
lr · g / (|g| + ε̂), which turns the rounding of a gradient near zero into a step. The bound
of 1e-5 is not idle: Keras computes 1 − 0.999 in single precision, which makes its first step
7e-6 shorter.
"""

import numpy as np
import pytest

import vae_lib.model
from vae_lib.model import VAE
from vae_lib.tensorflow_quietly import keras, tf
from vae_lib.training import train_step

tf1 = tf.compat.v1
MB_SIZE, Z_DIM = 64, 100
NODES = ("z_mu", "z_logvar", "logits", "recon_loss", "kl_loss", "vae_loss")


def run_notebook(weights, x, noise):
    """Run the notebook's graph for one step; return its nodes before it, its weights after."""
    with tf.Graph().as_default(), tf1.Session() as sess:
        X = tf1.placeholder(x.dtype, shape=[None, x.shape[1]])  # noqa: N806 (the notebook's names)
        eps = tf1.placeholder(x.dtype, shape=[None, Z_DIM])
        variables = [tf1.Variable(w) for w in weights]
        Q_W1, Q_b1, Q_W2_mu, Q_b2_mu, Q_W2_sigma, Q_b2_sigma = variables[:6]  # noqa: N806
        P_W1, P_b1, P_W2, P_b2 = variables[6:]  # noqa: N806

        def Q(X):  # noqa: N802, N803
            h = tf.nn.elu(tf.matmul(X, Q_W1) + Q_b1)
            z_mu = tf.matmul(h, Q_W2_mu) + Q_b2_mu
            z_logvar = tf.matmul(h, Q_W2_sigma) + Q_b2_sigma
            return z_mu, z_logvar

        def sample_z(mu, log_var):
            return mu + tf.exp(log_var / 2) * eps

        def P(z):  # noqa: N802
            h = tf.nn.elu(tf.matmul(z, P_W1) + P_b1)
            logits = tf.matmul(h, P_W2) + P_b2
            prob = tf.nn.sigmoid(logits)
            return prob, logits

        z_mu, z_logvar = Q(X)
        z_sample = sample_z(z_mu, z_logvar)
        _, logits = P(z_sample)
        cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(logits=logits, labels=X)
        recon_loss = tf.reduce_sum(cross_entropy, 1)
        kl_loss = 0.5 * tf.reduce_sum(tf.exp(z_logvar) + z_mu**2 - 1.0 - z_logvar, 1)
        vae_loss = tf.reduce_mean(recon_loss + kl_loss)
        solver = tf1.train.AdamOptimizer().minimize(vae_loss)

        sess.run(tf1.global_variables_initializer())
        feed = {X: x, eps: noise}
        before = sess.run([z_mu, z_logvar, logits, recon_loss, kl_loss, vae_loss], feed)
        sess.run(solver, feed)
        return dict(zip(NODES, before, strict=True)), sess.run(variables)


def step_by_fit(model, x):
    history = model.fit(x, batch_size=MB_SIZE, shuffle=False, verbose=0).history
    return [history[name][0] for name in ("loss", "reconstruction", "kl")]


@pytest.fixture(params=["float32", "float64"])
def precision(request):
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(request.param)
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(policy)


@pytest.fixture
def setting(precision, digits, monkeypatch):
    """A new model of the book's size, 64 digits, and what the notebook makes of both."""
    x = digits[:MB_SIZE].astype(precision)
    eps = np.random.default_rng(0).normal(size=(MB_SIZE, Z_DIM)).astype(precision)
    monkeypatch.setattr(vae_lib.model, "standard_normal", lambda shape, seed: tf.constant(eps))
    model = VAE()
    # TF1's default ε̂, which is the notebook's. Keras has it in the same place, but 1e-7.
    model.compile(keras.optimizers.Adam(epsilon=1e-8))
    return model, x, *run_notebook(model.get_weights(), x, eps)


def test_the_nodes_before_the_step_are_the_notebooks(setting):
    model, x, notebook, _ = setting
    outputs = model(x, training=True)
    reconstruction, kl = model.terms(x, outputs)
    ours = [outputs["mean"], outputs["log_var"], outputs["logits"], reconstruction, kl]
    for value, name in zip(ours, NODES, strict=False):
        expected = notebook[name]
        assert value.dtype == expected.dtype == x.dtype
        np.testing.assert_allclose(value, expected, rtol=0, atol=1e-5 * abs(expected).max())


@pytest.mark.parametrize("step", [train_step, pytest.param(step_by_fit, marks=pytest.mark.slow)])
def test_one_step_reports_the_notebooks_losses_and_gives_its_weights(setting, step):
    model, x, notebook, after = setting
    before = model.get_weights()
    expected = [notebook[name].mean() for name in ("vae_loss", "recon_loss", "kl_loss")]
    np.testing.assert_allclose(step(model, x), expected, rtol=1e-5)
    for ours, theirs, start in zip(model.get_weights(), after, before, strict=True):
        assert np.linalg.norm(ours - theirs) <= 1e-5 * np.linalg.norm(theirs)
        if x.dtype == np.float64:  # then not only the weights, but every single update
            update = theirs - start
            np.testing.assert_allclose(ours - start, update, rtol=0, atol=1e-5 * abs(update).max())
