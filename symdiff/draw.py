"""`to_dot` and `to_svg`: what outputs are computed from, as a picture."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from symdiff.errors import ArgumentError, MissingDependencyError, SymdiffError
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.render.dot import dot_text
from symdiff.render.drawing import Wishes, drawing
from symdiff.trees import flatten_with_paths

__all__ = ["MOST_NODES", "to_dot", "to_svg"]

MOST_NODES: Final = 300
"""Nodes of the largest drawing that is made unless more are asked for."""


def to_dot(
    outputs: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    collapse: bool | str | Callable[[Node], str | None] | None = None,
    max_nodes: int | None = MOST_NODES,
    long_edges: bool = False,
    title: str | None = None,
) -> str:
    """What `outputs` are computed from in DOT, the language of Graphviz.

    Arguments:

    - `outputs`, a node, nested nodes, or a graph, which is drawn whole;
    - `path`, a file to write as well;
    - `collapse`: True or ``"elementwise"`` folds elementwise nodes with one consumer into it,
      if that is elementwise too, as one box with their formulas; a function that takes a node
      and gives a label, or None, folds the nodes of one label (and order of differentiation);
    - `max_nodes`, the most nodes to draw: by turns those nearest to the outputs and to the
      inputs; the others are counted in one box for each order. None draws all;
    - `long_edges`: True draws every edge to where it comes from. Otherwise a second or higher
      derivative shows what it takes from lower orders as tags with their numbers;
    - `title`, a line above the drawing.

    Inputs are ellipses, outputs have a double outline, sums of gradient contributions are
    hexagons; forward nodes, gradients and each higher order have a frame and a tint. Numbers
    are those of `sd.text`. Solid edges are operands, labelled by position where the op does
    not commute; dashed ones join a node and the gradient with respect to it.

    Returns the text. Raises `ArgumentError` for anything but nodes and for a file that cannot
    be written.

    >>> import symdiff as sd
    >>> x = sd.Graph("doc").input("x", sd.f64[()])
    >>> y = sd.sin(x)
    >>> text = sd.to_dot([y, sd.grad(y, x)])
    >>> [line.strip() for line in text.splitlines() if "->" in line]
    ['n0 -> n1;', 'n0 -> n3;', 'n0 -> n3 [constraint=true, minlen=0, weight=2];']
    """
    graph, nodes, named = _drawn(outputs)
    wishes = Wishes(_folding(collapse), _most(max_nodes), long_edges)
    text = dot_text(drawing(nodes, named, wishes), graph.name, title)
    if path is not None:
        _write(Path(path), text)
    return text


def to_svg(
    outputs: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    collapse: bool | str | Callable[[Node], str | None] | None = None,
    max_nodes: int | None = MOST_NODES,
    long_edges: bool = False,
    title: str | None = None,
    timeout: float | None = 60.0,
) -> str:
    """The drawing of `sd.to_dot` as SVG, laid out by Graphviz.

    Arguments: those of `to_dot`; `timeout`, the seconds that Graphviz may take.

    Returns the SVG. Raises `MissingDependencyError` where Graphviz's `dot` is not installed,
    `ArgumentError` as `to_dot` does and when the time is up, and `SymdiffError` when `dot`
    fails.
    """
    text = to_dot(
        outputs, collapse=collapse, max_nodes=max_nodes, long_edges=long_edges, title=title
    )
    svg = _laid_out(text, timeout)
    if path is not None:
        _write(Path(path), svg)
    return svg


def _drawn(outputs: Any) -> tuple[Graph, Sequence[Node], list[tuple[str, Node]]]:
    """The graph, its nodes to draw, and the outputs among them with what they are called."""
    if isinstance(outputs, Graph):
        found = list(outputs.outputs)
        names = [f"output [{k}]" for k in range(len(found))]
        nodes: Sequence[Node] = outputs.nodes
        graph = outputs
    else:
        leaves = flatten_with_paths(outputs)
        for path, leaf in leaves:
            if not isinstance(leaf, Node):
                raise ArgumentError(f"to_dot: outputs{path} is {leaf!r}, not a node")
        if not leaves:
            raise ArgumentError(f"to_dot: there is no node in {outputs!r}; nothing to draw")
        found = [leaf for _, leaf in leaves]
        names = [f"output {path}" for path, _ in leaves]
        graph = found[0].graph
        graph.own(found, "to_dot")
        nodes = graph.ancestors(found)
    if len(found) == 1:
        names = [""]
    return graph, nodes, list(zip(names, found, strict=True))


def _folding(collapse: Any) -> Callable[[Node], str | None] | bool:
    if collapse is None or collapse is False:
        return False
    if collapse is True or collapse == "elementwise":
        return True
    if callable(collapse):
        return collapse  # type: ignore[no-any-return]
    raise ArgumentError(
        f'collapse must be True, "elementwise" or a function from a node to a label, '
        f"not {collapse!r}"
    )


def _most(max_nodes: Any) -> int | None:
    if max_nodes is None:
        return None
    if isinstance(max_nodes, bool) or not isinstance(max_nodes, int) or max_nodes < 1:
        raise ArgumentError(f"max_nodes must be a positive integer or None, not {max_nodes!r}")
    return max_nodes


def _laid_out(text: str, timeout: float | None) -> str:
    program = shutil.which("dot")
    if program is None:
        raise MissingDependencyError(
            "Graphviz's program dot is not installed; it draws what sd.to_dot writes "
            "(Debian and Ubuntu: apt install graphviz; macOS: brew install graphviz)"
        )
    try:
        run = subprocess.run(
            [program, "-Tsvg"], input=text.encode(), capture_output=True, timeout=timeout
        )
    except subprocess.TimeoutExpired:
        raise ArgumentError(
            f"dot took more than {timeout:g} s; draw less with max_nodes= or collapse=, or "
            "give it more time with timeout="
        ) from None
    if run.returncode != 0:
        why = run.stderr.decode(errors="replace").strip() or f"exit code {run.returncode}"
        raise SymdiffError(f"dot failed: {why}")
    return run.stdout.decode()


def _write(path: Path, text: str) -> None:
    """Write the file so that whoever reads it finds the old text or the new one, never a part."""
    path = path.expanduser()
    try:
        if path.exists() and not path.is_file():  # a pipe or a device; a folder is refused
            path.write_text(text, encoding="utf-8")
            return
        target = path.resolve()
        draft = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            draft.write_text(text, encoding="utf-8", newline="\n")
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise ArgumentError(f"{path}: {error.strerror or error}") from error
