"""One source of chance per part of the city, so that a change in one does not disturb the others."""

from enum import IntEnum

import numpy as np


class Part(IntEnum):
    """What is drawn apart from everything else."""

    HOUSEHOLDS = 1
    NAMES = 2
    WORK = 3
    GATES = 4
    TRAVELLERS = 5
    ROUTINES = 6
    OUTBREAK = 7


def chance(seed: int, part: Part, number: int = 0) -> np.random.Generator:
    """Return a part's generator; `number` tells apart what a part draws several times, such as its days."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(part, number)))
