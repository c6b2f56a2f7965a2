"""Arrays by name from the files people keep them in: npz, npy, csv."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from symdiff.errors import ArgumentError

__all__ = ["read_arrays"]


def read_arrays(path: str, wanted: Sequence[str]) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays in a file, by input name.

    - ``.npz``: the arrays by their names;
    - ``.npy``: one array, for the one input there is, or for the input named like the file;
    - ``.csv``: a header of names and rows of numbers; a column named like an input is that
      input, and columns ``X0, X1, …`` (or ``X_0, X_1, …``) are the columns of a matrix ``X``.

    Pickled objects are never loaded. Raises `ArgumentError` naming the file.
    """
    file = Path(path)
    try:
        match file.suffix.lower():
            case ".npz":
                with np.load(file, allow_pickle=False) as archive:
                    return {name: archive[name] for name in archive.files if name in wanted}
            case ".npy":
                name = wanted[0] if len(wanted) == 1 else file.stem
                return {name: np.load(file, allow_pickle=False)}
            case ".csv":
                return _csv(file, wanted)
    except (OSError, ValueError, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ArgumentError(f"{path}: {reason}") from error
    raise ArgumentError(f"{path}: data comes as .npz, .npy or .csv")


def _csv(file: Path, wanted: Sequence[str]) -> dict[str, np.ndarray[Any, Any]]:
    with file.open(encoding="utf-8-sig") as stream:
        header = [name.strip() for name in stream.readline().split(",")]
        table = np.loadtxt(stream, delimiter=",", ndmin=2)
    if table.size and table.shape[1] != len(header):
        raise ArgumentError(
            f"{file}: {len(header)} names in the first line, {table.shape[1]} columns below it"
        )
    columns = dict(zip(header, table.T, strict=True)) if table.size else {}
    found = {}
    for name in wanted:
        if name in columns:
            found[name] = columns[name]
            continue
        for pattern in ("{}{}", "{}_{}"):
            first = 0 if pattern.format(name, 0) in columns else 1
            parts: list[np.ndarray[Any, Any]] = []
            while pattern.format(name, first + len(parts)) in columns:
                parts.append(columns[pattern.format(name, first + len(parts))])
            if parts:
                found[name] = np.stack(parts, axis=1)
                break
    return found
