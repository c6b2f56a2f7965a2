"""Differentiation and batching as graph transformations that append to the same graph.

`reverse` is back-propagation, `forward` pushes tangents, `batch` adds a leading axis.
"""
