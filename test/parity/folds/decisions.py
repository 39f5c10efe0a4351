"""Choices that a fold makes by comparing numbers. Each refuses a case in which single precision could choose otherwise."""

# Of the largest value that is compared; rounding of single precision is about 1e-6 of it behind a few blocks.
MARGIN = 2e-5


def ordered(values, count):
    """Positions of the `count` largest, the largest first; their order counts, so all of them and the next must be apart."""
    order = sorted(range(len(values)), key=lambda i: -values[i])
    apart([values[i] for i in order[: count + 1]], values)
    return order[:count]


def largest(values, count, alike=False, scale=None):
    """Positions of the `count` largest, ascending; only which ones they are counts. `alike`: exactly equal values may stand for each other. `scale`: of what the values are differences."""
    order = sorted(range(len(values)), key=lambda i: -values[i])
    edge = [values[i] for i in order[max(count - 1, 0) : count + 1]] if count > 0 else []
    if not (alike and len(set(edge)) < 2):
        apart(edge, values, scale)
    return sorted(order[:count])


def smallest(values, count):
    return largest([-v for v in values], count)


def above(values, threshold):
    """For each value whether it is larger."""
    for v in values:
        close(v - threshold, max(abs(threshold), abs(v)))
    return [v > threshold for v in values]


def whole(x):
    """The whole number below, of one that is not close to the next."""
    close(x - round(x), 1.0) if abs(x - round(x)) > 1e-9 else None
    return int(x)


def apart(found, values, scale=None):
    scale = max((abs(v) for v in values if v > -1e20), default=1.0) if scale is None else scale
    for a, b in zip(found, found[1:]):
        close(a - b, scale)


def close(gap, scale):
    if not abs(gap) > MARGIN * scale:
        raise ValueError(f"a decision at {gap:.1e} of {scale:.1e}: take another seed")
