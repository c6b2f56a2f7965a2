"""What `symdiff demo` shows: the main job on data that comes with the package.

Each part is a script of its own: ``python -m symdiff.demo.misra1a``, for one.
"""
