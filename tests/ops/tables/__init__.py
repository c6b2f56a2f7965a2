"""Samples of the operations, a file a family: `SAMPLES`, and where needed `NUMPY`."""
