"""The encoder against a forward pass in NumPy, and its first weights against their distribution."""

import numpy as np
import pytest
from scipy import stats

from vae_lib.encoder import Encoder


def built(**sizes):
    encoder = Encoder(**sizes)
    encoder.build((None, 784))
    return encoder


def elu(a):
    return np.where(a > 0, a, np.exp(np.minimum(a, 0)) - 1)


def test_the_encoder_is_one_elu_layer_and_two_linear_heads(digits):
    encoder = built(z_dim=5, h_dim=16)
    rng = np.random.default_rng(0)
    encoder.set_weights([rng.normal(scale=0.3, size=w.shape) for w in encoder.get_weights()])
    w, b, w_mean, b_mean, w_log_var, b_log_var = (a.astype(float) for a in encoder.get_weights())
    x = digits[:64]
    mean, log_var = encoder(x)
    h = elu(x @ w + b)
    assert (h < 0).any()
    assert mean.shape == log_var.shape == (64, 5)
    np.testing.assert_allclose(mean, h @ w_mean + b_mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(log_var, h @ w_log_var + b_log_var, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("layer", "fan_in"), [(0, 784), (1, 128), (2, 128)])
def test_weights_start_normal_with_variance_two_over_fan_in_not_truncated(layer, fan_in):
    encoder = built()
    kernel, bias = [*encoder.hidden, encoder.mean, encoder.log_var][layer].get_weights()
    sigma = np.sqrt(2 / fan_in)
    assert abs(kernel.std() / sigma - 1) < 4 / np.sqrt(2 * kernel.size)
    assert stats.kstest(kernel.ravel(), stats.norm(0, sigma).cdf).pvalue > 0.01
    tail = 2 * stats.norm.sf(2)  # a truncated normal has nothing there
    margin = 4 * np.sqrt(tail / kernel.size)
    assert abs(np.mean(np.abs(kernel) > 2 * sigma) - tail) < margin
    assert not bias.any()


def test_the_heads_start_differently():
    encoder = built()
    mean, log_var = encoder.mean.get_weights()[0], encoder.log_var.get_weights()[0]
    assert abs(np.corrcoef(mean.ravel(), log_var.ravel())[0, 1]) < 4 / np.sqrt(mean.size)
