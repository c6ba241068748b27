"""Fifty training steps of stories260K in PyTorch, double precision: warm-up, cosine, clipping, decoupled decay, smoothed labels.

Usage: python3 training_course.py CHECKPOINT_LEGACY.bin > training-course.json
Every update sees all documents, each by itself (no packing) and weighted by its learned tokens, so any order, packing and
accumulation that is exact must follow the same losses.
"""
import json
import math
import sys

import torch

import stories260k as stories

COURSE = {"weightDecay": 0.05, "maxGradNorm": 0.5, "labelSmoothing": 0.1, "warmupSteps": 5, "totalSteps": 50}
# At 0.01 all weights swing so far that float32 and float64 part ways after some fifteen steps.
RATES = {"lora": 0.01, "full": 0.001}


def documents(weights, c):
    """Of different lengths; the first tokens of each are a prompt, which is not learned."""
    story = [1]
    while len(story) < 64:
        story.append(int(stories.logits_of(story, weights, c)[-1].argmax()))
    made = [[1] + [(i * i * (7 + 2 * n) + 11 * i + n) % c["V"] for i in range(length)] for n, length in enumerate((9, 30, 17, 44))]
    return [(tokens, [-100] * (3 + n) + tokens[3 + n:]) for n, tokens in enumerate([story] + made)]


def loss_of(examples, weights, c, lora, smoothing):
    losses = []
    for tokens, labels in examples:
        logits = stories.logits_of(tokens, weights, c, lora=lora)[:-1]
        losses.append(torch.nn.functional.cross_entropy(logits, torch.tensor(labels[1:]), reduction="none", ignore_index=-100, label_smoothing=smoothing))
    count = sum(label != -100 for _, labels in examples for label in labels[1:])
    return torch.cat(losses).sum() / count


def multiplier(k):
    W, T = COURSE["warmupSteps"], COURSE["totalSteps"]
    return k / W if k < W else 0.5 * (1 + math.cos(math.pi * (k - W) / (T - W)))


def train(examples, weights, c, lora, parameters, rate):
    groups = [{"params": [p], "weight_decay": COURSE["weightDecay"] if p.dim() == 2 else 0.0} for p in parameters]
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.999), eps=1e-8)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, multiplier)
    trace = []
    for _ in range(COURSE["totalSteps"]):
        used = scheduler.get_last_lr()[0]
        optimizer.zero_grad()
        loss = loss_of(examples, weights, c, lora, COURSE["labelSmoothing"])
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, COURSE["maxGradNorm"])
        optimizer.step()
        scheduler.step()
        trace.append({"loss": loss.item(), "gradNorm": norm.item(), "learningRate": used})
    with torch.no_grad():
        return {"learningRate": rate, "trace": trace, "evalLoss": loss_of(examples, weights, c, lora, 0.0).item()}


def main(path):
    original, c = stories.load(path)
    weights = stories.half_split(original, c)
    examples = documents(weights, c)
    lora = stories.start_adapter(weights, c)
    adapter = train(examples, weights, c, lora, [p for pair in lora.values() for p in pair], RATES["lora"])
    full = {name: weight.clone().requires_grad_() for name, weight in weights.items()}
    whole = train(examples, full, c, None, list(full.values()), RATES["full"])
    json.dump({"madeBy": f"training_course.py, torch {torch.__version__}, float64", "course": COURSE,
               "examples": [{"tokens": t, "labels": l} for t, l in examples], "lora": adapter, "full": whole}, sys.stdout, separators=(",", ":"))
    print()


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    main(sys.argv[1])
