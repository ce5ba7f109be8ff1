"""batch.py -- a million points of a small graph: libgrad beside a loop in C, beside JAX, over HTTP.

Use: batch.py URL [ROUNDS]. The cases are those of batch_run.c. JAX (jit of vmap of value_and_grad,
float64, one thread where it can be told so) is left out where it is not installed; numpy is needed.
"""
import base64
import http.client
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.parse

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
import numpy as np

try:
    import jax
    import jax.numpy as jnp
    jax.config.update("jax_enable_x64", True)
except ImportError:
    jax = None

POINTS = 1000000
RUN = os.path.join(os.environ.get("BUILD", "build"), "bench", "batch_run")


def node(name, op, *inputs):
    return {"id": name, "op": op, "inputs": list(inputs)}


PRODUCT = [node("q", "add", "x", "y"), node("f", "mul", "q", "z")]
WAVE = [node("q", "add", "x", "y"), node("p", "mul", "q", "z"), node("s", "sin", "p"),
        node("xx", "mul", "x", "x"), node("n", "neg", "xx"), node("e", "exp", "n"),
        node("zz", "mul", "z", "z"), node("o", "add", 1, "zz"), node("r", "sqrt", "o"),
        node("t", "tanh", "y"), node("a", "mul", "s", "e"), node("b", "mul", "t", "r"),
        node("f", "add", "a", "b")]
NODES = {"product": PRODUCT, "wave": WAVE, "sum": WAVE}


def inputs():
    i = np.arange(POINTS, dtype=np.uint64)
    return {name: ((i * 2654435761 + k * 40503) % 65536).astype(np.float64) / 32768 - 1
            for k, name in enumerate("xyz")}


def jax_time(case, data, rounds):
    def wave(x, y, z):
        return jnp.sin((x + y) * z) * jnp.exp(-x * x) + jnp.tanh(y) * jnp.sqrt(1 + z * z)

    def product(x, y, z):
        return (x + y) * z

    each = jax.vmap(jax.value_and_grad(product if case == "product" else wave, argnums=(0, 1, 2)))

    def summed(x, y, z):
        f, gradients = each(x, y, z)
        return f, [g.sum() for g in gradients]

    run = jax.jit(summed if case == "sum" else each)
    given = [jax.device_put(data[name]) for name in "xyz"]
    times = []
    for _ in range(rounds + 2):
        start = time.perf_counter()
        out = jax.block_until_ready(run(*given))
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times[2:]), out


def tensor(data):
    return {"shape": [POINTS], "dtype": "float64", "base64": base64.b64encode(data.tobytes()).decode()}


def numbers(answer):
    if not isinstance(answer, dict):
        return np.float64(answer)
    return np.frombuffer(base64.b64decode(answer["base64"]))


def over_http(conn, case, data, rounds):
    body = json.dumps({
        "graph": {"nodes": NODES[case], "outputs": ["f"]}, "batch": ["x", "y", "z"],
        "inputs": {name: tensor(x) for name, x in data.items()}, "values": "outputs",
        "gradients": {"wrt": ["x", "y", "z"], "reduce": "sum" if case == "sum" else "none"},
        "encoding": "base64"}).encode()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        conn.request("POST", "/v1/evaluate", body, {"Content-Type": "application/json"})
        answer = conn.getresponse()
        text = answer.read()
        times.append(1e3 * (time.perf_counter() - start))
        assert answer.status == 200, text[:500]
    answer = json.loads(text)
    found = [numbers(answer["values"]["f"])] + [numbers(answer["gradients"][k]) for k in "xyz"]
    return statistics.median(times), len(body), len(text), found


def main():
    url = urllib.parse.urlsplit(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    conn = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
    data = inputs()
    text = subprocess.run([RUN, str(rounds)], check=True, capture_output=True, text=True).stdout
    for line in text.splitlines():
        case, ours, loop, worst = line.split()
        ours, loop = float(ours), float(loop)
        print("%-8s libgrad %7.2f ms, loop in C %7.2f ms, ratio %.2f (differences %s)"
              % (case, ours, loop, loop / ours, worst))
        took, sent, got, found = over_http(conn, case, data, rounds)
        print("         over HTTP, base64, %.0f MB in and %.0f MB out: %.0f ms"
              % (sent / 1e6, got / 1e6, took))
        if jax:
            theirs, out = jax_time(case, data, rounds)
            want = [out[0], *out[1]]
            worst = max(float(np.max(np.abs(a - np.asarray(b)) / np.maximum(1, np.abs(b))))
                        for a, b in zip(found, want))
            assert worst < 1e-10, worst
            print("         jax %s %7.2f ms, ratio %.2f; against HTTP's answers: largest difference %.1g"
                  % (jax.__version__, theirs, theirs / ours, worst))


main()
