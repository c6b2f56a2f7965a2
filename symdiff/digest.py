"""Structural hashes: the same for the same structure, in every process and on every machine.

A node's hash is that of its op, params and inputs' hashes, so the order in which independent
nodes were made does not show in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symdiff.hashing import blake2b
from symdiff.literals import stable_bytes

if TYPE_CHECKING:
    from symdiff.graph import Graph

__all__ = ["of_graph"]


def of_graph(graph: Graph) -> str:
    """The hash of a whole graph: its inputs and outputs in order, and all its other nodes."""
    hashes: list[bytes] = []
    heads: dict[tuple[int, int], bytes] = {}
    used = bytearray(len(graph))
    for node in graph.nodes:
        key = (id(node.op), id(node.params))  # params are shared by all nodes of a table
        head = heads.get(key)
        if head is None:
            parts = [node.op.name.encode()]
            parts += [name.encode() + b"=" + stable_bytes(v) for name, v in node.params.items()]
            head = heads[key] = b"\0".join(parts) + b"\1"
        for taken in node.inputs:
            used[taken.index] = 1
        tail = [hashes[i.index] for i in node.inputs]
        hashes.append(blake2b(head + b"".join(tail)).digest())
    sinks = sorted(h for h, taken in zip(hashes, used, strict=True) if not taken)
    whole = blake2b()
    for part in (graph.inputs, graph.outputs):
        whole.update(b"".join(hashes[n.index] for n in part) + b"\2")
    whole.update(b"".join(sinks))
    digest: str = whole.hexdigest()
    return digest
