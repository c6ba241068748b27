# Makes scorers.json: what NLTK and scikit-learn say of texts, labels and probabilities written down here.
# Debian 12: apt-get install python3-nltk python3-sklearn; /usr/bin/python3 tests/golden/scorers.py
import json
import random
from pathlib import Path

import nltk
import numpy as np
import sklearn
from nltk.metrics.agreement import AnnotationTask
from nltk.translate.bleu_score import SmoothingFunction, corpus_bleu, sentence_bleu
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, cohen_kappa_score, confusion_matrix, log_loss, precision_recall_fscore_support

ANSWERS = [
    "the quick brown fox jumps over the lazy dog near the bank",
    "a cat sat on the mat and looked at the moon",
    "nothing here is the same as there",
    "o menino correu para a escola de manhã cedo",
]
REFERENCES = [
    ["the quick brown fox jumped over the lazy dog near the river bank", "a quick brown fox jumps over a lazy dog"],
    ["the cat sat on the mat and looked up at the moon"],
    ["everything there was unlike it and the same held here"],
    ["o menino correu para a escola bem cedo de manhã", "cedo de manhã o menino foi para a escola"],
]
split = lambda texts: [text.split() for text in texts]
bleu = {
    "answers": ANSWERS,
    "references": REFERENCES,
    "corpus": corpus_bleu([split(r) for r in REFERENCES], split(ANSWERS)),
    # NLTK's method 3 is mteval's "exp" smoothing.
    "sentences": [sentence_bleu(split(r), a.split(), smoothing_function=SmoothingFunction().method3) for a, r in zip(ANSWERS, REFERENCES)],
}

PAIRS = [["kitten", "sitting"], ["", "abc"], ["coração", "coracao"], ["flaw", "lawn"], ["identical", "identical"], ["São Paulo é", "Sao Paulo e"]]
edit = [[a, b, 1 - nltk.edit_distance(a, b) / max(len(a), len(b))] for a, b in PAIRS]

draw = random.Random(7)
LABELS = ["neg", "neu", "pos"]
truth = [draw.choice(LABELS) for _ in range(60)]
given = [t if draw.random() < 0.6 else draw.choice(LABELS) for t in truth]
precision, recall, f1, support = precision_recall_fscore_support(truth, given, labels=LABELS, zero_division=0)
average = lambda how: dict(zip(["precision", "recall", "f1"], map(float, precision_recall_fscore_support(truth, given, labels=LABELS, average=how, zero_division=0)[:3])))
confusion = {
    "labels": LABELS, "truth": truth, "given": given,
    "matrix": confusion_matrix(truth, given, labels=LABELS).tolist(),
    "precision": precision.tolist(), "recall": recall.tolist(), "f1": f1.tolist(), "support": support.tolist(),
    "macro": average("macro"), "weighted": average("weighted"),
}

# Four raters, of whom some skip items: the reliability data of Krippendorff (2011), "Computing Krippendorff's alpha".
RATINGS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]
triples = lambda rows: [(str(c), str(i), v) for c, row in enumerate(rows) for i, v in enumerate(row) if v is not None]
agreement = {
    "kappa": float(cohen_kappa_score(truth, given)),
    "weightedKappa": float(cohen_kappa_score([r for r in RATINGS[1][:9]], [r for r in [1, 3, 3, 3, 2, 3, 4, 2, 2]], weights="quadratic")),
    "ratings": RATINGS,
    "alphaNominal": float(AnnotationTask(data=triples(RATINGS)).alpha()),
    "alphaInterval": float(AnnotationTask(data=triples(RATINGS), distance=lambda a, b: (a - b) ** 2).alpha()),
}

probabilities = [round(draw.random(), 3) for _ in range(80)]
outcomes = [1 if draw.random() < p ** 1.5 else 0 for p in probabilities]
shares, means = calibration_curve(outcomes, probabilities, n_bins=10)
counts = np.bincount(np.searchsorted(np.linspace(0, 1, 11)[1:-1], probabilities), minlength=10)
calibration = {
    "probabilities": probabilities, "outcomes": outcomes,
    "brier": float(brier_score_loss(outcomes, probabilities)),
    "logLoss": float(log_loss(outcomes, probabilities)),
    "ece": float(np.sum(counts[counts > 0] * np.abs(shares - means)) / len(probabilities)),
}

Path(__file__).with_name("scorers.json").write_text(json.dumps({
    "madeWith": {"nltk": nltk.__version__, "scikit-learn": sklearn.__version__},
    "bleu": bleu, "edit": edit, "confusion": confusion, "agreement": agreement, "calibration": calibration,
}, indent=1, ensure_ascii=False) + "\n")
