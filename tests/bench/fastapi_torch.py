"""fastapi_torch.py -- the service that most people would write: FastAPI, and torch for the gradients.

Use: fastapi_torch.py PORT_FILE. Answers POST /v1/evaluate for scalar graphs of add and mul."""
import socket
import sys

import torch
import uvicorn
from fastapi import FastAPI, Request

torch.set_num_threads(1)
app = FastAPI()
OPS = {"add": torch.add, "mul": torch.mul}


@app.post("/v1/evaluate")
async def evaluate(request: Request):
    body = await request.json()
    values = {k: torch.tensor(float(v), dtype=torch.float64, requires_grad=True)
              for k, v in body["inputs"].items()}
    for node in body["graph"]["nodes"]:
        values[node["id"]] = OPS[node["op"]](*(values[i] for i in node["inputs"]))
        values[node["id"]].retain_grad()
    outputs = body["graph"]["outputs"]
    sum(values[o] for o in outputs).backward()
    return {"outputs": outputs, "values": {k: v.item() for k, v in values.items()},
            "gradients": {k: v.grad.item() for k, v in values.items()}}


if __name__ == "__main__":
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    with open(sys.argv[1], "w") as f:
        f.write(str(listener.getsockname()[1]))
    uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run([listener])
