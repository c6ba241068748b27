"""Golden numbers of every supported architecture, from PyTorch autograd and torch.optim.AdamW.

Usage: python3 architectures.py [CASE…] > architectures/golden.json
       python3 architectures.py --checkpoint CHECKPOINT_LEGACY.bin > architectures/stories260k.json
Each case of architectures/cases.json is a tiny model with random weights. Computed in float32, which is what is asked
for, and in float64, which says how far float32 itself is from the truth.
"""
import base64
import json
import os
import sys

import torch

from random_weights import random_weight, stored_weight
from reference import batch_loss, logits_of, lora_modules, train, weight_shapes

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "architectures")


def packed(tensor):
    return base64.b64encode(tensor.detach().float().contiguous().numpy().tobytes()).decode()


def adapter(config, weights, spec, dtype):
    """Both matrices away from zero, so that every gradient is."""
    lora = {}
    for module in lora_modules(config):
        out, width = weights[module + ".weight"].shape
        a = random_weight(module + ".lora_A.weight", (spec["rank"], width), spec["seed"])
        b = random_weight(module + ".lora_B.weight", (out, spec["rank"]), spec["seed"])
        scaling = spec["alpha"] / (spec["rank"] ** 0.5 if spec["useRslora"] else spec["rank"])
        lora[module] = tuple((spec["shrink"] * m.double()).float().to(dtype).requires_grad_() for m in (a, b)) + (scaling,)
    return lora


def random_model(case):
    return {name: stored_weight(name, shape, case["seed"], case["dtype"]) for name, shape in weight_shapes(case["config"]).items()}


def compute(case, stored, shared, dtype):
    config = case["config"]
    weights = {name: weight.to(dtype) for name, weight in stored.items()}
    examples = [(e["tokens"], e["labels"]) for e in shared["examples"]]
    lora = adapter(config, weights, case["lora"], dtype)
    loss = batch_loss(examples, config, weights, lora)
    loss.backward()
    gradients = {f"{module}.lora_{side}.weight": pair[index].grad for module, pair in lora.items() for index, side in enumerate("AB")}
    batch = shared["training"]["batchSize"]
    batches = [[examples[i] for i in order[start:start + batch]] for order in shared["order"] for start in range(0, len(order), batch)]
    losses, norms = train(batches[:shared["training"]["totalSteps"]], config, weights, adapter(config, weights, case["lora"], dtype), shared["training"])
    return {"logits": logits_of(examples[0][0], config, weights), "loss": loss.item(), "gradients": gradients, "losses": losses, "norms": norms}


def deviation(value, exact):
    return ((value.double() - exact).abs().max() / exact.abs().max()).item()


def golden(case, stored, shared):
    single, exact = compute(case, stored, shared, torch.float32), compute(case, stored, shared, torch.float64)
    return {
        "logits": packed(single["logits"]), "loss": single["loss"], "losses": single["losses"], "gradNorms": single["norms"],
        "gradients": {name: packed(gradient) for name, gradient in single["gradients"].items()},
        "float32Against64": {
            "logits": deviation(single["logits"], exact["logits"]),
            "gradients": max(deviation(single["gradients"][name], exact["gradients"][name]) for name in exact["gradients"]),
            "losses": max(abs(a / b - 1) for a, b in zip(single["losses"], exact["losses"])),
        },
    }


def main(arguments):
    torch.set_num_threads(1)
    with open(os.path.join(FOLDER, "cases.json")) as file:
        shared = json.load(file)
    if arguments[:1] == ["--checkpoint"]:
        # Behind the standard library, whose names other goldens share.
        sys.path.append(os.path.dirname(os.path.dirname(FOLDER)))
        from stories260k import half_split, load
        original, sizes = load(arguments[1])
        case = shared["stories260K"]
        stored = {name + ".weight": weight for name, weight in half_split(original, sizes).items()}
        assert {name: tuple(weight.shape) for name, weight in stored.items()} == weight_shapes(case["config"])
        results = {"stories260K": golden(case, stored, shared)}
    else:
        results = {name: golden(case, random_model(case), shared) for name, case in shared["cases"].items() if not arguments or name in arguments}
    json.dump({"madeBy": f"architectures.py, torch {torch.__version__}", "cases": results}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main(sys.argv[1:])
