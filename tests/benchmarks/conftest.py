"""The peers' modules import packages that the tests do without."""

collect_ignore_glob = ["peers/*"]
