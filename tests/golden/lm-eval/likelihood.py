"""What lm-evaluation-harness says of a real model's likelihoods, for likelihood.test.ts.

Needs lm-eval 0.4.13 and PyTorch in one Python, and the checkpoint of stories260K; run from the repository's root:
    python tests/golden/lm-eval/likelihood.py CHECKPOINT_LEGACY.bin TOKENIZER.bin > tests/golden/lm-eval/likelihood.json
Requests, windows, scores and sums are the harness's own; the model is computed by tests/golden/stories260k.py.
"""
import json
import pathlib
import sys

import datasets
import torch
import yaml
from lm_eval import utils
from lm_eval.api.model import TemplateLM
from lm_eval.api.task import ConfigurableTask

sys.path += ["tests/golden", "tests/golden/llama"]
CHECKPOINT, TOKENIZER = sys.argv[1:3]
sys.argv = [sys.argv[0], TOKENIZER]
_, printed = sys.stdout, sys.stdout
sys.stdout = open("/dev/null", "w")  # llama2c_tokens prints the ids of its texts when it is imported
import llama2c_tokens  # noqa: E402

sys.stdout = printed
import stories260k  # noqa: E402

HERE = pathlib.Path("tests/fixtures/lm-eval")
CASES = [("lambada_standard", 0), ("lambada_standard", 2), ("french_bench_opus_perplexity", 0), ("catcola", 0), ("mrpc", 2), ("wsc273", 0), ("wsc273", 2)]
EXTRA = {"catcola": ["acc_norm", "brier_score", "exact_match", "acc_mutual_info"], "wsc273": ["acc_norm", "brier_score", "exact_match"]}

# Named, so that the harness leaves the row that is asked out of its own examples.
MORE = {"wsc273": {"fewshot_split": "test"}}


class Processed(yaml.SafeLoader):
    """The rows are what process_docs has made of them already."""


Processed.add_constructor("!function", lambda *_: None)


class Stories(TemplateLM):
    backend = "causal"

    def __init__(self):
        super().__init__()
        self.weights, self.config = stories260k.load(CHECKPOINT)
        self.pieces = llama2c_tokens.read_pieces(TOKENIZER)
        self.max_length = self.config["T"]

    eot_token_id = property(lambda self: 2)
    prefix_token_id = property(lambda self: 1)

    def tok_encode(self, string, add_special_tokens=None, **_):
        ids = llama2c_tokens.encode(string, self.pieces)
        return ids[1:] if add_special_tokens is False else ids

    def _loglikelihood_tokens(self, requests, **_):
        found = []
        for _, context, continuation in requests:
            read = (context + continuation)[-(self.max_length + 1) :][:-1]
            with torch.no_grad():
                logits = torch.log_softmax(stories260k.logits_of(read, self.weights, self.config, interleaved=True)[-len(continuation) :], -1)
            picked = [logits[i, token].item() for i, token in enumerate(continuation)]
            found.append((sum(picked), logits.argmax(-1).tolist() == continuation))
        return found

    def loglikelihood_rolling(self, requests, disable_tqdm=False):
        """The windows are those of lm_eval/models/huggingface.py."""
        found = []
        for (string,) in [request.args for request in requests]:
            windows = map(utils.make_disjoint_window, utils.get_rolling_token_windows(token_list=self.tok_encode(string), prefix_token=self.prefix_token_id, max_seq_len=self.max_length, context_len=1))
            found.append(sum(value for value, _ in self._loglikelihood_tokens([(None, *window) for window in windows])))
        return found

    def generate_until(self, requests, disable_tqdm=False):
        raise NotImplementedError


def built(task, shots):
    files = sorted((HERE / "data" / task).glob("*.jsonl"))
    data = datasets.DatasetDict({file.stem: datasets.Dataset.from_list([json.loads(line) for line in file.read_text().splitlines()]) for file in files})
    datasets.load_dataset = lambda *_, **__: data
    config = yaml.load((HERE / "tasks" / f"{task}.yaml").read_text(), Processed)
    config.pop("process_docs", None)
    config["metric_list"] += [{"metric": metric} for metric in EXTRA.get(task, [])]
    made = ConfigurableTask(config={**config, **MORE.get(task, {}), "num_fewshot": shots})
    made.set_fewshot_seed(1234)
    return made


def plain(value):
    return [plain(one) for one in value] if isinstance(value, (list, tuple)) else value.tolist() if hasattr(value, "tolist") else value


def case(model, name, shots):
    task = built(name, shots)
    values, items = {}, []
    for doc in task.eval_docs:
        context = task.fewshot_context(doc, shots)
        requests = task.construct_requests(doc, context)
        requests = requests if isinstance(requests, list) else [requests]
        results = model.loglikelihood_rolling(requests) if task.OUTPUT_TYPE == "loglikelihood_rolling" else model.loglikelihood(requests, disable_tqdm=True)
        scores = task.process_results(doc, results)
        for metric, value in scores.items():
            values.setdefault(metric, []).append(value)
        items.append({"arguments": [list(request.args) for request in requests], "results": plain(results), "scores": {metric: plain(value) for metric, value in scores.items()}})
    aggregated = {}
    for metric, found in values.items():
        try:
            aggregated[metric] = float(task.aggregation()[metric](found))
        except ImportError:  # scikit-learn, which F1 and MCC want; corpus.py has their formulas
            aggregated[metric] = None
    return {"task": name, "shots": shots, "extra": EXTRA.get(name, []), "more": [f"{key}: {value}" for key, value in MORE.get(name, {}).items()], "items": items, "aggregated": aggregated}


def windows():
    """Of texts of many lengths in contexts of several."""
    found = []
    for length, longest in [(1, 4), (4, 4), (5, 4), (8, 4), (9, 4), (11, 4), (3, 1), (17, 16), (40, 7)]:
        pairs = utils.get_rolling_token_windows(token_list=list(range(100, 100 + length)), prefix_token=1, max_seq_len=longest, context_len=1)
        found.append({"length": length, "longest": longest, "windows": [[list(inputs), list(labels)] for inputs, labels in pairs]})
    return found


print(json.dumps({"lm_eval": "0.4.13", "windows": windows(), "cases": [case(Stories(), *one) for one in CASES]}, ensure_ascii=False))
