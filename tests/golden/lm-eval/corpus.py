"""What sacreBLEU and lm-evaluation-harness say of corpora written down here, for corpus.test.ts.

Needs lm-eval 0.4.13, which brings sacreBLEU 2.6; run from the repository's root:
    python tests/golden/lm-eval/corpus.py > tests/golden/lm-eval/corpus.json
"""
import json
import random

import numpy as np
import sacrebleu
import lm_eval.api.metrics  # registers them
from lm_eval.api.registry import get_aggregation
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.significance import PairedTest

WORDS = "the a quick brown fox dog river bank runs jumps over under slowly and then it was seen, twice. New-York costs 3.50 10-15 o menino viu água às três (hi) don't".split()
rng = random.Random(5)


def sentence(least=0, most=14):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(least, most)))


def changed(text):
    """Another version: words dropped, replaced, repeated, and a run of them moved."""
    words = text.split()
    out = []
    for word in words:
        chance = rng.random()
        if chance < 0.12:
            continue
        out.append(rng.choice(WORDS) if chance < 0.24 else word)
        if chance > 0.95:
            out.append(word)
    if len(out) > 4 and rng.random() < 0.5:
        start = rng.randrange(len(out) - 2)
        length = rng.randint(1, min(4, len(out) - start))
        run, rest = out[start : start + length], out[:start] + out[start + length :]
        at = rng.randrange(len(rest) + 1)
        out = rest[:at] + run + rest[at:]
    return " ".join(out)


def corpus(n, refs):
    references = [[sentence(1) for _ in range(refs)] for _ in range(n)]
    return [{"answer": changed(rng.choice(group)), "references": group} for group in references]


ODD = [
    {"answer": "", "references": ["something was wanted"]},
    {"answer": "said though", "references": [""]},
    {"answer": "AT&amp;T &amp;lt;b&gt; &quot;rocks&quot;<skipped> over-\nlooked  it ", "references": ["AT&T &lt;b> \"rocks\" overlooked it"]},
    {"answer": "😀 emoji, 1,234.56 and 5-6.", "references": ["😀 emojis , 1,234.56 and 5-6 ."]},
    {"answer": "(hi) there! \"x\"", "references": ["hi there! (x)"]},
    {"answer": "ΟΔΟΣ Straße\u00a0x\u3000y\x1fz", "references": ["οδος STRASSE x y z"]},
    {"answer": " ".join(f"w{i}" for i in range(40, 0, -1)), "references": [" ".join(f"w{i}" for i in range(1, 41))]},
    {"answer": "a b " * 45, "references": ["b a " * 40]},
    {"answer": "x", "references": [" ".join(f"v{i}" for i in range(120))]},
    {"answer": " ".join(f"v{i % 7}" for i in range(110)), "references": ["v3 v4 v1"]},
]
CORPORA = {"translations": corpus(60, 1), "two references": corpus(30, 2), "odd": ODD, "nothing shared": [{"answer": "x y z", "references": ["a b c"]}]}
NAMES = {"bleu": BLEU(), "chrf": CHRF(), "chrf++": CHRF(word_order=2), "ter": TER()}


def streams(items):
    return [item["answer"] for item in items], [list(group) for group in zip(*[item["references"] for item in items])]


def figures(items):
    answers, references = streams(items)
    found = {}
    for name, metric in NAMES.items():
        statistics = metric._extract_corpus_statistics(answers, references)
        found[name] = {"score": metric.corpus_score(answers, references).score, "statistics": [[float(value) for value in row] for row in statistics]}
    if all(len(item["references"]) == 1 for item in items):
        pairs = [(item["references"][0], item["answer"]) for item in items]
        for name in NAMES:
            assert get_aggregation(name)(pairs) == found[name]["score"], name
    return found


def paired():
    """Two systems on one corpus, by sacreBLEU's own paired tests."""
    references = [[sentence(4)] for _ in range(80)]
    first = [changed(group[0]) for group in references]
    second = [changed(changed(group[0])) if rng.random() < 0.3 else changed(group[0]) if rng.random() < 0.5 else text for group, text in zip(references, first)]
    streams_of = [[group[0] for group in references]]
    tests = {}
    for kind, count in [("ar", 10000), ("bs", 5000)]:
        _, scores = PairedTest([("first", first), ("second", second)], {name: metric for name, metric in NAMES.items() if name in ("bleu", "chrf", "ter")}, streams_of, test_type=kind, n_samples=count)()
        tests[kind] = {str(name).split("|")[0].lower(): {"p": results[1].p_value, "difference": results[1].score - results[0].score} for name, results in scores.items() if name != "System"}
    return {"references": [group[0] for group in references], "first": first, "second": second, "tests": tests}


def choices():
    """F1 and Matthews' coefficient by their definitions, with numpy; Brier's score by the harness."""
    golds = [rng.randrange(3) for _ in range(50)]
    given = [gold if rng.random() < 0.6 else rng.randrange(3) for gold in golds]
    matrix = np.zeros((3, 3))
    for gold, one in zip(golds, given):
        matrix[gold, one] += 1
    right, n, t, p = np.trace(matrix), matrix.sum(), matrix.sum(1), matrix.sum(0)
    mcc = (right * n - t @ p) / np.sqrt((n * n - p @ p) * (n * n - t @ t))
    bits = [(gold % 2, one % 2) for gold, one in zip(golds, given)]
    tp = sum(a and b for a, b in bits)
    f1 = 2 * tp / (2 * tp + sum(b and not a for a, b in bits) + sum(a and not b for a, b in bits))
    return {"golds": golds, "given": given, "mcc": float(mcc), "bits": bits, "f1": f1}


print(json.dumps({"sacrebleu": sacrebleu.__version__, "corpora": {name: {"items": items, "figures": figures(items)} for name, items in CORPORA.items()}, "paired": paired(), "choices": choices()}, ensure_ascii=True))
