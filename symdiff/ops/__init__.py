"""The operations, one file a family; `declare` has the forms they are declared in.

Importing this package fills the registry; `symdiff/__init__.py` seals it.
"""
