"""The NumPy backend against the reference interpreter, as source and as a loop."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.backends import numpy as backend


def both(graph: sd.Graph, arrays: list[Any], sizes: dict[str, int]) -> list[Any]:
    """The outputs by compiled source and by the loop over slots."""
    names = sorted(sizes)
    values = [sizes[name] for name in names]
    return [
        backend.build(graph, names, largest=largest).run(arrays, tuple(values))
        for largest in (10**9, -1)
    ]


def check(f: Any, *types: Any, arrays: list[Any], sizes: dict[str, int] | None = None) -> None:
    graph = sd.trace(f, *types)
    expected = sd.evaluate(list(graph.outputs), dict(zip(graph.inputs, arrays, strict=True)))
    for found in both(graph, arrays, sizes or {}):
        for a, b in zip(found, expected, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-14, atol=0)


def test_infix_operators_keep_the_order_of_operands() -> None:
    check(
        lambda a, b: (a - b, b - a, a / b, b / a, a @ b, -a, a < b, a <= b, a > b, a == b, a != b),
        sd.f64[3],
        sd.f64[3],
        arrays=[np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0])],
    )


def test_sizes_stand_in_shapes_slices_and_numbers() -> None:
    check(
        lambda x: (
            x.reshape(2, -1),
            x[1:-1],
            x[::-2],
            x[:0:-1],
            x[-1],
            x * x.shape[0],
            np.broadcast_to(x, (3, *x.shape)),
            sd.grad(sd.sum(x[1:] * x[:-1]), x),
        ),
        sd.f64["2*n"],
        arrays=[np.arange(6.0)],
        sizes={"n": 3},
    )


def test_a_backward_slice_down_to_the_first_entry_takes_it() -> None:
    check(lambda x: (x[::-1], x[2::-1]), sd.f64["n"], arrays=[np.arange(5.0)], sizes={"n": 5})


def test_dtypes_are_the_graphs() -> None:
    check(
        lambda x, k: (x * 2.5, k / 2, k + True, x.astype(sd.f64) * x, sd.sum(k > 1), x**2),
        sd.f32[3],
        sd.i32[3],
        arrays=[np.ones(3, np.float32), np.arange(3, dtype=np.int32)],
    )


def test_several_results_are_taken_apart() -> None:
    check(lambda x: tuple(divmod(x, 2.0)), sd.f64[3], arrays=[np.array([1.0, 4.0, 5.5])])


def test_many_terms_are_summed_without_touching_them() -> None:
    check(
        lambda x: sd.add_n(*[x * float(k) for k in range(7)]), sd.f64[3], arrays=[np.arange(3.0)]
    )


def test_a_large_graph_runs_as_a_loop_and_says_so_until_it_is_called_often() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[()])
    y, expected = x, 1.0
    for _ in range(backend.LARGEST_SOURCE + 1):
        y, expected = sd.sin(y), np.sin(expected)
    f = sd.compile([x], y)
    note = "# These are many steps to compile: they run as a loop"
    assert f.source.startswith(note)
    for _ in range(backend.CALLS + 1):
        np.testing.assert_allclose(f(1.0), expected, rtol=1e-12)
    assert not f.source.startswith(note)


@pytest.mark.slow
def test_a_million_nodes_compile_and_run_at_the_default_recursion_limit() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[()])
    y = x
    for _ in range(500_000):
        y = sd.sin(y) * 1.0
    f = sd.compile([x], y)
    assert 0.0 < f(1.0) < 0.01


def test_custom_gradients_run_as_the_function_they_hold() -> None:
    double = sd.custom_gradient(lambda x: x * 2.0, vjp=lambda g, y, x: g * 3.0)
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    f = sd.compile([x], [double(x), sd.grad(sd.sum(double(x)), x)])
    value, gradient = f([1.0, 2.0])
    np.testing.assert_array_equal(value, [2.0, 4.0])
    np.testing.assert_array_equal(gradient, [3.0, 3.0])


def test_a_users_code_runs_in_the_callers_context_and_may_call_the_function_again() -> None:
    setting: ContextVar[str] = ContextVar("setting", default="none")
    seen: list[tuple[str, float]] = []

    def shown(label: str, value: Any) -> None:
        seen.append((setting.get(), float(value)))
        if value > 1.0:
            f(float(value) / 8.0)

    g = sd.Graph()
    x = g.input("x", sd.f64[()])
    f = sd.compile([x], sd.probe(x * 2.0, "doubled", shown))
    f(0.25)
    setting.set("mine")
    assert f(3.0) == 6.0
    assert seen == [("none", 0.5), ("mine", 6.0), ("mine", 1.5), ("mine", 0.375)]


def test_where_python_raises_the_result_is_numpys() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[()])
    f = sd.compile(
        [x], [1.0 / x, sd.log(x), sd.exp(1000.0 * x), sd.sqrt(x), sd.sin(x / x), x**0.5]
    )
    with np.errstate(all="ignore"):
        for value in (0.0, -0.0, -1.0, 2.0, np.inf, -np.inf, np.nan):
            found = f(value)
            expected = sd.evaluate(list(f.graph.outputs), {f.graph.inputs[0]: np.float64(value)})
            np.testing.assert_allclose(found, expected, rtol=1e-15)
            assert [type(r) for r in found] == [np.ndarray] * 6


def test_what_depends_on_sizes_alone_is_computed_without_warnings() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    f = sd.compile([x], sd.grad(sd.mean(x), x))
    assert f(np.zeros(0)).shape == (0,)  # 1 / n is in it
    probed = sd.compile([x], sd.probe(sd.grad(sd.mean(x), x), "dx", lambda *_: None))
    assert probed(np.zeros(0)).shape == (0,)


def test_a_probe_shows_each_run_and_gradients_pass_through(
    capsys: pytest.CaptureFixture[str],
) -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[()])
    seen: list[float] = []
    y = sd.probe(sd.probe(x * 2.0, "y"), "kept", lambda label, value: seen.append(float(value)))
    f = sd.compile([x], [y, sd.grad(y, x)])
    assert f(1.5) == [3.0, 2.0]
    assert capsys.readouterr().out == "y: 3.0\n"
    assert seen == [3.0]


WRONG_KERNELS = {
    "nothing": lambda x: None,
    "another shape": lambda x: x[1:],
    "another rank": lambda x: x.sum(),
    "another dtype": lambda x: x.astype(np.float32),
    "several results": lambda x: (x, x),
}


@pytest.mark.parametrize("name", WRONG_KERNELS)
def test_a_kernel_of_ones_own_is_held_against_its_type(name: str) -> None:
    own = sd.op("own", "x", doc="?", infer=lambda x: x, kernel=WRONG_KERNELS[name])
    x = sd.Graph().input("x", sd.f64[3])
    f = sd.compile([x], own(x) * 2.0)
    with pytest.raises(sd.EvaluationError, match=r"kernel of own (gave|must)"):
        f(np.ones(3))
