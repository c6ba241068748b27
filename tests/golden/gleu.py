"""GLEU as NLTK has it, for gleu.test.ts. Needs nltk 3.10: python tests/golden/gleu.py > tests/golden/gleu.json"""
import json
import random

import nltk
from nltk.translate.gleu_score import sentence_gleu

WORDS = "the a cat dog sat on mat red big and ran home".split()
rng = random.Random(11)


def sentence(most):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, most)))


CASES = [{"references": [sentence(9) for _ in range(rng.randint(1, 3))], "answer": sentence(9)} for _ in range(40)]
for case in CASES:
    case["gleu"] = sentence_gleu([reference.split() for reference in case["references"]], case["answer"].split())
print(json.dumps({"nltk": nltk.__version__, "cases": CASES}, indent=1))
