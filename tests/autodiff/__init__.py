"""Tests of `symdiff.autodiff`, a file for each of its modules."""
