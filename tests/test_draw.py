"""`to_dot` and `to_svg` as functions: what they take, return, write and refuse."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import symdiff as sd
from tests.graphviz import read, svgs, words


@pytest.fixture
def outputs() -> list[sd.Node]:
    x = sd.Graph("doc").input("x", sd.f64["n"])
    z = sd.sum(sd.sin(x) * x)
    return [z, sd.grad(z, x)]


def program(folder: Path, lines: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program of one's own in the place of Graphviz."""
    file = folder / "dot"
    file.write_text(f"#!/bin/sh\n{lines}\n")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


# -- what is drawn -------------------------------------------------------------------------


def test_a_node_nested_nodes_and_a_graph_are_drawn(outputs: list[sd.Node]) -> None:
    z, dz = outputs
    graph = z.graph
    graph.outputs = outputs
    assert len(read(sd.to_dot(z)).boxes) == 4
    nested = read(sd.to_dot({"loss": z, "gradients": (dz,)}))
    assert nested.boxes.keys() <= read(sd.to_dot(graph)).boxes.keys()
    assert len(nested.ids(peripheries="2")) == len(graph.outputs)


def test_the_graphs_name_and_the_title_are_in_the_text(outputs: list[sd.Node]) -> None:
    drawn = sd.to_dot(outputs, title="d sum(x sin x)")
    assert drawn.startswith('digraph "doc" {\n')
    assert "d sum(x sin x)" in words(svgs([drawn])[0])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (3.0, r"to_dot: outputs is 3\.0, not a node"),
        ({"a": [None]}, r"to_dot: outputs\['a'\]\[0\] is None, not a node"),
        ([], r"to_dot: there is no node in \[\]; nothing to draw"),
        ("graph", "to_dot: outputs is 'graph', not a node"),
    ],
)
def test_anything_but_nodes_is_refused_by_its_place(wrong: Any, message: str) -> None:
    with pytest.raises(sd.ArgumentError, match=f"^{message}$"):
        sd.to_dot(wrong)


def test_nodes_of_two_graphs_are_not_drawn_together(outputs: list[sd.Node]) -> None:
    other = sd.Graph("other").input("x", sd.f64)
    with pytest.raises(sd.MixedGraphError, match=r"to_dot: nodes of two graphs meet"):
        sd.to_dot([*outputs, other])


@pytest.mark.parametrize("most", [0, -1, 2.5, True, "all"])
def test_a_number_of_nodes_that_is_none_is_refused(outputs: Any, most: Any) -> None:
    with pytest.raises(sd.ArgumentError, match=r"^max_nodes must be a positive integer or None"):
        sd.to_dot(outputs, max_nodes=most)


@pytest.mark.parametrize("collapse", ["matmul", 3, []])
def test_a_way_to_collapse_that_is_none_is_refused(outputs: Any, collapse: Any) -> None:
    with pytest.raises(sd.ArgumentError, match=r'^collapse must be True, "elementwise" or a func'):
        sd.to_dot(outputs, collapse=collapse)


def test_a_label_that_is_no_text_is_refused_with_its_node(outputs: list[sd.Node]) -> None:
    with pytest.raises(sd.ArgumentError, match=r"for %0 : f64\[n\] = sin x it gave 7"):
        sd.to_dot(outputs, collapse=lambda node: 7)  # type: ignore[arg-type,return-value]


# -- files ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [str, Path])
def test_the_text_that_is_returned_is_written(outputs: Any, kind: Any, tmp_path: Path) -> None:
    file = tmp_path / "größe.dot"
    drawn = sd.to_dot(outputs, kind(file), title="größe")
    assert file.read_bytes() == drawn.encode()
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_is_replaced_and_a_link_to_it_kept(outputs: Any, tmp_path: Path) -> None:
    file, link = tmp_path / "a.dot", tmp_path / "link.dot"
    file.write_text("old " * 100_000)
    link.symlink_to(file)
    drawn = sd.to_dot(outputs, link)
    assert link.is_symlink()
    assert file.read_text() == drawn


def test_a_file_that_cannot_be_written_is_named_and_left_alone(
    outputs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.dot"
    file.write_text("old")

    def full(self: Path, *args: Any, **kwargs: Any) -> int:
        with self.open("w") as stream:
            stream.write("dig")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(sd.ArgumentError, match=r"a\.dot: No space left on device$"):
        sd.to_dot(outputs, file)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_is_no_file_and_a_missing_one_is_named(outputs: Any, tmp_path: Path) -> None:
    with pytest.raises(sd.ArgumentError, match=rf"^{tmp_path}: Is a directory$"):
        sd.to_dot(outputs, tmp_path)
    with pytest.raises(sd.ArgumentError, match=r"missing/a\.dot: No such file or directory$"):
        sd.to_dot(outputs, tmp_path / "missing" / "a.dot")


def test_a_device_is_written_to_and_not_replaced(outputs: Any) -> None:
    sd.to_dot(outputs, "/dev/null")
    assert Path("/dev/null").is_char_device()


# -- Graphviz ------------------------------------------------------------------------------


def test_svg_is_well_formed_shows_the_nodes_and_is_written(outputs: Any, tmp_path: Path) -> None:
    file = tmp_path / "a.svg"
    svg = sd.to_svg(outputs, file, title="picture")
    assert file.read_text(encoding="utf-8") == svg
    shown = words(ElementTree.fromstring(svg))
    assert {"picture", "%0", "forward", "gradient"} <= set(shown)


def test_svg_takes_the_wishes_that_dot_takes(outputs: Any) -> None:
    svg = sd.to_svg(outputs, collapse=lambda n: "folded", max_nodes=2, long_edges=True)
    assert "folded" in svg
    assert "more node" in svg


def test_without_graphviz_the_package_to_install_is_named(
    outputs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(sd.MissingDependencyError, match=r"apt install graphviz"):
        sd.to_svg(outputs)


def test_a_drawing_that_takes_too_long_is_given_up(
    outputs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "exec sleep 60", monkeypatch)
    with pytest.raises(sd.ArgumentError, match=r"dot took more than 0\.2 s; .*max_nodes="):
        sd.to_svg(outputs, tmp_path / "a.svg", timeout=0.2)
    assert not (tmp_path / "a.svg").exists()


def test_what_graphviz_complains_of_is_passed_on(
    outputs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "echo 'out of ink' >&2; exit 3", monkeypatch)
    with pytest.raises(sd.SymdiffError, match=r"^dot failed: out of ink$"):
        sd.to_svg(outputs)
    program(tmp_path, "exit 4", monkeypatch)
    with pytest.raises(sd.SymdiffError, match=r"^dot failed: exit code 4$"):
        sd.to_svg(outputs)


def test_graphviz_is_handed_the_text_and_nothing_goes_through_a_shell(
    outputs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, 'echo "$# $1"; exec cat', monkeypatch)
    title = "$(touch evil); `touch evil`"
    assert sd.to_svg(outputs, title=title) == "1 -Tsvg\n" + sd.to_dot(outputs, title=title)


# -- the documentation ---------------------------------------------------------------------

IMAGES = Path(__file__).parent.parent / "docs" / "images"


def chain(order: int) -> list[sd.Node]:
    """sin(sin(sin(x))) and its derivatives."""
    x = sd.Graph("chain").input("x", sd.f64)
    nodes = [sd.sin(sd.sin(sd.sin(x)))]
    for _ in range(order):
        nodes.append(sd.grad(nodes[-1], x))
    return nodes


def mlp() -> Any:
    """The loss of *Deep Learning*, 6.5.7, and its gradient."""
    g = sd.Graph("mlp")
    X, labels = g.input("X", sd.f64["n", 64]), g.input("labels", sd.i64["n"])
    W1, b1 = g.input("W1", sd.f64[64, 32]), g.input("b1", sd.f64[32])
    W2, b2 = g.input("W2", sd.f64[32, 10]), g.input("b2", sd.f64[10])
    scores = sd.relu(X @ W1 + b1) @ W2 + b2
    decay = 1e-4 * (sd.sum(W1**2) + sd.sum(W2**2))
    loss = sd.mean(sd.softmax_cross_entropy(scores, labels)) + decay
    return {
        "loss": loss,
        "d": dict(zip(["W1", "b1", "W2", "b2"], sd.grad(loss, [W1, b1, W2, b2]), strict=True)),
    }


PICTURES = {"chain1": lambda: chain(1), "chain3": lambda: chain(3), "mlp": mlp}


@pytest.mark.parametrize("name", PICTURES)
def test_the_pictures_of_the_documentation_show_what_is_drawn_now(
    name: str, request: pytest.FixtureRequest
) -> None:
    svg, file = sd.to_svg(PICTURES[name]()), IMAGES / f"{name}.svg"
    if request.config.getoption("--update-golden"):
        file.write_text(svg)
    # Where things stand is up to the version of Graphviz.
    shown, kept = (sorted(words(ElementTree.fromstring(text))) for text in (svg, file.read_text()))
    assert shown == kept, "pytest --update-golden draws the pictures again"
    assert f"images/{name}.svg" in (IMAGES.parent / "drawing.md").read_text()
