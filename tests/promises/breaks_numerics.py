"""Mistakes that the tests of numerics must notice."""

HERE = "tests/promises/test_numerics.py"
DIGITS = f"{HERE}::test_a_formula_and_its_gradients_are_those_of_150_digits"

BREAKS = [
    (
        "Weights that the last step before a checkpoint made NaN or infinite are never saved.",
        f"{HERE}::test_a_last_step_that_breaks_the_weights_is_not_saved",
        "vae_lib/training.py",
        "check_training(sums.sum(), variables_of(self.model), ",
        "check_finite(sums.sum(), ",
        "DID NOT RAISE FloatingPointError",
    ),
    (
        "A training whose weights become NaN or infinite stops no later than at its next report, "
        "and names the last good checkpoint.",
        f"{HERE}::test_what_goes_astray_after_a_checkpoint_names_it",
        "vae_lib/training.py",
        '"" if saved is None else saved.last()',
        '""',
        "assert 'checkpoint-000000004.npz' in",
    ),
    (
        "At a learning rate of 10 the sentence says between which iterations the loss broke, and "
        "what to try; all that was reported before is finite.",
        f"{HERE}::test_a_learning_rate_of_ten_stops_within_a_report",
        "vae_lib/support/astray.py",
        "between iterations {start} and {stop}",
        "between iterations {stop} and {stop}",
        "assert 4 == 6",
    ),
    (
        "Keras's own loop, `fit`, stops at the end of an epoch in which a loss or a weight became "
        "NaN or infinite, before a callback saves it.",
        f"{HERE}::test_keras_own_loop_stops_at_the_epoch_and_saves_nothing_astray",
        "vae_lib/model.py",
        "[_Watch(), *tf.nest.flatten(callbacks or [])]",
        "[*tf.nest.flatten(callbacks or []), _Watch()]",
        "'3.keras'",
    ),
    (
        "Machines that train together stop no later than at the next report; tried with one "
        "worker only.",
        f"{HERE}::test_machines_that_train_together_stop_within_a_report",
        "vae_lib/distributed/__init__.py",
        "            check_training(sums.sum(), variables_of(model), start, stop)\n",
        "",
        "DID NOT RAISE FloatingPointError",
    ),
    (
        "The report of a sweep says which run went astray, and between which iterations; the "
        "others are in its tables as ever.",
        f"{HERE}::test_the_report_of_runs_says_which_went_astray_and_where",
        "vae_lib/runs/report.html",
        "</span> {{ row.error }}</td>",
        "</span></td>",
        "not enough values to unpack (expected 1, got 0)",
    ),
    (
        "Images of one shade, for which a learned variance would shrink to 0, train to finite "
        "numbers and get no less likely: tried with six likelihoods and three shades, at a "
        "learning rate of 0.1.",
        f"{HERE}::test_constant_pixels_train_to_finite_numbers_and_get_likelier",
        "vae_lib/decoder.py",
        "pixel_mean(logits), tf.exp(log_variance) + ROUNDING)",
        "pixel_mean(logits), tf.exp(log_variance))",
        "the loss became nan",
    ),
    (
        "In half precision, losses are computed in single; where `train` could not scale them, it "
        "refuses in one sentence.",
        f"{HERE}::test_half_precision_is_refused_or_has_its_losses_in_single",
        "vae_lib/model.py",
        "if isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer):",
        "if False:",
        "DID NOT RAISE ValueError",
    ),
    (
        "The KL term and its gradients agree with 150 digits, at 203 log-variances from -60 to 60.",
        DIGITS,
        "vae_lib/loss.py",
        "series, tf.exp(t) - 1.0 - t)",
        "series, tf.exp(tf.minimum(t, 50.0)) - 1.0 - t)",
        "<= np.float64(",
    ),
    (
        "They agree also near a variance of 1, where the terms of the KL cancel, and in graphs of "
        "XLA.",
        DIGITS,
        "vae_lib/loss.py",
        "tf.where(tf.abs(t) < 0.25, series, tf.exp(t) - 1.0 - t)",
        "tf.exp(t) - 1.0 - t",
        "<= np.float64(",
    ),
    (
        "The log-ratio of importance weights and its gradients agree with 150 digits, also where "
        "the square of the variance is no number of single precision.",
        DIGITS,
        "vae_lib/loss.py",
        "tf.square(z - mean) * tf.exp(-log_var)",
        "tf.square(z - mean) / tf.exp(log_var)",
        "isfinite",
    ),
    (
        "The likelihoods of coins and of the continuous Bernoulli agree with 150 digits, at 203 "
        "pairs of a logit from -80 to 80 and one of four shades.",
        DIGITS,
        "vae_lib/decoder.py",
        "tf.math.log1p(-tf.exp(-size))",
        "tf.math.log(tf.exp(size) - 1.0) - size",
        "<= np.float64(",
    ),
    (
        "The likelihood of a Gaussian around a pixel's mean, of one variance or of each pixel's "
        "own, agrees with 150 digits, also where a pixel is so white that 1 less its mean is 0 in "
        "single precision.",
        DIGITS,
        "vae_lib/decoder.py",
        "tf.sigmoid(a) * tf.sigmoid(-a)",
        "tf.sigmoid(a) * (1.0 - tf.sigmoid(a))",
        "<= np.float64(",
    ),
    (
        "The likelihood of 256 levels, a discretized logistic, agrees with 150 digits, at scales "
        "up to a tenth of the way from black to white.",
        DIGITS,
        "vae_lib/decoder.py",
        "inside + tf.math.log_sigmoid(above) + tf.math.log_sigmoid(-below)",
        "tf.math.log(tf.sigmoid(above) - tf.sigmoid(below) + 1e-12)",
        "<= np.float64(",
    ),
]
