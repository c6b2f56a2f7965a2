"""What a graph looks like: the text form, and pages and pictures made of it.

These modules read a small protocol (a node's op, inputs, params, type, index and graph) and
import nothing from above, so that `repr` and `_repr_html_` need no import upward.
"""
