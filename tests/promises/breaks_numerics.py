"""Mistakes that the tests of numerics must notice."""

HERE = "tests/promises/test_numerics.py"

BREAKS = [
    (
        "Weights that the last step before a checkpoint made NaN or infinite are never saved.",
        f"{HERE}::test_a_last_step_that_breaks_the_weights_is_not_saved",
        "vae_lib/training.py",
        "        _check_weights(self.model, self.at, stop, kept)\n",
        "",
    ),
    (
        "A training that goes astray stops within a report, and names the last good checkpoint: "
        "tried with three kinds of broken weights.",
        f"{HERE}::test_what_goes_astray_after_a_checkpoint_names_it",
        "vae_lib/training.py",
        '"" if saved is None else saved.last()',
        '""',
    ),
    (
        "The KL term and its gradient agree with 150 digits, to 1e-5 of the value or 1e-6, at 203 "
        "log-variances from -60 to 60.",
        f"{HERE}::test_a_formula_and_its_gradient_are_those_of_150_digits",
        "vae_lib/loss.py",
        "tf.exp(log_var) + tf.square(mean)",
        "tf.exp(tf.minimum(log_var, 50.0)) + tf.square(mean)",
    ),
    (
        "So do the log-ratio of importance weights and its gradients, where the square of the "
        "variance is no number of single precision.",
        f"{HERE}::test_a_formula_and_its_gradient_are_those_of_150_digits",
        "vae_lib/loss.py",
        "tf.square(z - mean) * tf.exp(-log_var)",
        "tf.square(z - mean) / tf.exp(log_var)",
    ),
    (
        "So do the likelihoods of coins and of the continuous Bernoulli, in four shades, at 203 "
        "logits from -80 to 80.",
        f"{HERE}::test_a_formula_and_its_gradient_are_those_of_150_digits",
        "vae_lib/decoder.py",
        "tf.math.log1p(-tf.exp(-size))",
        "tf.math.log(tf.exp(size) - 1.0) - size",
    ),
]
