"""interpret.py -- answers a request of /v1/evaluate by PyTorch: types, graph, functions, gradients.

A value is a torch tensor and the name of its dtype. Reals are float64 throughout: one that is
called float32 was rounded where it came in (or was cast), and all that is computed from it is
exact to float64, so that it can be held against a float32 answer.
"""
import numpy as np
import torch

from reference_tensors import OPS

LABELS = {"float64": torch.float64, "float32": torch.float64, "int64": torch.int64,
          "int32": torch.int32, "bool": torch.bool}
SPECIAL = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": -float("inf")}


class Value:
    def __init__(self, t, label=None):
        self.t = t
        self.label = label or str(t.dtype).replace("torch.", "")

    def is_real(self):
        return self.label.startswith("float")


def flat(data):
    if isinstance(data, list):
        return [y for x in data for y in flat(x)]
    return [SPECIAL.get(data, data) if isinstance(data, str) else data]


def shape_of(data):
    return [len(data)] + (shape_of(data[0]) if data else []) if isinstance(data, list) else []


def round_to_float32(t):
    return t + (t.detach().to(torch.float32).to(torch.float64) - t.detach()).nan_to_num(0)


def saturated(t, label):
    """A real as an integer: cut, held to the range, NaN to 0."""
    info = np.iinfo(label)
    x = t.detach().numpy()
    with np.errstate(all="ignore"):
        cut = np.nan_to_num(np.trunc(x), nan=0.0, posinf=0.0, neginf=0.0)
        inside = np.where(np.abs(cut) < float(info.max), cut, 0).astype(label)
    y = np.where(x >= float(info.max), info.max, np.where(x <= float(info.min), info.min, inside))
    return torch.from_numpy(np.asarray(y.astype(label)))


def cast(v, label):
    if label == v.label:
        return v
    if label.startswith("int") and v.is_real():
        return Value(saturated(v.t, label), label)
    t = v.t != 0 if label == "bool" else v.t.to(LABELS[label])
    return Value(round_to_float32(t) if label == "float32" else t, label)


def promote(a, b):
    if "bool" in (a, b):
        return b if a == "bool" else a
    if a != b and {a, b} != {"int32", "int64"}:
        return "float64"
    return "int64" if a != b else a


class Graph:
    """A graph, or a function's body: runs with the values of its inputs."""

    def __init__(self, document, real, functions):
        self.nodes = {n["id"]: n for n in document["nodes"]}
        self.real, self.functions = real, functions
        self.env = {}

    def uses(self, name):
        found = set()
        for n in self.nodes.values():
            roles = OPS.get(n["op"], (0, 0, "n"))[2] or "n"
            for k, x in enumerate(n.get("inputs", [])):
                if x == name:
                    found.add(roles[min(k, len(roles) - 1)])
        return found

    def tensor(self, x, uses, declared=None):
        """A tensor as a document writes it."""
        given = x if isinstance(x, dict) else {"data": x}
        data = flat(given["data"])
        shape = given.get("shape", shape_of(given["data"]))
        label = given.get("dtype") or declared
        if not label:
            truths = bool(data) and all(isinstance(d, bool) for d in data)
            whole = all(not isinstance(d, bool) and d == d and float(d).is_integer() for d in data)
            label = self.real
            if truths and uses <= {"c", "m"}:
                label = "bool"
            elif whole and uses and uses <= {"i", "k"}:
                label = "int64"
        t = torch.tensor(data, dtype=LABELS[label]).reshape(shape)
        if label == "float32":
            t = t.to(torch.float32).to(torch.float64)
        if label.startswith("float"):
            t.requires_grad_()
        return Value(t, label)

    def value(self, reference):
        name, _, result = reference.partition(":")
        todo = [name]
        while todo:
            at = todo[-1]
            n = self.nodes.get(at)
            missing = [x.partition(":")[0] for x in (n or {}).get("inputs", [])
                       if isinstance(x, str) and x.partition(":")[0] not in self.env]
            if at not in self.env and not missing:
                self.env[at] = self.run(n)
            todo = todo + missing if missing else todo[:-1]
        return self.env[name][int(result or 0)]

    def run(self, n):
        a = {k: v for k, v in n.items() if k not in ("id", "op", "inputs", "doc", "name")}
        if n["op"] == "constant":
            return [self.tensor(a["value"], self.uses(n["id"]), a.get("dtype"))]
        roles = OPS.get(n["op"], (0, 0, "n"))[2] or "n"
        xs = []
        for k, x in enumerate(n.get("inputs", [])):
            role = roles[min(k, len(roles) - 1)]
            xs.append(self.value(x) if isinstance(x, str) else
                      self.tensor(x, {role}) if isinstance(x, dict) else x)
        special = getattr(self, "op_" + n["op"], None)
        return special(xs, **a) if special else self.apply(n["op"], xs, a)

    # ---- ordinary operators ----

    def settle(self, types, roles, xs):
        typed = [(k, x) for k, x in enumerate(xs) if isinstance(x, Value)]
        def role(k):
            return roles[min(k, len(roles) - 1)]
        def counts(k, x):
            return role(k) == "n" or role(k) == "k" and x.is_real() or (
                role(k) == "m" and x.label != "bool")
        meet = None
        for k, x in typed:
            if counts(k, x):
                meet = promote(meet, x.label) if meet else x.label
        bare = [x for k, x in enumerate(xs) if isinstance(x, (int, float)) and role(k) == "n"]
        if meet and bare and not meet.startswith("float"):
            if any(not float(x).is_integer() for x in bare):
                meet = self.real
            elif meet == "bool":
                meet = "int64"
        meet = meet or self.real
        if types == "real" and not meet.startswith("float"):
            meet = self.real
        if types == "wide" and not meet.startswith("float"):
            meet = "int64"
        if types == "logic":
            meet = "bool"
        out = []
        for k, x in enumerate(xs):
            to = {"i": "int64", "c": "bool", "k": "int64"}.get(role(k), meet)
            if isinstance(x, Value) and role(k) == "k" and x.is_real():
                to = meet
            if isinstance(x, Value) and role(k) == "m" and x.label == "bool":
                to = "bool"
            if isinstance(x, Value):
                out.append(x.t if types == "keep" and role(k) == "n" else cast(x, to).t)
            else:
                out.append(None if x is None else self.tensor(x, set(), to).t)
        if types == "keep":
            meet = next((x.label for k, x in typed if role(k) == "n"), "int64")
        return out, meet

    def apply(self, name, xs, attributes):
        f, types, roles = OPS[name]
        if types == "source":
            return [cast(Value(f(**attributes)), attributes.get("dtype") or self.real)]
        xs, label = self.settle(types, roles, xs)
        a = {k: SPECIAL.get(v, v) if isinstance(v, str) else v for k, v in attributes.items()}
        if name in ("nan_to_num", "rms_norm"):
            a["label"] = label
        y = f(*xs, **a)
        y = y if isinstance(y, tuple) else (y,)
        if not label.startswith("float") and any(t.is_floating_point() for t in y):
            raise TypeError("%s makes reals of %s" % (name, label))
        return [Value(t, label if t.is_floating_point() else None) for t in y]

    def op_cast(self, xs, dtype):
        x = xs[0] if isinstance(xs[0], Value) else self.tensor(xs[0], set())
        return [Value(cast(x, dtype).t.clone(), dtype)]

    def op_arange(self, xs, stop, start=0, step=1, dtype=None):
        whole = all(isinstance(x, int) for x in (start, stop, step))
        x = torch.from_numpy(np.arange(start, stop, step, "int64" if whole else "float64"))
        return [cast(Value(x), dtype or ("int64" if whole else self.real))]

    def op_full(self, xs, shape, value, dtype=None):
        dtype = dtype or self.real
        shape = shape if isinstance(shape, list) else [shape]
        return [Value(torch.full(shape, SPECIAL.get(value, value), dtype=LABELS[dtype]), dtype)]

    def op_eye(self, xs, n, m=None, dtype=None):
        return [cast(Value(torch.eye(n, n if m is None else m, dtype=torch.float64)),
                     dtype or self.real)]

    # ---- derivative, control flow ----

    def op_grad(self, xs):
        f, xs = xs[0].t, [x for x in xs[1:]]
        gs = torch.autograd.grad(f, [x.t for x in xs], create_graph=True, allow_unused=True)
        return [Value(torch.zeros_like(x.t) if g is None else g, x.label) for x, g in zip(xs, gs)]

    def function(self, name, xs):
        f = self.functions[name]
        body = Graph(f, self.real, self.functions)
        body.env = {i: [x] for i, x in zip(f["inputs"], xs)}
        return [body.value(o) for o in f["outputs"]]

    def op_call(self, xs, function):
        return self.function(function, xs)

    def op_cond(self, xs, then, **a):
        return self.function(then if bool(xs[0].t) else a["else"], xs[1:])

    def op_scan(self, xs, function, carries, shared=0,
                length=None, reverse=False, checkpoint=False):
        carry, rest = xs[:carries], xs[carries:]
        rows, common = rest[:len(rest) - shared], rest[len(rest) - shared:]
        steps = range(rows[0].t.shape[0] if rows else length)
        ys = {}
        for i in (reversed(steps) if reverse else steps):
            out = self.function(function, [*carry, *(Value(x.t[i], x.label)
                                for x in rows), *common])
            carry, ys[i] = out[:carries], out[carries:]
        return carry + [Value(torch.stack([ys[i][k].t for i in steps]), ys[0][k].label)
                        for k in range(len(ys[0]))]

    def op_while(self, xs, cond, body, max_steps, shared=0):
        k = len(xs) - shared
        for _ in range(max_steps):
            if not bool(self.function(cond, xs)[0].t):
                break
            xs = self.function(body, xs) + xs[k:]
        return xs[:k]

    def op_map(self, xs, function, shared=0):
        k = len(xs) - shared
        ys = [self.function(function, [*(Value(x.t[i], x.label) for x in xs[:k]), *xs[k:]])
              for i in range(xs[0].t.shape[0])]
        return [Value(torch.stack([y[j].t for y in ys]), ys[0][j].label) for j in range(len(ys[0]))]


def evaluate(request):
    """(values, gradients): {id: Value}; a gradient is None where there is none."""
    document = request["graph"]
    g = Graph(document, request.get("dtype", "float64"), document.get("functions", {}))
    for name, x in request.get("inputs", {}).items():
        declared = g.nodes.get(name, {}).get("dtype")
        g.env[name] = [g.tensor(x, g.uses(name), declared)]
    for name in g.nodes:
        g.value(name)
    outputs = document["outputs"]
    values = {}
    for name, results in g.env.items():
        for k, v in enumerate(results):
            values[name if k == 0 else "%s:%d" % (name, k)] = v
    wanted = request.get("gradients", True)
    if wanted is False:
        return values, {}
    wanted = {} if wanted is True else wanted
    of = wanted.get("of", [o for o in outputs if values[o].is_real()])
    of = of if isinstance(of, list) else [of]
    wrt = wanted.get("wrt", [i for i in values if values[i].is_real()])
    total = 0
    for o in of:
        seed = wanted.get("seeds", {}).get(o)
        u = g.tensor(
    seed,
    set(),
    values[o].label).t if seed is not None else torch.ones_like(
        values[o].t)
        total = total + (u.detach() * values[o].t).sum()
    gradients = {}
    for i in wrt:
        v = values[i]
        if not v.is_real():
            gradients[i] = None
            continue
        d = None
        if v.t.requires_grad and total.requires_grad:
            d = torch.autograd.grad(total, v.t, retain_graph=True, allow_unused=True)[0]
        gradients[i] = Value(torch.zeros_like(v.t) if d is None else d.detach(), v.label)
    return values, gradients
