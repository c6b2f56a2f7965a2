"""symdiff's graphs in the terms of other libraries, which load when they are first used."""
