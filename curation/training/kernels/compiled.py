"""The compiled kernels of training; `curation.training.kernels.portable` says what each does."""

# Compiled functions are typed by what they are called with.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, assignment"

from __future__ import annotations

import numba
import numpy as np

_f32, _i32 = np.float32, np.int32
_ZERO, _HALF, _ONE, _TWO = _f32(0), _f32(0.5), _f32(1), _f32(2)
# exp(x) = 2^n exp(r) with |r| <= ln(2) / 2, by the minimax polynomial of the Cephes library: 2 units in the last place.
_LOG2E, _LN2_HIGH, _LN2_LOW = _f32(1.44269504), _f32(0.693359375), _f32(-2.12194440e-4)
_P0, _P1, _P2 = _f32(1.9875691500e-4), _f32(1.3981999507e-3), _f32(8.3334519073e-3)
_P3, _P4, _P5 = _f32(4.1665795894e-2), _f32(1.6666665459e-1), _f32(5.0000001201e-1)
_BIAS, _MANTISSA = _i32(127), _i32(23)

# Sums may be reordered so that they run in lanes; what is not finite must stay so, for training stops at it. A division
# by zero gives infinity, as in numpy: a check of each divisor would keep the loops from running in lanes.
_MODEL = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz", "arcp"}}
jit = numba.njit(**_MODEL)
# A function that is called, and not inlined, is other code in the process that has just compiled it than in one that
# finds both in the cache: its sums are then added up in another order, and the same training has other bits.
inline = numba.njit(forceinline=True, **_MODEL)


@jit
def pool(factors, log_weights, places, offsets, pooled, shares):
    """Fill in weighted means of rows and the share of each token."""
    width = factors.shape[1]
    for text in range(len(offsets) - 1):
        begin, end = offsets[text], offsets[text + 1]
        total = _ZERO
        for at in range(begin, end):
            weight = np.exp(log_weights[places[at]])
            shares[at] = weight
            total += weight
        mean = pooled[text]
        for column in range(width):
            mean[column] = _ZERO
        for at in range(begin, end):
            share = shares[at] / total
            shares[at] = share
            row = factors[places[at]]
            for column in range(width):
                mean[column] += share * row[column]


@jit
def pool_gradient(factors, places, offsets, shares, pooled, gradient, to_factors, to_weights):
    """Fill in the gradients of `pool` with regard to the factors and the logarithms of the weights."""
    width = factors.shape[1]
    to_factors[:] = _ZERO
    to_weights[:] = _ZERO
    for text in range(len(offsets) - 1):
        above, mean = gradient[text], pooled[text]
        middle = _ZERO
        for column in range(width):
            middle += above[column] * mean[column]
        for at in range(offsets[text], offsets[text + 1]):
            place, share = places[at], shares[at]
            row, below = factors[place], to_factors[place]
            product = _ZERO
            for column in range(width):
                product += above[column] * row[column]
                below[column] += share * above[column]
            to_weights[place] += share * (product - middle)


@jit
def adam_rows(weights, squares, last, rows, gradient, step, rate, decay, beta, epsilon):
    """Update the rows of a table and their second moments in place."""
    new = _ONE - beta
    correction = _ONE / (_ONE - _f32(beta**step))
    for number in range(len(rows)):
        at = rows[number]
        since = step - last[at]
        last[at] = step
        kept, old = _ONE - rate * decay * _f32(since), _f32(beta**since)
        weight, square, slopes = weights[at], squares[at], gradient[number]
        for column in range(weights.shape[1]):
            value = slopes[column]
            moment = old * square[column] + new * value * value
            square[column] = moment
            weight[column] = weight[column] * kept - rate * value / (np.sqrt(moment * correction) + epsilon)


@inline
def _exponentials(grams, scale, scales, kept, row, powers, as_float):
    """Fill in exp(scale * scales * grams) where kept; return the sum."""
    for column in range(len(grams)):
        value = grams[column] * scale * scales[column]
        whole = np.floor(value * _LOG2E + _HALF)
        rest = value - whole * _LN2_HIGH - whole * _LN2_LOW
        y = _P0
        y = y * rest + _P1
        y = y * rest + _P2
        y = y * rest + _P3
        y = y * rest + _P4
        y = y * rest + _P5
        row[column] = (y * rest * rest + rest + _ONE) * kept[column]
        powers[column] = (_i32(whole) + _BIAS) << _MANTISSA
    total = _ZERO
    for column in range(len(grams)):
        value = row[column] * as_float[column]
        row[column] = value
        total += value
    return total


@inline
def _gradients(grams, row, scale, scales, inverse, inverses, weight, to_candidates):
    """Overwrite one row of Gram matrix by its gradient; return the row's sum of gradient times score."""
    total = _ZERO
    for column in range(len(grams)):
        slope = row[column] * (inverse + inverses[column]) * weight * scale * scales[column]
        product = slope * grams[column]
        total += product
        to_candidates[column] += product
        grams[column] = slope
    return total


@jit
def soften(grams, scales_q, scales_c, kept, weights, to_queries, to_candidates, memory, powers, as_float):
    """Overwrite Gram matrices by the gradient of the loss with regard to them, summed from the last cell to the first.

    Returns the loss.
    """
    cells, exits, size, columns = grams.shape
    inverse, inverses, sums = np.empty(size, _f32), np.empty(columns, _f32), np.empty(columns, _f32)
    loss = 0.0
    for place in range(exits):
        for cell in range(cells - 1, -1, -1):
            matrix, scales, weight = grams[cell, place], scales_c[cell, place], weights[cell, place] / (2 * size)
            part = 0.0
            sums[:] = _ZERO
            for row in range(size):
                scale = scales_q[cell, place, row]
                part -= 2 * matrix[row, row] * scale * scales[row]
                total = _exponentials(matrix[row], scale, scales, kept[row], memory[row], powers, as_float)
                sums += memory[row]
                inverse[row] = _ONE / total
                part += np.log(total)
            inverses[:] = _ZERO
            for column in range(size):
                inverses[column] = _ONE / sums[column]
                part += np.log(sums[column])
            loss += part * weight
            below = to_candidates[cell, place]
            below[:] = _ZERO
            for row in range(size):
                # So that what follows gives the probabilities less two on the diagonal, one for each direction.
                memory[row, row] -= _TWO / (inverse[row] + inverses[row])
                scale = scales_q[cell, place, row]
                to_queries[cell, place, row] = _gradients(
                    matrix[row], memory[row], scale, scales, inverse[row], inverses, _f32(weight), below
                )
                if cell + 1 < cells:
                    matrix[row] += grams[cell + 1, place, row]
    return loss
