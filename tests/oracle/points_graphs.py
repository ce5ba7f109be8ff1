"""points_graphs.py -- derivatives as nodes, functions and loops."""
from calls import b, call, graph, node, r, t

# ---- derivative, control flow --------------------------------------------------------------------

graph("grad", "float64", [node("s", "sin", "a"), node("f", "mul", "s", "a"), node("y", "grad", "f",
                                                                                  "a"),
                          node("z", "grad", "y", "a")], [t(0.7, "float64")], ["f", "y", "z"])
graph("grad", "float64", [node("p", "mul", "a", "b"), node("e", "exp", "p"), node("f", "sum", "e"),
                          node("y", "grad", "f", "a", "b")], [r(2, 3), r(3)], ["y", "y:1"])
graph("grad", "float64", [node("e", "square", "a"), node("f", "sum", "e"), node("y", "grad", "f",
                                                                                "b")],
      [r(2), r(3)])
LINE = {"line": {"inputs": ["x", "w"], "nodes": [node("p", "mul", "x", "w"), node("q", "tanh",
                                                                                  "p")],
                 "outputs": ["q"]},
        "two": {"inputs": ["x", "w"], "nodes": [node("p", "add", "x", "w"), node("q", "mul", "x",
                                                                                 "w")],
                "outputs": ["p", "q"]},
        "step": {"inputs": ["h", "x", "w"],
                 "nodes": [node("p", "mul", "h", "w"), node("s", "add", "p", "x"), node("n", "tanh",
                                                                                        "s"),
                           node("y", "square", "n")], "outputs": ["n", "y"]},
        "less": {"inputs": ["h", "w"], "nodes": [node("s", "sum", "h"), node("q", "lt", "s", 10)],
                 "outputs": ["q"]},
        "grow": {"inputs": ["h", "w"], "nodes": [node("m", "mul", "h", "w"), node("q", "add", "m",
                                                                                  1)],
                 "outputs": ["q"]},
        "nest": {"inputs": ["x", "w"], "nodes": [node("c", "call", "x", "w", function="two"),
                                                 node("q", "sub", "c", "c:1")], "outputs": ["q"]}}
for one, two in (((3,), (3,)), ((2, 3), ()), ((0,), (1,))):
    graph("call", "float64", [node("y", "call", "a", "b", function="line")], [r(*one), r(*two)],
          functions=LINE)
graph("call", "float64", [node("y", "call", "a", "b", function="two")], [r(3), r(3)], ["y", "y:1"],
      functions=LINE)
graph("call", "float64", [node("u", "call", "a", "b", function="nest"),
                          node("y", "call", "u", "b", function="nest")], [r(2), r(2)],
      functions=LINE)
for truth in (True, False):
    graph("cond", "float64", [{"id": "y", "op": "cond", "inputs": ["c", "a", "b"], "then": "line",
                               "else": "grow"}], [r(3), r(3), t(truth, "bool")], functions=LINE)
for reverse, checkpoint, steps in (
    (False, False, 4), (True, False, 3), (False, True, 5), (True, True, 1)):
    graph("scan", "float64", [node("y", "scan", "a", "b", "c", function="step", carries=1, shared=1,
                                   reverse=reverse, checkpoint=checkpoint)],
          [r(2), r(steps, 2), r(2)], ["y", "y:1"], functions=LINE)
graph("scan", "float64", [node("y", "scan", "a", "b", function="grow", carries=1, shared=1,
                               length=3)],
      [r(2), r(2)], functions=LINE)
for start, most in ((0.5, 20), (2.0, 30), (11.0, 5)):
    graph("while", "float64", [node("y", "while", "a", "b", cond="less", body="grow", shared=1,
                                    max_steps=most)], [t([start, start], "float64"), r(2, lo=1.1)],
          functions=LINE)
graph("map", "float64", [node("y", "map", "a", "b", function="line")],
      [r(4, 3), r(4, 3)], functions=LINE)
graph("map", "float64", [node("y", "map", "a", "b", function="two", shared=1)], [r(3, 2), r(2)],
      ["y", "y:1"], functions=LINE)
