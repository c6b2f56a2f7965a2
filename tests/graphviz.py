"""Graphviz itself, for tests that look at drawings: they fail where `dot` is not installed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"


def run_dot(text: str, form: str) -> str:
    """What `dot` makes of a text; a complaint of any kind fails."""
    run = subprocess.run(["dot", f"-T{form}"], input=text.encode(), capture_output=True)
    assert (run.returncode, run.stderr.decode()) == (0, "")
    return run.stdout.decode()


def svgs(texts: Iterable[str]) -> list[ElementTree.Element]:
    """The well-formed SVG of each text, by one run for all of them."""
    made = run_dot("".join(texts), "svg")
    return [ElementTree.fromstring(f"<?xml{part}") for part in made.split("<?xml")[1:]]


def words(svg: ElementTree.Element) -> list[str]:
    """The lines of text that a picture shows; Graphviz writes each part in its own element."""
    return [element.text or "" for element in svg.iter(f"{SVG}text")]


@dataclass
class Arrow:
    """An edge from tail to head in the direction in which values go."""

    tail: str
    head: str
    looks: dict[str, str]

    @property
    def label(self) -> str:
        """Whatever stands at it."""
        found = [self.looks.get(name, "") for name in ("label", "headlabel", "taillabel")]
        return "".join(found)


@dataclass
class Picture:
    """A drawing as Graphviz reads it: attributes by id, arrows, and the frames with their ids."""

    boxes: dict[str, dict[str, str]]
    arrows: list[Arrow] = field(default_factory=list)
    frames: dict[str, set[str]] = field(default_factory=dict)

    @property
    def solid(self) -> list[Arrow]:
        return [a for a in self.arrows if a.looks.get("style") != "dashed"]

    @property
    def dashed(self) -> list[Arrow]:
        return [a for a in self.arrows if a.looks.get("style") == "dashed"]

    def pairs(self) -> list[tuple[str, str]]:
        """The ends of the solid arrows, sorted."""
        return sorted((a.tail, a.head) for a in self.solid)

    def into(self, head: str) -> list[Arrow]:
        return [a for a in self.solid if a.head == head]

    def ids(self, **looks: str) -> list[str]:
        """The boxes with these attributes."""
        return [i for i, box in self.boxes.items() if looks.items() <= box.items()]

    def labelled(self, part: str) -> str:
        """The one box that has this in its label."""
        (found,) = (i for i, box in self.boxes.items() if part in box["label"])
        return found


def read(text: str) -> Picture:
    """The drawing as `dot` reads and lays it out; edges with dir=back are turned around."""
    made: dict[str, Any] = json.loads(run_dot(text, "json0"))
    objects = made.get("objects", [])
    named = {thing["_gvid"]: thing["name"] for thing in objects}
    picture = Picture({t["name"]: t for t in objects if "nodes" not in t and "subgraphs" not in t})
    for thing in objects:
        if "nodes" in thing and thing["name"].startswith("cluster"):
            picture.frames[thing["label"]] = {named[k] for k in thing["nodes"]}
    for edge in made.get("edges", []):
        ends = [named[edge["tail"]], named[edge["head"]]]
        if edge.get("dir") == "back":
            ends.reverse()
        picture.arrows.append(Arrow(*ends, edge))
    return picture
