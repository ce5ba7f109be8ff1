#!/usr/bin/env python3
"""make_cases.py -- writes more.jsonl.gz beside itself: what ops.jsonl.gz lacks, by PyTorch.

Run by hand, after a change to what is beside it, with torch (1.13 or later) and NumPy:
    tests/oracle/make_cases.py
It first answers ops.jsonl.gz and graphs.jsonl.gz, which others computed, and stops where an answer
differs; then it writes
- every case of points_*.py, in float64 with integers, truth values and untyped tensors among them;
- for every operator, those of points_*.py and of ops.jsonl.gz in turn, one or two cases in float32:
  operands and seeds are rounded, the answer is computed from them in float64. Only cases that the
  rounding of operands hardly moves, since no float32 arithmetic could do better.
The same files come out every time.
"""
import copy
import gzip
import itertools
import json
import math
import os
import sys

import numpy as np
import torch

from interpret import SPECIAL, evaluate, flat
import points_elements
import points_tensors
import points_graphs
import points_types
from calls import CASES
from reference_tensors import OPS

HERE = os.path.dirname(os.path.abspath(__file__))
DRAW = np.random.RandomState(9)
CONTROL = ["cast", "arange", "full", "eye", "grad", "call", "cond", "scan", "while", "map"]


# ---- tensors -------------------------------------------------------------------------------------

def special(x):
    return x if not isinstance(x, float) or math.isfinite(x) else \
        "NaN" if x != x else "Infinity" if x > 0 else "-Infinity"


def written(v):
    """A value as the answer holds it."""
    data = v.t.detach().reshape(-1).tolist()
    if v.label == "float32":
        data = [float("%.9g" % x) for x in data]
    return {"shape": list(v.t.shape), "dtype": v.label, "data": [special(x) for x in data]}


def nested(x):
    """A tensor as nested lists without a type; None where its shape cannot be told from those."""
    if not isinstance(x, dict) or "shape" not in x or 0 in x["shape"]:
        return None
    a = np.empty(len(x["data"]), dtype=object)
    a[:] = x["data"]
    a = a.reshape(x["shape"])
    return a.tolist() if x["shape"] else a.item()


def narrow(x, typed):
    """The tensor rounded to float32, if it is real."""
    if not isinstance(x, dict) or x.get("dtype") != "float64":
        return x
    data = [special(float(str(np.float32(d)))) for d in flat(x["data"])]
    y = {"shape": x["shape"], "dtype": "float32", "data": data}
    if not typed and nested(y) is not None:
        return nested(y)
    return y


# ---- answering -----------------------------------------------------------------------------------

def answer(request):
    values, gradients = evaluate(request)
    expect = {"values": {o: written(values[o]) for o in request["graph"]["outputs"]}}
    if gradients:
        expect["gradients"] = {k: v and written(v) for k, v in gradients.items()}
    return expect


def complete(kind, request):
    """The request with seeds for its real results, and gradients of its inputs."""
    if request.get("gradients") is False:
        return
    values, _ = evaluate({**request, "gradients": False})
    reals = [o for o in request["graph"]["outputs"] if values[o].is_real()]
    wrt = list(request["inputs"])
    if not reals or not any(values[k].is_real() for k in wrt):
        request["gradients"] = False
        return
    seeds = {}
    for o in reals:
        shape = list(values[o].t.shape)
        data = np.round(DRAW.normal(size=shape), 3).reshape(-1).tolist()
        seeds[o] = {"shape": shape, "dtype": values[o].label, "data": data}
        if kind == "untyped" and nested(seeds[o]) is not None:
            seeds[o] = nested(seeds[o])
    request["gradients"] = {"of": reals, "wrt": wrt, "seeds": seeds}


def agrees(expect, request):
    values, gradients = evaluate(request)
    for want, got in ((expect["values"], values), (expect["gradients"], gradients)):
        for k, x in want.items():
            w = torch.tensor(flat(x["data"]), dtype=torch.float64)
            g = got[k].t.detach().reshape(-1).to(torch.float64)
            finite = w[torch.isfinite(w)].abs()
            scale = 1e-3 * float(finite.max()) if len(finite) else 0.0
            near = (w - g).abs() <= 1e-10 + 1e-9 * w.abs().clamp(min=scale)
            if not bool((near | (w == g) | (w != w) & (g != g)).all()):
                return False
    return True


def read(name):
    with gzip.open(os.path.join(HERE, name), "rt") as f:
        return [json.loads(line) for line in f]


# ---- float32 -------------------------------------------------------------------------------------

def float32_request(request, typed):
    q = copy.deepcopy(request)
    if not typed:
        q["dtype"] = "float32"
    for part in (q["inputs"], (q.get("gradients") or {}).get("seeds", {})):
        for k in part:
            part[k] = narrow(part[k], typed)
    for n in q["graph"]["nodes"]:
        n["inputs"] = [narrow(x, True) if isinstance(x, dict) else x for x in n.get("inputs", [])]
    return q


def numbers(expect):
    return [flat(x["data"]) for part in expect.values() for x in part.values() if x]


def is_steady(request, expect):
    """Do the answers move by less than 2e-6 of the largest where operands do by half an ulp? Whole
    numbers stay, since they may be signs and choices."""
    for _ in range(4):
        moved = copy.deepcopy(request)
        for x in moved["inputs"].values():
            if isinstance(x, dict) and x["dtype"] == "float32":
                x["dtype"] = "float64"
                x["data"] = [d if isinstance(d, str) or d.is_integer() else
                             d * (1 + DRAW.choice([-1, 1]) * 2.0 ** -24) for d in x["data"]]
        for a, b in zip(numbers(expect), numbers(answer(moved))):
            a, b = ([SPECIAL.get(x, x) for x in y] for y in (a, b))
            finite = [abs(x) for x in a if math.isfinite(x)]
            largest = max(finite, default=0)
            if largest > 1e30 or 0 < largest < 1e-3 or any(
                    not (x == y or x != x and y != y or abs(x - y) <= 2e-6 * largest)
                    for x, y in zip(a, b)):
                return False
    return True


def float32_cases(op, candidates):
    found = []
    for request in candidates:
        reals = sum(len(x["data"]) for x in request["inputs"].values()
                    if isinstance(x, dict) and x.get("dtype") == "float64")
        if not 2 <= reals <= 400:
            continue
        typed = float32_request(request, True)
        if not is_steady(typed, answer(typed)):
            continue
        q = typed if not found else float32_request(request, False)
        found.append({"name": "%s/float32/%d" % (op, len(found)), "op": op, "request": q,
                      "expect": answer(q)})
        if len(found) == 2:
            break
    return found


# ---- all of it -----------------------------------------------------------------------------------

def main():
    foreign = [c for c in read("ops.jsonl.gz") + read("graphs.jsonl.gz")
               if isinstance(c["request"]["graph"], dict)]
    wrong = [c["name"] for c in foreign if not agrees(c["expect"], c["request"])]
    if wrong:
        sys.exit("the reference differs from PyTorch's samples: %s" % wrong)
    cases, count = [], {}
    for op, kind, request in CASES:
        k = count[op, kind] = count.get((op, kind), -1) + 1
        name = "%s/%s/%d" % (op, kind, k)
        try:
            complete(kind, request)
            cases.append({"name": name, "op": op, "request": request, "expect": answer(request)})
        except Exception:
            print("at", name, json.dumps(request), file=sys.stderr)
            raise
    mine = {}
    for c in cases:
        if "/float64/" in c["name"]:
            mine.setdefault(c["op"], []).append(c["request"])
    for c in foreign:
        if not c["op"].startswith(("kink ", "dag ")):
            mine.setdefault(c["op"], []).append(c["request"])
    for op in itertools.chain(OPS, CONTROL):
        found = float32_cases(op, mine.get(op, []))
        cases += found
        if not found:
            print("no float32 case:", op, file=sys.stderr)
    with open(os.path.join(HERE, "more.jsonl.gz"), "wb") as raw:
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=9) as f:
            for c in cases:
                f.write((json.dumps(c, separators=(",", ":"), allow_nan=False) + "\n").encode())
    print("%d cases of %d operators" % (len(cases), len({c["op"] for c in cases})))


if __name__ == "__main__":
    main()
