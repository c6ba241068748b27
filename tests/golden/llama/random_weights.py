"""The random weights of tests/support/random-llama.ts, drawn again: a hash of each tensor's name and each value's place."""
import math
import struct

import numpy as np
import torch


def random_weight(name, shape, seed):
    """float32 tensor; matrices uniform with variance 1/columns, norm weights around 1, biases around 0."""
    key = 0x811C9DC5
    for byte in struct.pack("<I", seed) + name.encode():
        key = ((key ^ byte) * 0x01000193) & 0xFFFFFFFF
    with np.errstate(over="ignore"):
        bits = np.arange(math.prod(shape), dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(key)
        bits = (bits ^ (bits >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        bits = (bits ^ (bits >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        bits = (bits ^ (bits >> np.uint32(16))) >> np.uint32(8)
    is_matrix = len(shape) == 2
    width = 2 * math.sqrt(3 / shape[1]) if is_matrix else 0.5
    middle = 0 if is_matrix or name.endswith(".bias") else 1
    values = middle + width * (bits.astype(np.float64) / 2**24 - 0.5)
    return torch.from_numpy(values.astype(np.float32)).reshape(shape)


STORED = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}


def stored_weight(name, shape, seed, dtype):
    """As read back from a file of this dtype."""
    return random_weight(name, shape, seed).to(STORED[dtype]).float()
