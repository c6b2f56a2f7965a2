"""Backends run a graph; `interpret` is the reference the others are held against."""
