"""The peer: LoRA training of a Llama in plain PyTorch, float32, as one would write it to be fast on a CPU.

Matrices stay two-dimensional, LoRA's second product is added to the base product as it is computed (addmm), grouped
query heads share a key head without repeating it, the mask is added by the score product itself (baddbmm), and
cross-entropy is PyTorch's own. Works with PyTorch 1.13, which has no scaled_dot_product_attention.
"""
import json
import math
import mmap
import os

import numpy
import torch
import torch.nn.functional as F

MODULES = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj', 'self_attn.o_proj', 'mlp.gate_proj', 'mlp.up_proj', 'mlp.down_proj']


def read_safetensors(path):
    """Name -> float32 tensor; copied out of the file, as every loader for training does."""
    with open(path, 'rb') as file:
        length = int.from_bytes(file.read(8), 'little')
        header = json.loads(file.read(length))
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    tensors = {}
    for name, entry in header.items():
        if name == '__metadata__':
            continue
        assert entry['dtype'] == 'F32', name
        begin, end = entry['data_offsets']
        array = numpy.frombuffer(data, numpy.float32, (end - begin) // 4, 8 + length + begin)
        tensors[name] = torch.from_numpy(array.copy().reshape(entry['shape']))
    return tensors


def inverse_frequencies(config):
    dim = config['head_dim']
    frequencies = 1.0 / config['rope_theta'] ** (torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    scaling = config.get('rope_scaling')
    if scaling is None:
        return frequencies.float()
    old, factor = scaling['original_max_position_embeddings'], scaling['factor']
    low, high = scaling['low_freq_factor'], scaling['high_freq_factor']
    wave = 2 * math.pi / frequencies
    smooth = (old / wave - low) / (high - low)
    blend = (1 - smooth) * frequencies / factor + smooth * frequencies
    scaled = torch.where(wave > old / low, frequencies / factor, torch.where(wave < old / high, frequencies, blend))
    return scaled.float()


class Llama:
    def __init__(self, folder, adapter, lora):
        with open(os.path.join(folder, 'config.json')) as file:
            self.config = json.load(file)
        self.weights = read_safetensors(os.path.join(folder, 'model.safetensors'))
        self.scale = lora['alpha'] / lora['rank']
        stored = read_safetensors(os.path.join(adapter, 'adapter_model.safetensors'))
        self.lora = {name.removeprefix('base_model.model.'): tensor.requires_grad_(True) for name, tensor in stored.items()}
        self.tables = {}

    def parameters(self):
        return list(self.lora.values())

    def rope(self, length):
        if length not in self.tables:
            angles = torch.outer(torch.arange(length, dtype=torch.float32), inverse_frequencies(self.config))
            mask = torch.full((length, length), -1e9).triu(1)
            groups = self.config['num_attention_heads'] // self.config['num_key_value_heads']
            self.tables[length] = angles.cos(), angles.sin(), mask.repeat(groups, 1)
        return self.tables[length]

    def linear(self, x, module):
        base = F.linear(x, self.weights[module + '.weight'])
        inner = F.linear(x, self.lora[module + '.lora_A.weight']) * self.scale
        return torch.addmm(base, inner, self.lora[module + '.lora_B.weight'].t())

    def norm(self, x, name):
        variance = x.pow(2).mean(-1, keepdim=True)
        return x * torch.rsqrt(variance + self.config['rms_norm_eps']) * self.weights[name]

    def attention(self, x, prefix, B, T):
        heads, kv, d = self.config['num_attention_heads'], self.config['num_key_value_heads'], self.config['head_dim']
        cos, sin, mask = self.rope(T)

        def split(module, count):
            return self.linear(x, prefix + module).view(B, T, count, d).transpose(1, 2)

        def rotate(y):
            left, right = y[..., : d // 2], y[..., d // 2 :]
            return torch.cat((left * cos - right * sin, right * cos + left * sin), -1)

        q = (rotate(split('q_proj', heads)) * (1 / math.sqrt(d))).reshape(B * kv, heads // kv * T, d)
        k = rotate(split('k_proj', kv)).reshape(B * kv, T, d)
        v = split('v_proj', kv).reshape(B * kv, T, d)
        weights = torch.softmax(torch.baddbmm(mask, q, k.transpose(1, 2)), -1)
        mixed = torch.bmm(weights, v).view(B, heads, T, d).transpose(1, 2).reshape(B * T, heads * d)
        return self.linear(mixed, prefix + 'o_proj')

    def hidden(self, tokens):
        """[B,T] -> [B*T,D] after the final norm."""
        B, T = tokens.shape
        x = F.embedding(tokens.reshape(-1), self.weights['model.embed_tokens.weight'])
        for layer in range(self.config['num_hidden_layers']):
            prefix = f'model.layers.{layer}.'
            x = x + self.attention(self.norm(x, prefix + 'input_layernorm.weight'), prefix + 'self_attn.', B, T)
            y = self.norm(x, prefix + 'post_attention_layernorm.weight')
            x = x + self.linear(F.silu(self.linear(y, prefix + 'mlp.gate_proj')) * self.linear(y, prefix + 'mlp.up_proj'), prefix + 'mlp.down_proj')
        return self.norm(x, 'model.norm.weight')

    def loss(self, tokens, labels):
        """Mean over the labels that are not -100, shifted by one as everywhere; the head sees every position but the last."""
        hidden = self.hidden(tokens)
        logits = F.linear(hidden, self.weights['model.embed_tokens.weight' if self.config['tie_word_embeddings'] else 'lm_head.weight'])
        shifted = F.pad(labels[:, 1:], (0, 1), value=-100)
        return F.cross_entropy(logits, shifted.reshape(-1), ignore_index=-100)
