"""Numbers that keyed draws know things by: the same in every arm of a what-if, whatever a scenario inserts or drops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from omsim.model.business import Business


def base_numbers(business: Business, table: str, *key: str) -> NDArray[np.int64]:
    """Number of each row of a table: its row in the model before the scenario, new ones behind all of those.

    Parameters
    ----------
    key : str
        Text columns that tell the table's rows apart.

    Returns
    -------
    int64, shape (n_rows,)
    """
    columns = [business[table].texts(column) for column in key]
    if business.base is None:
        return np.arange(len(columns[0]), dtype=np.int64)
    before = zip(*(business.base[table].texts(column) for column in key), strict=True)
    known = {row: number for number, row in enumerate(before)}
    return np.array([known.setdefault(row, len(known)) for row in zip(*columns, strict=True)], dtype=np.int64)
