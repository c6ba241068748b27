"""Golden values of lm-evaluation-harness's own code for tests/golden/lm-eval/tasks.test.ts.

Needs lm-eval 0.4.13 with datasets and jinja2; run from the repository's root:
    python tests/golden/lm-eval/tasks.py > tests/golden/lm-eval/tasks.json
"""
import json
import pathlib

import datasets
import yaml
from lm_eval.api.task import ConfigurableTask

HERE = pathlib.Path("tests/fixtures/lm-eval")
CASES = [
    ("arc_easy", "arc_easy.yaml", 0),
    ("arc_easy", "arc_easy.yaml", 3),
    ("sciq", "sciq.yaml", 2),
    ("openbookqa", "openbookqa.yaml", 1),
    ("mmlu_abstract_algebra", "mmlu/mmlu_abstract_algebra.yaml", 5),
    ("mmlu_abstract_algebra", "mmlu_flan/mmlu_abstract_algebra.yaml", 2),
    ("gsm8k", "gsm8k.yaml", 5),
    ("triviaqa", "triviaqa.yaml", 0),
]
REPLIES = [
    " She has 12 pens.\n#### 10",
    "The answer is $1,200.50, so #### 600.",
    "18 divided by 3 is 6",
    "nothing",
    " Lisbon! ",
    "camões",
    "The Douro",
    "#### 1,0",
    "",
    "So it is (B), or rather (C).",
    "(C)",
    "It is the HEN, or light-and water!",
    "Ice.",
    "The answer: C",
    "ao  norte",
    "No way of telling: E",
]


def rows(task):
    files = sorted((HERE / "data" / task).glob("*.jsonl"))
    return {file.stem: [json.loads(line) for line in file.read_text().splitlines()] for file in files}


def config(path):
    own = yaml.safe_load(path.read_text())
    base = config(path.parent / own.pop("include")) if "include" in own else {}
    return {**base, **own}


def built(task, file, shots):
    data = datasets.DatasetDict({split: datasets.Dataset.from_list(docs) for split, docs in rows(task).items()})
    datasets.load_dataset = lambda *_, **__: data
    made = ConfigurableTask(config={**config(HERE / "tasks" / file), "num_fewshot": shots})
    made.set_fewshot_seed(1234)
    return made


def scores(task, doc):
    """Of made-up likelihoods, or of replies through every filter."""
    if task.OUTPUT_TYPE == "multiple_choice":
        likelihoods = [-3.0 - 0.7 * place - 0.11 * len(choice) for place, choice in enumerate(task.doc_to_choice(doc))]
        return {"likelihoods": likelihoods, "scores": task.process_results(doc, [(value, False) for value in likelihoods])}
    found = []
    for reply in REPLIES:
        by_filter = {}
        for ensemble in task._filters:
            filtered = [[reply]]
            for make in ensemble.filters:
                filtered = make().apply(filtered, [doc])
            # take_first, the last filter of each, leaves one reply.
            [result] = list(filtered)
            by_filter[ensemble.name] = float(task.process_results(doc, [result])["exact_match"])
        found.append({"reply": reply, "scores": by_filter})
    return {"replies": found}


def case(name, file, shots):
    task = built(name, file, shots)
    items = []
    for doc in task.eval_docs:
        context = task.fewshot_context(doc, shots)
        requests = task.construct_requests(doc, context)
        items.append({"context": context, "continuations": [one.args[1] for one in requests] if isinstance(requests, list) else None, "target": task.doc_to_target(doc), **scores(task, doc)})
    return {"task": name, "file": file, "shots": shots, "generation": task.config.generation_kwargs, "items": items}


print(json.dumps({"lm_eval": "0.4.13", "cases": [case(*one) for one in CASES]}, indent=1, ensure_ascii=False))
