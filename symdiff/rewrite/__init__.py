"""Rewriting: rules as data, one driver, passes from graph to graph.

`pattern` says what a rule is, `rules` lists them, `driver` applies them, `passes` puts them in
order for `sd.optimize` and `sd.compile`.
"""
