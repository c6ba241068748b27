"""Golden values of lm-evaluation-harness's own code for tests/golden/lm-eval/tasks.test.ts.

Needs lm-eval 0.4.13 with datasets and jinja2; run from the repository's root:
    python tests/golden/lm-eval/tasks.py > tests/golden/lm-eval/tasks.json
"""
import json
import pathlib
import random

import datasets
import yaml
from lm_eval import utils
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
    ("gsm8k", "gsm8k-cot-self-consistency.yaml", 8),
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


# What is drawn from for one item, and how often each comes; ties are among them.
DRAWN = [
    (["The answer is 10.", "The answer is 12.", "So it is 10"], [5, 4, 1]),
    (["The answer is 600", "I do not know", "The answer is 18."], [1, 1, 1]),
    (["The answer is 1,200", "The answer is 6."], [1, 6]),
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
    for replies in [[reply] * (task.config.repeats or 1) for reply in REPLIES] + voted(task.config.repeats or 1):
        by_filter = {}
        for ensemble in task._filters:
            filtered = [replies]
            for make in ensemble.filters:
                filtered = make().apply(filtered, [doc])
            # take_first, the last filter of each, leaves one reply.
            [result] = list(filtered)
            by_filter[ensemble.name] = float(task.process_results(doc, [result])["exact_match"])
        found.append({"replies": replies if len(set(replies)) > 1 else replies[:1], "scores": by_filter})
    return {"replies": found}


def voted(repeats):
    """Replies of an item that is asked several times."""
    draw = random.Random(3)
    return [draw.choices(texts, weights, k=repeats) for texts, weights in DRAWN for _ in range(3)] if repeats > 1 else []


def case(name, file, shots):
    task = built(name, file, shots)
    items = []
    for doc in task.eval_docs:
        context = task.fewshot_context(doc, shots)
        requests = task.construct_requests(doc, context)
        items.append({"context": context, "continuations": [one.args[1] for one in requests] if isinstance(requests, list) else None, "target": task.doc_to_target(doc), **scores(task, doc)})
    return {"task": name, "file": file, "shots": shots, "generation": task.config.generation_kwargs, "items": items}


# Every filter, test, method and function of Jinja that tasks without Python use, as they use it.
TEMPLATES = [
    ("{{answers|map(attribute='atext')|join('; ')}}", {"answers": [{"atext": "one"}, {"atext": "água"}]}),
    ("{{ (label|int) - 1 }}", {"label": "3"}),
    ("{{ra - 1}}", {"ra": 2}),
    ("{{sentence}} ‘{{pronoun.capitalize()}}’ refers to the", {"sentence": "S.", "pronoun": "HER"}),
    ("{% set _context = context.split('[SEP]')[-1] %}{{ _context | trim }}", {"context": "title [SEP]  the text "}),
    ("{{scenario}} {{excuse.rstrip()}}\"\nAnswer:", {"scenario": "a", "excuse": "b  \n"}),
    ("{{text.split(' ')[:-1]|join(' ')}}", {"text": "one  two three"}),
    ("{{' '+text.split(' ')[-1]}}", {"text": "one  two three"}),
    ("{{question.replace('<...>', answerA)}}", {"question": "x <...> y <...>", "answerA": "$1"}),
    ('{{["answerA", "answerB"].index("answer" + answer)}}', {"answer": "B"}),
    ("{{answer_number|string}}", {"answer_number": 12}),
    ("{{choices.label.index(answerKey.lstrip())}}", {"choices": {"label": ["A", "B"]}, "answerKey": " B"}),
    ('{% if answer is not none %}{{question+"\nR: "}}{% else %}{{"P: "+question+"\nR: "}}{% endif %}', {"answer": None, "question": "q"}),
    ('{% if answer is not none %}{{question+"\nR: "}}{% else %}{{"P: "+question+"\nR: "}}{% endif %}', {"answer": "a", "question": "q"}),
    ("{% if choices is defined%}Q: {{question.strip()}}\n(A) {{choices[0]}}{% else %}Q: {{ question.strip() }}{% endif %}\nA:", {"question": " q "}),
    ("{% if choices is defined and choices|length > 2 %}\nC. {{choices[2]}}{% endif %}", {"choices": ["a", "b", "c"]}),
    ("{% if choices is defined and choices|length > 2 %}\nC. {{choices[2]}}{% endif %}", {}),
    ("{{['(A)', '(B)'][answer] if answer is defined else target}}", {"target": "(B)"}),
    ("{{answer.split('####')[-1].strip() if answer is defined else target}}", {"answer": "x #### 5 "}),
    ("{% for i in range(choices|length) %}{{ i }}. {{ choices[i] }}\n{% endfor %}end\n", {"choices": ["a", "b"]}),
    ("{{passage}}\n", {"passage": "p\n"}),
]


def rendered():
    return [{"template": template, "doc": doc, "text": utils.apply_template(template, doc)} for template, doc in TEMPLATES]


print(json.dumps({"lm_eval": "0.4.13", "templates": rendered(), "cases": [case(*one) for one in CASES]}, ensure_ascii=False))
