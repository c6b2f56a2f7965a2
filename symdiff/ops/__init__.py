"""The operations, one file a family; `declare` has the forms they are declared in.

Each family enters its ops in the registry, when `import symdiff` or a first use loads it.
"""
