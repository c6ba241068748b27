"""The Llama family in PyTorch, for goldens: written from the published architecture, apart from the engine.

Reads the fields of config.json itself. Shapes: T positions, D hidden, H query heads, K key/value heads, d head size.
Sources: Touvron et al. 2023 (arXiv:2302.13971, 2307.09288), Su et al. 2021 (2104.09864, half-split layout of the
Hugging Face checkpoints), Ainslie et al. 2023 (2305.13245), Llama 3.1's frequency scaling as published with its code.
"""
import math

import torch

PROJECTIONS = {"self_attn": ("q_proj", "k_proj", "v_proj", "o_proj"), "mlp": ("gate_proj", "up_proj", "down_proj")}


def sizes(config):
    D, H = config["hidden_size"], config["num_attention_heads"]
    K = config.get("num_key_value_heads") or H
    d = config.get("head_dim") or D // H
    return D, config["intermediate_size"], H, K, d, config["vocab_size"], config["num_hidden_layers"]


def weight_shapes(config):
    D, F, H, K, d, V, L = sizes(config)
    shapes = {"model.embed_tokens.weight": (V, D), "model.norm.weight": (D,)}
    for layer in range(L):
        p = f"model.layers.{layer}."
        shapes |= {
            p + "input_layernorm.weight": (D,), p + "post_attention_layernorm.weight": (D,),
            p + "self_attn.q_proj.weight": (H * d, D), p + "self_attn.k_proj.weight": (K * d, D),
            p + "self_attn.v_proj.weight": (K * d, D), p + "self_attn.o_proj.weight": (D, H * d),
            p + "mlp.gate_proj.weight": (F, D), p + "mlp.up_proj.weight": (F, D), p + "mlp.down_proj.weight": (D, F)}
        if config["model_type"] == "qwen2":
            shapes |= {p + f"self_attn.{n}_proj.bias": (heads * d,) for n, heads in (("q", H), ("k", K), ("v", K))}
    if not config.get("tie_word_embeddings", False):
        shapes["lm_head.weight"] = (V, D)
    return shapes


def inverse_frequencies(config):
    d = sizes(config)[4]
    rope = config.get("rope_parameters") or {"rope_theta": config.get("rope_theta", 10000.0), **(config.get("rope_scaling") or {})}
    frequencies = 1.0 / rope["rope_theta"] ** (torch.arange(0, d, 2, dtype=torch.int64).double() / d)
    if rope.get("rope_type", "default") == "default":
        return frequencies
    assert rope["rope_type"] == "llama3", rope
    low, high, old = rope["low_freq_factor"], rope["high_freq_factor"], rope["original_max_position_embeddings"]
    scaled = []
    for frequency in frequencies.tolist():
        wavelength = 2 * math.pi / frequency
        if wavelength < old / high:
            scaled.append(frequency)
        elif wavelength > old / low:
            scaled.append(frequency / rope["factor"])
        else:
            smooth = (old / wavelength - low) / (high - low)
            scaled.append((1 - smooth) * frequency / rope["factor"] + smooth * frequency)
    return torch.tensor(scaled, dtype=torch.float64)


def rotate(x, angles):
    """x [heads,T,d] by angles [T,d/2]; the two halves of a head are the two coordinates of each rotated plane."""
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    cos, sin = torch.cos(angles), torch.sin(angles)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def rms_norm(x, weight, eps):
    return weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps))


def logits_of(tokens, config, weights, lora=None):
    """[T,V]. lora: module path → (A [r,in], B [out,r], scaling)."""
    D, F, H, K, d, V, L = sizes(config)
    T, dtype = len(tokens), weights["model.norm.weight"].dtype
    eps = config.get("rms_norm_eps", 1e-6)

    def linear(x, module):
        y = x @ weights[module + ".weight"].T
        if module + ".bias" in weights:
            y = y + weights[module + ".bias"]
        if lora and module in lora:
            a, b, scaling = lora[module]
            y = y + ((x @ a.T) @ b.T) * scaling
        return y

    angles = (torch.arange(T).double()[:, None] * inverse_frequencies(config).float().double()[None]).to(dtype)
    blocked = torch.ones(T, T, dtype=torch.bool).triu(1)
    x = weights["model.embed_tokens.weight"][tokens]
    for layer in range(L):
        p = f"model.layers.{layer}."
        h = rms_norm(x, weights[p + "input_layernorm.weight"], eps)
        q, k, v = (linear(h, f"{p}self_attn.{n}_proj").view(T, -1, d).transpose(0, 1) for n in "qkv")
        q, k = rotate(q, angles), rotate(k, angles)
        k, v = (t.repeat_interleave(H // K, 0) for t in (k, v))
        scores = (q @ k.transpose(1, 2) / math.sqrt(d)).masked_fill(blocked, -math.inf)
        x = x + linear((torch.softmax(scores, -1) @ v).transpose(0, 1).reshape(T, H * d), p + "self_attn.o_proj")
        h = rms_norm(x, weights[p + "post_attention_layernorm.weight"], eps)
        x = x + linear(torch.nn.functional.silu(linear(h, p + "mlp.gate_proj")) * linear(h, p + "mlp.up_proj"), p + "mlp.down_proj")
    head = "model.embed_tokens.weight" if config.get("tie_word_embeddings", False) else "lm_head.weight"
    return rms_norm(x, weights["model.norm.weight"], eps) @ weights[head].T


def batch_loss(examples, config, weights, lora=None):
    """Mean over the supervised tokens of all examples: position t predicts labels[t+1]; -100 is not counted."""
    total, count = 0.0, 0
    for tokens, labels in examples:
        targets = torch.tensor(labels[1:])
        total = total + torch.nn.functional.cross_entropy(logits_of(tokens, config, weights, lora)[:-1], targets, ignore_index=-100, reduction="sum")
        count += int((targets != -100).sum())
    return total / count


def lora_modules(config):
    return [f"model.layers.{layer}.{part}.{name}" for layer in range(sizes(config)[6]) for part, names in PROJECTIONS.items() for name in names]


def learning_rate(step, options):
    """Rate of update `step` (0 for the first): linear warm-up, then half a cosine down to 0, as Transformers' LambdaLR has it."""
    warmup, total = options["warmupSteps"], options["totalSteps"]
    if step < warmup:
        return options["learningRate"] * step / warmup
    return options["learningRate"] * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))


def train(batches, config, weights, lora, options):
    """AdamW on every adapter matrix, clipping by global norm. Returns each step's loss and gradient norm."""
    parameters = [p for a, b, _ in lora.values() for p in (a, b)]
    optimizer = torch.optim.AdamW(parameters, lr=options["learningRate"], betas=tuple(options["betas"]), eps=options["eps"], weight_decay=options["weightDecay"])
    losses, norms = [], []
    for step, batch in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, options)
        optimizer.zero_grad()
        loss = batch_loss(batch, config, weights, lora)
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(parameters, options["maxGradNorm"]).item())
        optimizer.step()
        losses.append(loss.item())
    return losses, norms
