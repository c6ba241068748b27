"""Files of results and samples as lm-evaluation-harness itself writes them, for samples.test.ts: tasks whose figures are of the whole corpus.

Needs lm-eval 0.4.13 and scikit-learn; run from the repository's root:
    python tests/golden/lm-eval/samples.py tests/golden/lm-eval/samples
The rows are our own, and the model answers by rote.
"""
import hashlib
import pathlib
import re
import sys

import datasets
import lm_eval
from lm_eval.api.model import LM
from lm_eval.api.task import ConfigurableTask
from lm_eval.loggers import EvaluationTracker

OUT = pathlib.Path(sys.argv[1])
TRANSLATIONS = [
    ("O gato dorme.", "The cat is sleeping.", "The cat sleeps."),
    ("Ela leu três livros ontem à noite.", "She read three books last night.", "She read three books yesterday at night."),
    ("Não há pão, só água.", "There is no bread, only water.", "There is no bread, only water."),
    ("O trem das onze partiu às 11h05.", "The eleven o'clock train left at 11:05.", "The train of eleven left at 11:05."),
    ("Quem canta seus males espanta.", "Who sings scares away his woes.", "Singing scares your troubles away, they say."),
]
ROWS = {
    "to_english": [{"pt": pt, "en": en} for pt, en, _ in TRANSLATIONS],
    "last_word": [{"text": text, "word": word} for text, word in [("The sky is", "blue"), ("Water is", "wet"), ("Two and two make", "four"), ("At night we", "sleep")]],
    "texts": [{"page": page} for page in ["A short page.", "Another page, somewhat longer than the first.", "água e pão"]],
    "yes_no": [{"q": f"Is {n} even?", "label": n % 2} for n in range(9)],
}
TASKS = {
    "to_english": {"output_type": "generate_until", "doc_to_text": "{{pt}}", "doc_to_target": "en", "metric_list": [{"metric": name} for name in ["bleu", "chrf", "chrf++", "ter"]]},
    "last_word": {"output_type": "loglikelihood", "doc_to_text": "{{text}}", "doc_to_target": "{{' '+word}}", "metric_list": [{"metric": "perplexity"}, {"metric": "acc"}]},
    "texts": {"output_type": "loglikelihood_rolling", "doc_to_text": "", "doc_to_target": "page", "metric_list": [{"metric": name} for name in ["word_perplexity", "byte_perplexity", "bits_per_byte"]]},
    "yes_no": {"output_type": "multiple_choice", "doc_to_text": "{{q}}", "doc_to_target": "label", "doc_to_choice": ["yes", "no"], "metric_list": [{"metric": name} for name in ["acc", "f1", "mcc", "brier_score"]]},
}


def nats(*texts):
    """A log-likelihood that the texts determine."""
    return -(int(hashlib.sha256("|".join(texts).encode()).hexdigest()[:6], 16) / 0xFFFFFF) * 9 - 0.1


class Rote(LM):
    def loglikelihood(self, requests, disable_tqdm=False):
        return [(nats(*request.args), nats(*request.args) > -2) for request in requests]

    def loglikelihood_rolling(self, requests, disable_tqdm=False):
        return [nats(*request.args) * len(request.args[0]) / 5 for request in requests]

    def generate_until(self, requests, disable_tqdm=False):
        answers = {pt: answer for pt, _, answer in TRANSLATIONS}
        return [answers[request.args[0]] for request in requests]


def built(name):
    data = datasets.DatasetDict({"test": datasets.Dataset.from_list(ROWS[name])})
    datasets.load_dataset = lambda *_, **__: data
    return ConfigurableTask(config={"task": name, "dataset_path": "own", "test_split": "test", **TASKS[name]})


found = lm_eval.simple_evaluate(model=Rote(), tasks=[built(name) for name in TASKS], log_samples=True, bootstrap_iters=0)
samples = found.pop("samples")
tracker = EvaluationTracker(output_path=str(OUT))
tracker.general_config_tracker.log_experiment_args(model_source="rote", model_args="", system_instruction=None, chat_template=None, fewshot_as_multiturn=False)
tracker.general_config_tracker.model_name = tracker.general_config_tracker.model_name_sanitized = "rote"
# What the machine is like is nobody's business, and would differ.
for key in ("pretty_env_info", "git_hash", "transformers_version", "upper_git_hash"):
    found[key] = None
tracker.save_results_aggregated(results=found, samples=samples)
for name in TASKS:
    tracker.save_results_samples(task_name=name, samples=samples[name])
for path in OUT.rglob("*.json*"):
    path.rename(path.with_name(re.sub(r"\d{4}-\d\d-\d\dT[\d.-]+(?=\.json)", "2026-01-31T10-00-00.000000", path.name)))
