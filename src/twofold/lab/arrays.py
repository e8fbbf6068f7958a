"""Arrays in JSON: their bytes in base 64, which a page reads at once."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def packed(array: Array, dtype: str = "f4") -> dict[str, Any]:
    """Return shape, type (``"f4"`` or ``"u1"``) and bytes of an array, fit for JSON."""
    data = np.ascontiguousarray(array, dtype="u1" if dtype == "u1" else "<f4")
    return {"shape": list(data.shape), "type": dtype, "data": base64.b64encode(data.tobytes()).decode()}
