"""The latent space: grids and ways through it, units in use, and the density of all codes (ch. 7).

NumPy in double precision. Sources: White, "Sampling Generative Networks", 2016, for the way along
a sphere; Burda, Grosse and Salakhutdinov, "Importance Weighted Autoencoders", 2016, for active
units; Hoffman and Johnson, "ELBO Surgery", 2016, for the aggregate posterior.
"""

from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_lib.support.numbers import between, finite, log_variances, whole

Array = NDArray[Any]
AT_ONCE = 4_000_000  # densities in memory at a time: 32 MB


def prior_grid(side: int, mass: float) -> Array:
    """Lay a square grid over the plane such that N(0, I) has equal mass between its lines.

    Args:
        side: grid points along each dimension, from 2.
        mass: of the prior inside the square that the grid spans, between 0 and 1.

    Returns:
        The points row by row from the top left, as in a picture of the plane, `(side², 2)`.

    Raises:
        ValueError: an argument is not what it may be.
    """
    side, mass = whole("side", side, 2, 4096), between("mass", mass, 0, 1)
    middle = np.sqrt(mass)  # of the mass of one dimension
    levels = np.linspace((1 - middle) / 2, (1 + middle) / 2, side)  # (side,)
    ticks = np.array([NormalDist().inv_cdf(level) for level in levels])  # (side,), ascending
    across, up = np.meshgrid(ticks, ticks[::-1])  # (side, side) each
    return np.stack([across.ravel(), up.ravel()], axis=1)  # (side², 2)


def interpolate(first: ArrayLike, second: ArrayLike, count: int) -> Array:
    """Walk along the straight line between two latent vectors, shape `(z_dim,)` each.

    Returns:
        Evenly spaced points, ends included, shape `(count, z_dim)`.

    Raises:
        ValueError: an argument is not what it may be.
    """
    first, second = _ends(first, second)
    count = whole("count", count, 1)
    t = np.linspace(0, 1, count)[:, None]  # (count, 1)
    return np.asarray((1 - t) * first + t * second)  # (count, z_dim)


def slerp(first: ArrayLike, second: ArrayLike, count: int) -> Array:
    """Walk from one latent vector to another along an arc: spherical linear interpolation.

    Ends of one length stay at that length all the way. Where both point the same way, the arc is
    a straight line.

    Args:
        first: shape `(z_dim,)`.
        second: shape `(z_dim,)`.
        count: number of points, ends included.

    Returns:
        Points at equal angles, shape `(count, z_dim)`.

    Raises:
        ValueError: an argument is not what it may be; an end is zero, or they point opposite
            ways: no arc is the shortest then.
    """
    first, second = _ends(first, second)
    count = whole("count", count, 1)
    lengths = np.linalg.norm(first) * np.linalg.norm(second)
    if lengths == 0:
        raise ValueError(
            "first or second, an end of the arc, was the zero vector; it may be any other"
        )
    angle = np.arccos(np.clip(first @ second / lengths, -1, 1))
    if np.pi - angle < 1e-6:
        raise ValueError(
            "first and second, the ends of the arc, pointed opposite ways; go through a third point"
        )
    if angle < 1e-6:
        return interpolate(first, second, count)
    t = np.linspace(0, 1, count)[:, None]  # (count, 1)
    arc = np.sin((1 - t) * angle) * first + np.sin(t * angle) * second  # (count, z_dim)
    return np.asarray(arc / np.sin(angle))


def traverse(z: ArrayLike, dimension: int, values: ArrayLike) -> Array:
    """Copy a latent vector, with other values in one of its dimensions.

    Args:
        z: shape `(z_dim,)`.
        dimension: which one to change, counted from 0.
        values: what to put there, shape `(count,)`.

    Returns:
        One copy for each value, shape `(count, z_dim)`.

    Raises:
        ValueError: an argument is not as above, or there is no such dimension.
    """
    z, values = finite("z", z, "(z_dim,)"), finite("values", values, "(count,)")
    if z.ndim != 1 or values.ndim != 1:
        raise ValueError(
            f"z and values had the shapes {z.shape} and {values.shape}; they may be (z_dim,) and "
            "(count,)"
        )
    dimension = whole("dimension", dimension, 0, len(z) - 1)
    copies = np.tile(z, (len(values), 1))  # (count, z_dim)
    copies[:, dimension] = values
    return copies


def active_units(mean: ArrayLike, threshold: float = 0.01) -> Array:
    """Which latent dimensions are in use: those whose mean varies from image to image.

    Args:
        mean: the means of q(z|x) for many images, shape `(n, z_dim)`.
        threshold: a variance above it counts as use.

    Returns:
        True or False for each dimension, shape `(z_dim,)`.

    Raises:
        ValueError: there are no two images to vary between, or the threshold is not positive.
    """
    mean, threshold = finite("mean", mean, "(n, z_dim)"), between("threshold", threshold, 0)
    if mean.ndim != 2 or len(mean) < 2:
        raise ValueError(f"mean had the shape {mean.shape}; it may be (n, z_dim), n from 2")
    return np.asarray(mean.var(axis=0) > threshold)  # (z_dim,)


def aggregate_log_density(z: ArrayLike, mean: ArrayLike, log_var: ArrayLike) -> Array:
    """Compute log q̄(z), where q̄ is the average of N(mean, diag exp(log_var)) over n images.

    The cost is that of `len(z) * n` densities. Memory is bounded, whatever their number.

    Args:
        z: where, shape `(batch, z_dim)`.
        mean: the means of q(z|x) for the images, shape `(n, z_dim)`.
        log_var: their log-variances, shape `(n, z_dim)`.

    Returns:
        The log-density at each z in nats, shape `(batch,)`.

    Raises:
        ValueError: the shapes do not belong together.
    """
    z, mean = finite("z", z, "(batch, z_dim)"), finite("mean", mean, "(n, z_dim)")
    shape = finite("log_var", log_var, "(n, z_dim)").shape
    if mean.shape != shape or z.ndim != 2 or z.shape[1:] != mean.shape[1:] or not mean.size:
        raise ValueError(
            f"z, mean and log_var had the shapes {z.shape}, {mean.shape} and {shape}; they may be "
            "(batch, z_dim), (n, z_dim) and (n, z_dim)"
        )
    log_var = log_variances(log_var, mean.shape)
    # (z − μ)² / σ² is expanded, so that the sum over dimensions is two products of matrices.
    precision = np.exp(-log_var)  # (n, z_dim)
    constant = np.sum(mean**2 * precision + log_var + np.log(2 * np.pi), axis=1)  # (n,)
    parts = np.array_split(z, -(-len(z) * len(mean) // AT_ONCE) or 1)
    sums = [
        _log_mean_exp(-0.5 * (part**2 @ precision.T - 2 * part @ (mean * precision).T + constant))
        for part in parts
    ]
    return np.concatenate(sums)  # (batch,)


def _ends(first: ArrayLike, second: ArrayLike) -> tuple[Array, Array]:
    """Both ends of a way as vectors; refuse others, which would broadcast unnoticed."""
    first, second = finite("first", first, "(z_dim,)"), finite("second", second, "(z_dim,)")
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(
            f"first and second, the ends, had the shapes {first.shape} and {second.shape}; both "
            "may be (z_dim,)"
        )
    return first, second


def _log_mean_exp(values: Array) -> Array:
    """Compute log(mean(exp(values))) of each row, without overflow, `(batch, n)` -> `(batch,)`."""
    highest = np.max(values, axis=1)  # (batch,)
    return np.asarray(highest + np.log(np.mean(np.exp(values - highest[:, None]), axis=1)))
