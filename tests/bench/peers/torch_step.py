"""Answers JSON lines on standard input: {"do": "open" | "step" | "probe", ...}. Driven by tests/bench/engine.ts."""
import ctypes
import json
import re
import sys
import time

import torch

from torch_llama import Llama

LIBRARY = re.compile(r'\S*(?:openblas|libmkl)\S*\.so\S*$')


def loaded_blas():
    """File and kernel family of the BLAS in this process."""
    with open('/proc/self/maps') as maps:
        found = sorted({match.group(0) for match in map(LIBRARY.search, maps.read().splitlines()) if match})
    for path in found:
        try:
            name = ctypes.CDLL(path).openblas_get_corename
        except AttributeError:
            continue
        name.restype = ctypes.c_char_p
        return f'{path.split("/")[-2]} {name().decode()}'
    return ' '.join(found) or 'none'


def best_gflops(rows=512, inner=2048, columns=2048, repeats=12):
    a, b = torch.randn(rows, inner), torch.randn(columns, inner)
    best = float('inf')
    for _ in range(repeats):
        started = time.perf_counter()
        torch.mm(a, b.t())
        best = min(best, time.perf_counter() - started)
    return 2 * rows * inner * columns / best / 1e9


class Training:
    def __init__(self, request):
        self.model = Llama(request['folder'], request['adapter'], request['lora'])
        optimizer = request['optimizer']
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=optimizer['learningRate'], betas=optimizer['betas'], eps=optimizer['eps'], weight_decay=optimizer['weightDecay'], foreach=True)
        self.max_norm = optimizer['maxGradNorm']

    def step(self, tokens, labels):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.model.loss(tokens, labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.max_norm)
        self.optimizer.step()
        return loss.item()


def main():
    training, batches = None, []
    for line in sys.stdin:
        request = json.loads(line)
        answer = {}
        if request['do'] == 'probe':
            answer = {'torch': torch.__version__, 'threads': torch.get_num_threads(), 'blas': loaded_blas(), 'gflops': best_gflops()}
        elif request['do'] == 'open':
            training = Training(request)
            batches = [(torch.tensor(tokens), torch.tensor(labels)) for tokens, labels in request['batches']]
        elif request['do'] == 'step':
            started = time.perf_counter()
            losses = [training.step(*batch) for batch in batches]
            answer = {'ms': (time.perf_counter() - started) * 1000, 'losses': losses, 'supervised': []}
        print(json.dumps(answer), flush=True)


main()
