"""LoRA adapters as PEFT loads and writes them, read and written here by its rules alone; logits for both directions.

Usage: python3 adapters.py [FOLDER] > adapters/golden.json
Reads adapters/engine, which the engine trained, and writes FOLDER, else adapters/python, an adapter with rank-stabilised scaling,
three target modules and patterns of their own. PEFT's rules: peft/tuners/lora (config.py, layer.py),
peft/utils/save_and_load.py (key names), peft/utils/other.py (get_pattern_key), tuners/tuners_utils.py (targets).
"""
import json
import os
import re
import struct
import sys

import numpy as np
import torch

from architectures import FOLDER as CASES_FOLDER, packed, random_model
from reference import logits_of, lora_modules
from random_weights import random_weight

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "adapters")
PREFIX = "base_model.model."


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        assert entry["dtype"] == "F32", (name, entry)
        begin, end = entry["data_offsets"]
        tensors[name] = torch.from_numpy(np.frombuffer(data[begin:end], "<f4").reshape(entry["shape"]).copy())
    return tensors


def write_safetensors(path, tensors):
    header, blobs, offset = {"__metadata__": {"format": "pt"}}, [], 0
    for name in sorted(tensors):
        blob = tensors[name].contiguous().numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensors[name].shape), "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def is_target(module, target):
    if isinstance(target, str):
        return target == "all-linear" or re.fullmatch(target, module) is not None
    return any(module == name or module.endswith("." + name) for name in target)


def by_pattern(patterns, module, otherwise):
    for pattern, value in patterns.items():
        if re.match(rf"(.*\.)?({pattern})$", module):
            return value
    return otherwise


def load_adapter(folder, config):
    """module → (A, B, scaling), every tensor used and none missing."""
    with open(os.path.join(folder, "adapter_config.json")) as file:
        peft = json.load(file)
    assert peft["peft_type"] == "LORA" and not peft["use_dora"] and peft["bias"] == "none", peft
    tensors = read_safetensors(os.path.join(folder, "adapter_model.safetensors"))
    lora = {}
    for module in lora_modules(config):
        if not is_target(module, peft["target_modules"]):
            continue
        rank = by_pattern(peft["rank_pattern"], module, peft["r"])
        alpha = by_pattern(peft["alpha_pattern"], module, peft["lora_alpha"])
        a, b = (tensors.pop(f"{PREFIX}{module}.lora_{side}.weight") for side in "AB")
        assert a.shape[0] == rank and b.shape[1] == rank, (module, a.shape, b.shape)
        lora[module] = (a, b, alpha / (rank ** 0.5 if peft["use_rslora"] else rank))
    assert not tensors, f"tensors of no target module: {list(tensors)}"
    return lora


def write_adapter(folder, config, weights):
    peft = {
        "alpha_pattern": {"layers.1.mlp.down_proj": 6}, "auto_mapping": None, "base_model_name_or_path": "tiny", "bias": "none", "fan_in_fan_out": False,
        "inference_mode": True, "init_lora_weights": True, "layer_replication": None, "layers_pattern": None, "layers_to_transform": None, "loftq_config": {},
        "lora_alpha": 8, "lora_dropout": 0.05, "megatron_config": None, "megatron_core": "megatron.core", "modules_to_save": None, "peft_type": "LORA", "r": 4,
        "rank_pattern": {"q_proj": 3}, "revision": None, "target_modules": ["v_proj", "down_proj", "q_proj"], "task_type": "CAUSAL_LM", "use_dora": False, "use_rslora": True}
    tensors = {}
    for module in lora_modules(config):
        if not is_target(module, peft["target_modules"]):
            continue
        rank, (out, width) = by_pattern(peft["rank_pattern"], module, peft["r"]), weights[module + ".weight"].shape
        for side, shape in (("A", (rank, width)), ("B", (out, rank))):
            name = f"{module}.lora_{side}.weight"
            tensors[PREFIX + name] = 0.3 * random_weight(name, shape, 21)
    os.makedirs(folder, exist_ok=True)
    write_safetensors(os.path.join(folder, "adapter_model.safetensors"), tensors)
    with open(os.path.join(folder, "adapter_config.json"), "w") as file:
        file.write(json.dumps(peft, indent=2, sort_keys=True))


def main(arguments):
    torch.set_num_threads(1)
    with open(os.path.join(CASES_FOLDER, "cases.json")) as file:
        shared = json.load(file)
    case = shared["cases"]["llama-3.2"]
    config, weights, tokens = case["config"], random_model(case), shared["examples"][0]["tokens"]
    folders = {"engine": os.path.join(FOLDER, "engine"), "python": arguments[0] if arguments else os.path.join(FOLDER, "python")}
    write_adapter(folders["python"], config, weights)
    adapters = {name: load_adapter(folder, config) for name, folder in folders.items()}
    json.dump({"madeBy": f"adapters.py, torch {torch.__version__}", "base": packed(logits_of(tokens, config, weights)),
               "adapters": {name: packed(logits_of(tokens, config, weights, lora)) for name, lora in adapters.items()}}, sys.stdout, indent=1)
    print()


main(sys.argv[1:])
