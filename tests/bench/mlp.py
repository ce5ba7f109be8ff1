"""mlp.py -- the hundred-layer perceptron: every gradient held against torch, and the times of both.

Use: mlp.py URL [ROUNDS]. One thread on each side; rounds alternate; medians."""
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

import torch

torch.set_num_threads(1)
RUN = os.path.join(os.environ.get("BUILD", "build"), "bench", "mlp_run")


def model(inputs):
    leaves = {k: torch.tensor(v, dtype=torch.float64, requires_grad=True)
              for k, v in inputs.items() if k != "target"}
    return leaves, torch.tensor(inputs["target"])


def loss_of(leaves, target):
    h, layers = leaves["x"], sum(k[0] == "w" for k in leaves)
    for i in range(layers):
        h = torch.nn.functional.linear(h, leaves["w%d" % i], leaves["b%d" % i])
        if i < layers - 1:
            h = torch.tanh(h)
    return torch.nn.functional.cross_entropy(h, target)


def torch_time(leaves, target):
    start = time.perf_counter()
    torch.autograd.grad(loss_of(leaves, target), list(leaves.values()))
    return 1e3 * (time.perf_counter() - start)


def main():
    url = urllib.parse.urlsplit(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    with tempfile.NamedTemporaryFile() as f:
        subprocess.run([RUN, "request", f.name], check=True)
        body = open(f.name, "rb").read()
    leaves, target = model(json.loads(body)["inputs"])
    loss = loss_of(leaves, target)
    loss.backward()
    conn = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
    start = time.perf_counter()
    conn.request("POST", "/v1/evaluate", body, {"Content-Type": "application/json"})
    answer = conn.getresponse()
    text = answer.read()
    elapsed = time.perf_counter() - start
    assert answer.status == 200, text[:500]
    answer = json.loads(text)
    worst = abs(answer["values"]["loss"] / loss.item() - 1)
    for name, leaf in leaves.items():
        got = torch.tensor(answer["gradients"][name], dtype=torch.float64)
        assert got.shape == leaf.shape, name
        worst = max(worst, ((got - leaf.grad).abs().max() / leaf.grad.abs().max()).item())
    print("every parameter's gradient against torch %s: largest relative difference %.2g"
          % (torch.__version__, worst))
    assert worst <= 1e-9
    print("over HTTP as JSON, %.1f MB in and %.1f MB out: %.0f ms"
          % (len(body) / 1e6, len(text) / 1e6, 1e3 * elapsed))
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(float(subprocess.run([RUN, "time", "15"], check=True, capture_output=True,
                                         text=True).stdout))
        theirs.append(statistics.median(torch_time(leaves, target) for _ in range(15)))
    a, b = statistics.median(ours), statistics.median(theirs)
    print("value and all gradients in process: libgrad %.2f ms, torch eager %.2f ms, ratio %.2f"
          % (a, b, b / a))


main()
