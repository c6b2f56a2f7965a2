"""A text that is no graph gives a `ParseError` that shows the place, and nothing worse."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symdiff as sd
from symdiff.op import REQUIRED

GRADIENTS = Path(__file__).parent / "golden" / "gradients"

HEAD = "graph f(x: f64[3], y: f64[4], A: f64[n,3], u: u8[2], b: bool_[]) {"


def refused(text: str, **known: Any) -> str:
    with pytest.raises(sd.ParseError) as caught:
        sd.parse(text, **known)
    return str(caught.value)


def place(message: str) -> tuple[int, str, str]:
    """Line number, what is wrong, and the text over the carets."""
    first, shown, marks = message.split("\n")[:3]
    found = re.fullmatch(r"line (\d+): (.*)", first)
    assert found is not None, message
    start = marks.index("^")
    assert set(marks.strip()) == {"^"}
    return int(found[1]), found[2], shown[start : start + len(marks.strip())]


# -- where and what ------------------------------------------------------------------------

# A faulty line in a graph, what the message says, and what the carets stand under.
FAULTS = [
    # the form of the line
    ("nonsense", "a node's number such as %0, `return`, or `}`", "n"),
    ("%0", "`:` and a type", ""),
    ("%0 = sin x", "`:` and a type", "="),
    ("%0 : f64[3] sin x", "`=` and an op", "s"),
    ("%0 : f64[3] = ", "the name of an op", ""),
    ("%0 : = sin x", "a type, such as f64[n,3]", "="),
    ("%0 : f64[3] = sin x, y", "expected a node; no input is named x,", "x,"),
    ("%1 : f64[3] = sin x", "%0, the next number", "%1"),
    ("%00 : f64[3] = sin x", "%0, the next number", "%00"),
    ("… 40 lines …", "the middle of this text was left out; print graph.text()", "…"),
    # types
    ("%0 : f64 = sin x", "a type, such as f64[n,3]", "f"),
    ("%0 : f65[3] = sin x", "'f65[3]' is not a type", "f65[3]"),
    ("%0 : f64[3 = sin x", "a type, such as f64[n,3]", "f"),
    ("%0 : f64[3]] = sin x", "expected `=`", "]"),
    ("%0 : f64[3) = sin x", "a type, such as f64[n,3]", "f"),
    ("%0 : f64[-3] = sin x", "shape (-3,) has a negative entry", "f64[-3]"),
    ("%0 : f64[n+] = sin x", "a name or an integer is missing here", "f64[n+]"),
    ("%0 : f64[4] = sin x", "expected f64[3], the type that sin gives here", "f64[4]"),
    ("%0 : f32[3] = sin x", "expected f64[3], the type that sin gives here", "f32[3]"),
    ("%0 : (f64[3], f64[3]) = sin x", "expected f64[3], the type", "(f64[3], f64[3])"),
    ("%0 : f64[3] = divmod x x", "expected (f64[3], f64[3]), the type", "f64[3]"),
    ("%0 : (f64[3] f64[3]) = divmod x x", "expected `,` or `)`", "f"),
    # ops
    ("%0 : f64[3] = sine x", "none is named sine (there is sin)", "sine"),
    ("%0 : f64[3] = mine x", "Your own ops are passed as parse(text, ops=[...])", "mine"),
    ('%0 : f64[3] = input name="z"', "inputs stand in the graph's first line", "input"),
    # operands
    ("%0 : f64[3] = sin X", "no input is named X (there is x)", "X"),
    ("%0 : f64[3] = add x nothing", "expected a node; no input is named nothing", "nothing"),
    ("%0 : f64[3] = sin %0", "expected a node of a line above; %0 is none", "%0"),
    ("%0 : f64[3] = sin %7", "expected a node of a line above; %7 is none", "%7"),
    ("%0 : f64[3] = sin", "sin takes 1 operand", "sin"),
    ("%0 : f64[3] = sin x x", "sin takes 1 operand", "sin"),
    ("%0 : f64[3] = add x y", "add: shapes (3,) and (4,) do not broadcast", "add"),
    ("%0 : f64[3] = matmul A y", "columns of x1 (3) must equal entries of x2 (4)", "matmul"),
    ("%0 : bool_[] = add_n", "nothing to add", "add_n"),
    # scalars
    ("%0 : u8[2] = multiply u 256:u8", "expected an integer that fits u8", "256:u8"),
    ("%0 : u8[2] = multiply u -1:u8", "expected an integer that fits u8", "-1:u8"),
    ("%0 : u8[2] = multiply u 1.5:u8", "expected a number of dtype u8", "1.5:u8"),
    ("%0 : f64[3] = multiply x 1.0:f65", "expected a dtype after the colon", "1.0:f65"),
    ("%0 : f64[3] = multiply x True:f64", "expected a number of dtype f64", "True:f64"),
    ("%0 : f64[3] = multiply x 1:bool_", "expected a number of dtype bool_", "1:bool_"),
    ("%0 : f64[3] = multiply x 1j", "no input is named 1j", "1j"),
    ("%0 : f64[3] = multiply x 1e999", "expected a number that fits f64", "1e999"),
    ("%0 : f64[3] = multiply x 1e5:f16", "expected a number that fits f16", "1e5:f16"),
    ("%0 : f64[3] = multiply x nan(0x1)", "expected the bits of a NaN", "nan(0x1)"),
    ("%0 : f64[3] = multiply x 99999999999999999999", "fits i64", "99999999999999999999"),
    # arrays
    ("%0 : f64[] = constant 1.0", "a scalar constant stands where it is used", "constant"),
    ("%0 : f64[2] = constant", "expected `[`", ""),
    ("%0 : f64[2] = constant [1.0]", "`,`: f64[2] has 2 entries along axis 0", "]"),
    ("%0 : f64[2] = constant [1.0, 2.0, 3.0]", "`]`: f64[2] has 2 entries along axis 0", ","),
    ("%0 : f64[2,1] = constant [1.0, 2.0]", "expected `[`", "1"),
    ("%0 : f64[2] = constant [[1.0], [2.0]]", "a number of dtype f64", "["),
    ("%0 : i64[2] = constant [1, 2.5]", "expected a number of dtype i64", "2.5"),
    ("%0 : f64[2] = constant [1.0, x]", "a number of dtype f64", "x"),
    ("%0 : f64[0] = constant [1.0]", "`[]`, as f64[0] has no entries", "["),
    ("%0 : f64[n] = constant [1.0]", "an array cannot have the type f64[n]", "["),
    ("%0 : f64[2] = constant [1.0, 2.0] x", "or the end", "x"),
    ("%0 : f64[2] = constant x [1.0, 2.0]", "expected `[`", "x"),
    ("%0 : f64[2] = constant [1.0, 2.0] value=3", "expected a parameter of constant", "value"),
    (f"%0 : f64[200] = constant #{'0' * 32}", "constants=[...]); 0 given", "#" + "0" * 32),
    # parameters
    ("%0 : f64[] = sum x axes=0", "a parameter of sum (axis, dtype, keepdims)", "axes"),
    ("%0 : f64[3] = sin x axis=0", "a parameter of sin (none)", "axis"),
    ("%0 : f64[] = sum x axis=0 axis=0", "expected axis once", "axis"),
    ("%0 : f64[] = sum x axis=7", "axis 7 is out of bounds", "sum"),
    ("%0 : f64[] = sum x axis=", "expected a value: a number, size, string", ""),
    ("%0 : f64[] = sum x axis=(0", "expected `,` or `)`", ""),
    ("%0 : f64[] = sum x axis=(None)", "None is a Python keyword; a size needs", "(None)"),
    ('%0 : f64[] = sum x axis=("a")', "a tuple of one ends in a comma", ")"),
    ("%0 : f64[] = sum x axis=(0,) keepdims=maybe", "keepdims must be a bool", "sum"),
    ("%0 : f64[] = sum x axis=(0,)keepdims=True", "or the end", "k"),
    ('%0 : f64[3] = probe x label="open', "expected a value", '"'),
    ('%0 : f64[3] = probe x label="\\q"', "Invalid \\escape", '"\\q"'),
    ('%0 : f64[3] = probe x label="a" callback=<m.f>', "a Python object stood here", "<"),
    ("%0 : f64[3] = custom x body=@g", "expected a graph from above; none is named g", "@g"),
    ("%0 : f64[3] = reshape x shape=(n*,)", "a name or an integer is missing", "n*"),
    ("%0 : f64[3] = index x key=(0:)", "expected a value", ")"),
    ("%0 : f64[3] = index x key=(0::1,)", "only a slice backwards may do without", "0::1"),
    ("%0 : f64[3] = index x key=(0:3:0,)", "an integer other than 0 as the step", "0:3:0"),
    ("%0 : f64[3] = index x key=(0:3:n,)", "an integer other than 0 as the step", "0:3:n"),
    ("%0 : f64[] = index x key=(3,)", "index 3 is out of bounds", "index"),
    # notes
    ("%0 : f64[3] = sin x ; what", "expected a note such as `; d %3 / d w`", ";"),
    ("%0 : f64[3] = sin x ; d x / d y", "a node of the gradient's type, f64[3], not f64[4]", "y"),
    ("%0 : f64[3] = sin x ; d %3 / d x", "expected a node; %3 is none", "%3"),
    ("%0 : f64[3] = sin x ; d %0 / d x via A", "takes x as its operand 0", "A"),
    ("%0 : f64[3] = sin x ; d %0 / d x via %0 [1]", "takes x as its operand 1", "%0"),
    # the end
    ("return", "expected a node", ""),
    ("return x,", "expected a node", ""),
    ("return x y", "expected the end of the line", "y"),
    ("return z", "expected a node; no input is named z", "z"),
]


@pytest.mark.parametrize(("line", "why", "marked"), FAULTS, ids=[f[0] for f in FAULTS])
def test_a_faulty_line_is_shown_with_what_was_expected(line: str, why: str, marked: str) -> None:
    number, said, under = place(refused(f"{HEAD}\n  {line}\n}}"))
    assert number == 2
    assert why in said
    assert under == marked


# A faulty text, the line where it fails, what the message says, and what the carets mark.
TEXTS = [
    ("", 1, "expected `graph name(...) {`: the text is empty", ""),
    ("\n \n", 1, "the text is empty", ""),
    ("node f() {\n}", 1, "expected `graph name(...) {`, the first line of a graph", "n"),
    ("graph 3d() {\n}", 1, "a graph's name must be an identifier", "3d"),
    ("graph f {\n}", 1, "the first line of a graph", "g"),
    ("graph f(x) {\n}", 1, "an input such as `x: f64[n,3]`, or `)`", "x"),
    ("graph f(x: f64[]", 1, "`,` or `)`", ""),
    ("graph f(x: f64[] y: f64[]) {\n}", 1, "`,` or `)`", "y"),
    ("graph f(x: f64[],) {\n}", 1, "an input such as", ")"),
    ("graph f(x: f64[], x: f64[]) {\n}", 1, "has an input 'x' already", "x: f64[]"),
    ("graph f(if: f64[]) {\n}", 1, "cannot be 'if'", "if: f64[]"),
    ("graph f(f64: f64[]) {\n}", 1, "cannot be 'f64'", "f64: f64[]"),
    ("graph f(x: (f64[], f64[])) {\n}", 1, "a type, such as f64[n,3]", "("),
    ("graph f()\n{\n}", 1, "expected `{` at the end of the line", ""),
    ("graph f() { return 1.0 }", 1, "expected `{` at the end of the line", "{"),
    ("graph f() {\n", 2, "expected `}`: the text ends within graph f", ""),
    ("graph f() {\n  return 1.0", 2, "the text ends within graph f", ""),
    ("graph f() {\n  return 1.0\n  return 2.0\n}", 3, "expected `}` after the line", "r"),
    ("graph f() {\n  return 1.0\n  %0 : f64[] = sin 1.0\n}", 3, "expected `}` after", "%"),
    ("graph f() {\n} }", 2, "a node's number", "}"),
    ("graph f() {\n}\n}", 3, "the first line of a graph", "}"),
    ("graph f() {\n}\n\ngraph f() {\n}", 4, "has a graph of this name already", "f"),
    (f"{HEAD}\n  %0 : f64[3] = sin x\n  %1 : f64[3] = sin x\n}}", 3, "this is %0 again", "sin"),
    (f"{HEAD}\n  %0 : f64[3] = sin x ; d x / d q\n\n}}", 2, "expected a node; q is none", "q"),
    (f"{HEAD}\n  %0 : f64[3] = reshape x shape=(3,)\n}}", 2, "this is x again", "reshape"),
]


@pytest.mark.parametrize(("text", "number", "why", "marked"), TEXTS, ids=[t[0] for t in TEXTS])
def test_a_faulty_text_is_shown_at_its_line(text: str, number: int, why: str, marked: str) -> None:
    found, said, under = place(refused(text))
    assert found == number
    assert why in said
    assert under == marked


def test_an_op_that_refuses_its_operands_lists_them() -> None:
    assert refused(f"{HEAD}\n  %0 : f64[3] = sin x\n\n  %1 : f64[3] = add %0 y\n}}").split(
        "\n"
    ) == [
        "line 4: add: shapes (3,) and (4,) do not broadcast",
        "      %1 : f64[3] = add %0 y",
        "                    ^^^",
        "  x1 = %0 : f64[3] = sin x            (<text>:2)",
        "  x2 = y : f64[4]                     (<text>:1)",
    ]


def test_a_long_line_is_shown_around_the_place() -> None:
    terms = " ".join(["x"] * 400)
    message = refused(f"{HEAD}\n  %0 : f64[3] = add_n {terms} wrong {terms}\n}}")
    number, _, under = place(message)
    assert (number, under) == (2, "wrong")
    assert max(map(len, message.split("\n"))) < 100


def test_an_array_of_another_digest_says_how_many_were_given() -> None:
    g = sd.Graph()
    g.outputs = [g.constant(np.arange(200.0))]
    message = refused(g.text(), constants=[np.arange(200), np.arange(201.0)])
    assert "expected the array of this digest in parse(text, constants=[...]); 2 given" in message


def test_a_digest_behind_another_type_is_refused() -> None:
    array = np.arange(200.0)
    g = sd.Graph()
    g.outputs = [g.constant(array)]
    message = refused(g.text().replace("f64[200]", "f32[200]"), constants=[array])
    assert "expected an array of type f32[200]; this is the digest of another, f64[200]" in message


# -- nothing worse -------------------------------------------------------------------------

LONG = 100_000


def in_a_graph(line: str) -> str:
    return f"{HEAD}\n  {line}\n}}"


HOSTILE = {
    "spaces before nothing": in_a_graph("%0" + " " * LONG),
    "spaces for a type": in_a_graph("%0 :" + " " * LONG),
    "spaces for an op": in_a_graph("%0 : f64[3] =" + " " * LONG),
    "spaces before =": in_a_graph("%0 : f64[3] = sin" + " \t" * LONG + "="),
    "spaces in a note": in_a_graph("%0 : f64[3] = sin x ;" + " " * LONG + "d" + " " * LONG),
    "spaces in return": in_a_graph("return x" + " " * LONG + "y"),
    "a long name": in_a_graph("%0 : f64[3] = sin " + "y" * LONG),
    "many operands": in_a_graph("%0 : f64[3] = sin" + " x" * LONG),
    "a long number": in_a_graph("%0 : f64[3] = sin " + "9" * LONG),
    "a huge exponent": in_a_graph("%0 : f64[3] = sin 1e" + "9" * LONG),
    "a long label": in_a_graph("%" + "9" * LONG + " : f64[3] = sin x"),
    "deep parentheses": in_a_graph("%0 : f64[] = sum x axis=" + "(" * LONG),
    "deep closed parentheses": in_a_graph("%0 : f64[] = sum x axis=" + "(" * LONG + ")" * LONG),
    "deep tuples": in_a_graph("%0 : f64[] = sum x axis=" + "(1," * LONG + ")" * LONG),
    "deep lists": in_a_graph("%0 : f64[2] = constant " + "[" * LONG),
    "a huge rank": in_a_graph("%0 : f64[" + "1," * LONG + "1] = constant " + "[" * LONG),
    "a huge array": in_a_graph("%0 : f64[" + "9" * 30 + "] = constant [1.0, 2.0]"),
    "a huge empty array": in_a_graph("%0 : f64[" + "9" * 30 + ",0] = constant []"),
    "a huge identity": in_a_graph("%0 : f64[3,3] = eye n=" + "9" * 30),
    "a huge axis": in_a_graph("%0 : f64[] = sum x axis=" + "9" * 4000),
    "a huge shape": in_a_graph(f"%0 : f64[3] = reshape x shape=({'9' * 4000},{'9' * 4000})"),
    "an open string": in_a_graph('%0 : f64[3] = probe x label="' + "\\" * LONG),
    "a long size": in_a_graph("%0 : f64[3] = reshape x shape=" + "n+" * LONG),
    "a size of a huge degree": "graph f(x: f64[((n**16)**16)**16]) {\n}",
    "a size of many parentheses": "graph f(x: f64[" + "(" * 5000 + "n]) {\n}",
    "a size that nests": "graph f(x: f64[" + "%".join("abcdefghijklm") + "]) {\n}",
    "a long tuple type": in_a_graph("%0 : (" + "f64[], " * 10_000 + ") = sin x"),
    "many slashes": in_a_graph("%0 : f64[3] = sin x ; d " + "/ d " * LONG),
    "a huge position": in_a_graph("%0 : f64[3] = sin x ; d x / d x via x [" + "9" * LONG + "]"),
    "only equals": in_a_graph("=" * LONG),
    "control characters": in_a_graph("%0 : f64[3] = sin \0\x1b[31m"),
    "half a pair": in_a_graph("%0 : f64[3] = sin \ud800"),
    "separators of lines and files": in_a_graph("%0 : f64[3] = sin\x0b\x1c\x85\u2028x"),
    "other digits": in_a_graph("%0 : f64[3] = multiply x ٣"),
    "a dtype that is none": in_a_graph("%0 : f64[] = size_of size=3 dtype=n"),
    "a body that is none": in_a_graph("%0 : f64[3] = custom x body=3 vjp=4 given=(True,)"),
    "a shape of strings": in_a_graph('%0 : f64[3] = reshape x shape=("3",)'),
    "a key that is none": in_a_graph("%0 : f64[3] = index x key=f64"),
    "axes of everything": in_a_graph('%0 : f64[3] = permute_dims x axes=(None,"a",f64,1.5)'),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_refused_in_a_short_message(text: str) -> None:
    message = refused(text)
    assert place(message)
    assert len(message) < 1500
    assert message.replace("\n", "").isprintable()


def broken(x: Any, how: str) -> Any:
    """An `infer` that fails in many ways."""
    match how:
        case "recursion":
            return broken(x, how)
        case "type":
            return sd.TensorType(3, ())  # type: ignore[arg-type]
        case "nothing":
            return None
    raise {"key": KeyError, "memory": MemoryError, "assertion": AssertionError}[how](how)


@pytest.mark.parametrize("how", ["recursion", "type", "nothing", "key", "memory", "assertion"])
def test_a_users_op_that_fails_in_any_way_is_a_parse_error(how: str) -> None:
    fragile = sd.op(
        "fragile", "x", doc="", parameters={"how": REQUIRED}, infer=broken, kernel=lambda x, how: x
    )
    message = refused(in_a_graph(f'%0 : f64[3] = fragile x how="{how}"'), ops=[fragile])
    assert place(message)[0] == 2


# -- mutations -----------------------------------------------------------------------------

SEEDS = [
    *(path.read_text() for path in sorted(GRADIENTS.glob("*.txt"))),
    f"""{HEAD}
  %0 : f64[]      = size_of size=(n+1)//2 dtype=f64
  %1 : i64[2,3]   = constant [[1, 2, 3], [4, 5, 6]]
  %2 : f64[]      = sum x axis=(0,) dtype=f64
  %3 : c64[]      = cast %2 dtype=c64
  %4 : f64[1,3]   = index A key=(n-1:n-2:-1,0:3)
  %5 : f64[n,1,3] = index A key=(0:n,None,0:3)
  %6 : f64[m,3]   = refine A type=f64[m,3]
  %7 : f64[0,3]   = constant []
  %8 : u8[2]      = multiply u 3:u8
  %9 : c128[]     = multiply 1.0+2.0j nan
  %10 : f64[3]    = probe x label="a;b \\u00e9"
  %11 : (f64[3], f64[3]) = divmod x 2.0
  %12 : f64[3]    = item %11 index=1   ; d %2 / d x
  return %1, x, -0.0:f32
}}""",
]
PIECES = [
    *' %0123456789()[]{},;:=.+-*/"@#<>…dnx\\\n\té',
    *("%1", "(n,)", "f64[n]", "f64[]", "=", "  ", " axis=(0,)", "None", "2.0", "key=", "inf"),
    *("((((", "@custom", "nan", "-", "return", "}", "{", "graph g() {", "99999999999999999999"),
]


def mutated(text: str, rng: random.Random) -> str:
    """`text` with a few places replaced, cut, doubled or exchanged."""
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(text) + 1)
        end = min(len(text), start + rng.choice([0, 1, 1, 2, 5, 20]))
        lines = text.split("\n")
        match rng.randrange(4):
            case 0:
                text = text[:start] + rng.choice(PIECES) + text[end:]
            case 1:
                text = text[:start] + text[end:]
            case 2:
                text = text[:end] + text[start:]
            case 3:
                one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
                lines[one], lines[other] = lines[other], lines[one]
                text = "\n".join(lines)
    return text


def assert_graph_or_parse_error(text: str) -> None:
    try:
        graph = sd.parse(text)
    except sd.ParseError as error:
        assert place(str(error))
        return
    graph.check()
    again = graph.text()
    assert sd.parse(again).text() == again


def test_the_texts_that_are_mutated_are_sound() -> None:
    for text in SEEDS:
        sd.parse(text)


@given(st.sampled_from(SEEDS), st.integers(0, 2**32))
def test_a_mutated_text_is_a_graph_or_a_parse_error(text: str, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(10):
        assert_graph_or_parse_error(mutated(text, rng))


@given(st.text())
def test_any_text_is_a_graph_or_a_parse_error(text: str) -> None:
    assert_graph_or_parse_error(text)
    assert_graph_or_parse_error(in_a_graph(text))
    assert_graph_or_parse_error(in_a_graph(f"%0 : f64[3] = sum x axis={text}"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_many_mutated_texts_are_graphs_or_parse_errors(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(20_000):
        assert_graph_or_parse_error(mutated(rng.choice(SEEDS), rng))
