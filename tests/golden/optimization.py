"""Golden numbers for schedules, AdamW with clipping and label smoothing, from PyTorch in double precision.

Usage: python3 optimization.py > optimization.json
The schedules are LambdaLR with the multipliers of Hugging Face's get_linear_schedule_with_warmup,
get_cosine_schedule_with_warmup and get_constant_schedule_with_warmup, restated here.
"""
import json
import math
import sys

import torch

torch.set_default_dtype(torch.float64)


def multiplier(schedule, W, T):
    def at(k):
        if k < W:
            return k / max(1, W)
        if schedule == "constant":
            return 1.0
        if schedule == "linear":
            return max(0.0, (T - k) / max(1, T - W))
        return max(0.0, 0.5 * (1 + math.cos(math.pi * (k - W) / max(1, T - W))))
    return at


def wave(count, phase):
    """A formula both sides can compute."""
    return [math.sin(phase + 0.7 * i) for i in range(count)]


def schedules():
    rows = []
    for schedule in ("linear", "cosine", "constant"):
        for W, T in ((0, 5), (1, 5), (3, 10), (10, 10)):
            optimizer = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=3e-4)
            scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, multiplier(schedule, W, T))
            rates = []
            for _ in range(T):
                rates.append(optimizer.param_groups[0]["lr"])
                optimizer.step()
                scheduler.step()
            rows.append({"schedule": schedule, "warmupSteps": W, "totalSteps": T, "rates": rates})
    return rows


def updates():
    """Twelve updates of two tensors, only the first of which decays, with a warm-up and clipping that bites in some of them."""
    settings = {"learningRate": 0.02, "weightDecay": 0.1, "betas": [0.9, 0.999], "eps": 1e-8, "maxGradNorm": 1.0, "warmupSteps": 3, "totalSteps": 12}
    decayed, plain = (torch.tensor(wave(n, p), requires_grad=True) for n, p in ((6, 0.1), (3, 1.3)))
    optimizer = torch.optim.AdamW([{"params": [decayed], "weight_decay": settings["weightDecay"]}, {"params": [plain], "weight_decay": 0.0}],
                                  lr=settings["learningRate"], betas=tuple(settings["betas"]), eps=settings["eps"])
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, multiplier("cosine", settings["warmupSteps"], settings["totalSteps"]))
    trace = []
    for step in range(settings["totalSteps"]):
        scale = 0.05 if step % 3 == 0 else 1.5
        decayed.grad = torch.tensor(wave(6, step)) * scale
        plain.grad = torch.tensor(wave(3, step + 0.5)) * scale
        norm = torch.nn.utils.clip_grad_norm_([decayed, plain], settings["maxGradNorm"])
        optimizer.step()
        scheduler.step()
        trace.append({"gradNorm": norm.item(), "decayed": decayed.tolist(), "plain": plain.tolist()})
    return {**settings, "trace": trace}


def smoothing():
    """Seven logits per token. The gradient is that of the mean over three tokens."""
    rows = []
    for epsilon in (0.0, 0.1, 0.5):
        logits = torch.tensor([[3 * x for x in wave(7, phase)] for phase in (0.2, 1.1, 2.9)], requires_grad=True)
        labels = torch.tensor([4, 0, 6])
        losses = torch.nn.functional.cross_entropy(logits, labels, reduction="none", label_smoothing=epsilon)
        losses.mean().backward()
        rows.append({"labelSmoothing": epsilon, "labels": labels.tolist(), "logits": logits.tolist(), "losses": losses.tolist(), "gradient": logits.grad.tolist()})
    return rows


json.dump({"madeBy": f"optimization.py, torch {torch.__version__}, float64", "schedules": schedules(), "updates": updates(), "smoothing": smoothing()},
          sys.stdout, separators=(",", ":"))
print()
