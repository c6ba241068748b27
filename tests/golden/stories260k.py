"""Golden numbers for the engine, from PyTorch autograd and torch.optim.AdamW in double precision.

Usage: python3 stories260k.py CHECKPOINT_LEGACY.bin > stories260k.json
The model is computed twice, in llama2.c's interleaved layout and in Hugging Face's half-split layout with
permuted query and key rows; both must agree before anything is printed.
"""
import json
import math
import struct
import sys

import torch

EPS, THETA = 1e-5, 10000.0


def load(path):
    raw = open(path, "rb").read()
    D, F, L, H, K, V, T = struct.unpack("7i", raw[:28])
    values = torch.tensor(struct.unpack(f"{(len(raw) - 28) // 4}f", raw[28:]), dtype=torch.float64)
    position = 0

    def take(*shape):
        nonlocal position
        count = math.prod(shape)
        position += count
        return values[position - count:position].reshape(shape).clone()

    d = D // H
    names = [("input_layernorm", (D,)), ("self_attn.q_proj", (D, D)), ("self_attn.k_proj", (K * d, D)),
             ("self_attn.v_proj", (K * d, D)), ("self_attn.o_proj", (D, D)), ("post_attention_layernorm", (D,)),
             ("mlp.gate_proj", (F, D)), ("mlp.down_proj", (D, F)), ("mlp.up_proj", (F, D))]
    weights = {"model.embed_tokens": take(V, D)}
    for name, shape in names:
        for layer in range(L):
            weights[f"model.layers.{layer}.{name}"] = take(*shape)
    weights["model.norm"] = take(D)
    return weights, dict(D=D, F=F, L=L, H=H, K=K, V=V, T=T, d=d)


def half_split(weights, c):
    """Query and key rows in the order of Hugging Face's conversion: even rows of a head, then odd rows."""
    out = dict(weights)
    for name, weight in weights.items():
        if name.endswith(("q_proj", "k_proj")):
            out[name] = weight.view(-1, c["d"] // 2, 2, c["D"]).transpose(1, 2).reshape(weight.shape).clone()
    return out


def rotate(x, interleaved):
    T, d = x.shape[-2], x.shape[-1]
    angles = torch.arange(T)[:, None] * THETA ** (-2 * torch.arange(d // 2) / d)
    cos, sin = torch.cos(angles), torch.sin(angles)
    if interleaved:
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)
    a, b = x[..., : d // 2], x[..., d // 2:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def norm(x, weight):
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + EPS) * weight


def logits_of(tokens, weights, c, interleaved=False, lora=None):
    H, K, d, T = c["H"], c["K"], c["d"], len(tokens)

    def linear(x, name):
        y = x @ weights[name].T
        if lora and name in lora:
            a, b, *magnitude = lora[name]
            scale = LORA["alpha"] / LORA["rank"]
            update = (x @ a.T) @ b.T * scale
            if not magnitude:
                return y + update
            # DoRA as PEFT computes it: the norm of the adapted rows is a constant in the gradient.
            stretch = magnitude[0] / torch.linalg.norm(weights[name] + scale * (b @ a), dim=1).detach()
            y = y + (stretch - 1) * y + stretch * update
        return y

    x = weights["model.embed_tokens"][tokens]
    mask = torch.full((T, T), -math.inf).triu(1)
    for layer in range(c["L"]):
        p = f"model.layers.{layer}."
        h = norm(x, weights[p + "input_layernorm"])
        q, k, v = (linear(h, f"{p}self_attn.{n}_proj").view(T, -1, d).transpose(0, 1) for n in "qkv")
        q, k = rotate(q, interleaved), rotate(k, interleaved)
        k, v = (t.repeat_interleave(H // K, 0) for t in (k, v))
        scores = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(d) + mask, -1)
        x = x + linear((scores @ v).transpose(0, 1).reshape(T, H * d), p + "self_attn.o_proj")
        h = norm(x, weights[p + "post_attention_layernorm"])
        gate = linear(h, p + "mlp.gate_proj")
        x = x + linear(gate * torch.sigmoid(gate) * linear(h, p + "mlp.up_proj"), p + "mlp.down_proj")
    return norm(x, weights["model.norm"]) @ weights["model.embed_tokens"].T


def batch_loss(examples, weights, c, lora=None):
    """Token-weighted mean over the batch: position t predicts labels[t+1], -100 is not counted."""
    total, count = 0.0, 0
    for tokens, labels in examples:
        nll = -torch.log_softmax(logits_of(tokens, weights, c, lora=lora), -1)
        for t, label in enumerate(labels[1:]):
            if label != -100:
                total, count = total + nll[t, label], count + 1
    return total / count


def train(examples, weights, c, lora, parameters, decayed, steps, factors=None):
    """HF conventions: linear schedule, clip at 1, decoupled decay. `factors`: of each parameter's learning rate."""
    rate = STEP["learningRate"]
    factors = factors or [1] * len(parameters)
    optimizer = torch.optim.AdamW([
        {"params": [p], "weight_decay": STEP["weightDecay"] if keep else 0.0} for p, keep in zip(parameters, decayed)
    ], lr=rate, betas=(0.9, 0.999), eps=1e-8)
    trace = []
    for step in range(steps):
        for group, factor in zip(optimizer.param_groups, factors):
            group["lr"] = rate * factor * (steps - step) / steps
        optimizer.zero_grad()
        loss = batch_loss(examples, weights, c, lora)
        loss.backward()
        grad_norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        trace.append({"loss": loss.item(), "gradNorm": grad_norm.item()})
    return trace


LORA = {"rank": 4, "alpha": 8, "targetModules": ["q_proj", "v_proj", "down_proj"]}
RATIO = 4  # LoRA+: learning rate of B and of the magnitudes over that of A
STEP = {"learningRate": 0.005, "weightDecay": 0.1, "steps": 6}


def lora_values(rows, columns, phase):
    """A formula both sides can compute; float32 on both."""
    flat = [0.1 * math.sin(phase + 0.37 * i) for i in range(rows * columns)]
    return torch.tensor(flat, dtype=torch.float32).double().reshape(rows, columns)


def start_adapter(weights, c, with_magnitudes=False):
    lora, index = {}, 0
    for layer in range(c["L"]):
        for name in ("self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj"):
            weight = weights[f"model.layers.{layer}.{name}"]
            rows, columns = weight.shape
            parts = [lora_values(LORA["rank"], columns, index), lora_values(rows, LORA["rank"], index + 0.5)]
            if with_magnitudes:
                parts.append(weight.norm(dim=1) * (1 + lora_values(1, rows, index + 0.25)[0]))
            lora[f"model.layers.{layer}.{name}"] = [p.requires_grad_() for p in parts]
            index += 1
    return lora


def adapter_gradients(examples, weights, c, lora):
    batch_loss(examples, weights, c, lora).backward()
    suffixes = ("lora_A.weight", "lora_B.weight", "lora_magnitude_vector")
    return {f"{name}.{suffix}": {"norm": p.grad.norm().item(), "first": p.grad.flatten()[:4].tolist()}
            for name, parts in lora.items() for suffix, p in zip(suffixes, parts)}


def main(path):
    original, c = load(path)
    weights = half_split(original, c)
    story = [1]
    while len(story) < 96:
        story.append(int(logits_of(story, weights, c)[-1].argmax()))
    noise = [1] + [(i * i * 31 + i * 17 + 5) % c["V"] for i in range(40)]
    difference = (logits_of(noise, weights, c) - logits_of(noise, original, c, interleaved=True)).abs().max()
    assert difference < 1e-10, difference
    examples = [(story, [-100] * 10 + story[10:]), (noise, noise)]
    nll = [[-torch.log_softmax(logits_of(t, weights, c), -1)[i, t[i + 1]].item() for i in range(len(t) - 1)] for t, _ in examples]

    lora = start_adapter(weights, c)
    adapters = [p for pair in lora.values() for p in pair]
    gradients = adapter_gradients(examples, weights, c, lora)
    lora_trace = train(examples, weights, c, lora, adapters, [True] * len(adapters), STEP["steps"])

    dora = start_adapter(weights, c, with_magnitudes=True)
    dora_parts = [p for parts in dora.values() for p in parts]
    dora_gradients = adapter_gradients(examples, weights, c, dora)
    dora_logits = logits_of(story, weights, c, lora=dora)[-1].tolist()
    dora_trace = train(examples, weights, c, dora, dora_parts, [True] * len(dora_parts), STEP["steps"], [1, RATIO, RATIO] * len(dora))

    full = {name: w.clone().requires_grad_() for name, w in weights.items()}
    batch_loss(examples, full, c).backward()
    full_gradients = {f"{name}.weight": w.grad.norm().item() for name, w in full.items()}
    full_trace = train(examples, full, c, None, list(full.values()), [w.dim() == 2 for w in full.values()], STEP["steps"])
    json.dump({
        "madeBy": f"stories260k.py, torch {torch.__version__}, float64",
        "examples": [{"tokens": t, "labels": l} for t, l in examples],
        "nll": nll, "lastLogits": logits_of(story, weights, c)[-1].tolist(),
        "lora": {**LORA, "gradients": gradients, "trace": lora_trace},
        "dora": {"loraPlusRatio": RATIO, "gradients": dora_gradients, "lastLogits": dora_logits, "trace": dora_trace}, "full": {"gradientNorms": full_gradients, "trace": full_trace}, "step": STEP,
    }, sys.stdout, separators=(",", ":"))
    print()


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    main(sys.argv[1])
