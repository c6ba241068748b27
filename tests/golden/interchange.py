"""Hashes and errors as lm-evaluation-harness computes them, by Python itself: json.dumps and hashlib.

Run with Python 3.8 or later: python3 tests/golden/interchange.py > tests/golden/interchange.json
"""
import hashlib
import json
import math
import random

docs = [
    {"id": "1", "target": "ham"},
    {"id": "a\"b\\c", "target": "li\nne\ttab \u00e9 \u2028 \U0001f600 \u0007\u007f"},
    {"id": "none", "target": None},
]
sha = lambda text: hashlib.sha256(text.encode("utf-8")).hexdigest()
scores = [1.0, 0.0, 1.0, 1.0]
mean = sum(scores) / len(scores)
stderr = math.sqrt(sum((x - mean) ** 2 for x in scores) / (len(scores) - 1)) / math.sqrt(len(scores))

sampler = random.Random(1234)
samples = []
for population, k in [(10, 3), (10, 3), (1000, 5), (1000, 6), (30, 5), (21, 5), (22, 5), (100000, 8), (3, 3)]:
    samples.append({"population": population, "k": k, "sample": sampler.sample(range(population), k)})

print(json.dumps({
    "documents": [{"doc": doc, "dumped": json.dumps(doc, indent=2, ensure_ascii=False), "hash": sha(json.dumps(doc, indent=2, ensure_ascii=False))} for doc in docs],
    "prompt": {"text": "Is this spam? \u00e9", "hash": sha("Is this spam? \u00e9")},
    "stderr": {"scores": scores, "value": stderr},
    "samples": samples,
    "random": [r.random() for r in [random.Random(1234)] for _ in range(3)],
    "seeds": [{"seed": seed, "random": random.Random(seed).random()} for seed in (0, 1, 42, 2**31 - 1, 2**32, 2**53 - 1)],
}, indent=1, ensure_ascii=True))
