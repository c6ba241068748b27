"""The same numbers from Hugging Face's own code: Transformers loads the models, PEFT adapts them, the tokenizers tokenize.

Usage: pip install torch transformers peft, then
  python3 huggingface.py models > architectures/huggingface.json
  python3 huggingface.py adapter                                   (writes adapters/peft, which PEFT saved)
  python3 huggingface.py adapters > adapters/huggingface.json      (logits with every adapter, as PEFT loads it)
  python3 huggingface.py tokenizer NAME FOLDER                     (prints one entry of tokenizers/huggingface.json)
Models are written as folders and read with from_pretrained, so that files are what is compared, not formulas.
"""
import base64
import json
import os
import sys
import tempfile

import peft
import safetensors.torch
import torch
import transformers

from architectures import FOLDER as CASES_FOLDER, deviation, packed
from random_weights import STORED, random_weight
from reference import learning_rate, weight_shapes

HERE = os.path.dirname(os.path.abspath(__file__))
ADAPTERS = os.path.join(HERE, "adapters")
MADE_BY = f"huggingface.py, transformers {transformers.__version__}, peft {peft.__version__}, torch {torch.__version__}"


def unpacked(text):
    return torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.float32)


def cases():
    with open(os.path.join(CASES_FOLDER, "cases.json")) as file:
        return json.load(file)


def load_model(case):
    config = case["config"]
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump(config, file)
        tensors = {name: random_weight(name, shape, case["seed"]).to(STORED[case["dtype"]]) for name, shape in weight_shapes(config).items()}
        safetensors.torch.save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
        return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def adapted(case):
    spec, model = case["lora"], load_model(case)
    config = peft.LoraConfig(r=spec["rank"], lora_alpha=spec["alpha"], use_rslora=spec["useRslora"], target_modules="all-linear", task_type="CAUSAL_LM")
    model = peft.get_peft_model(model, config)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            plain = name.removeprefix("base_model.model.").replace(".default", "")
            parameter.data = (spec["shrink"] * random_weight(plain, tuple(parameter.shape), spec["seed"]).double()).float()
    return model


def batch_loss(model, batch):
    total, count = 0.0, 0
    for tokens, labels in batch:
        targets = torch.tensor(labels[1:])
        logits = model(input_ids=torch.tensor([tokens])).logits[0, :-1]
        total = total + torch.nn.functional.cross_entropy(logits, targets, ignore_index=-100, reduction="sum")
        count += int((targets != -100).sum())
    return total / count


def train(model, batches, options):
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=options["learningRate"], betas=tuple(options["betas"]), eps=options["eps"], weight_decay=options["weightDecay"])
    schedule = transformers.get_cosine_schedule_with_warmup(optimizer, options["warmupSteps"], options["totalSteps"])
    losses = []
    for step, batch in enumerate(batches):
        assert abs(schedule.get_last_lr()[0] - learning_rate(step, options)) < 1e-12
        optimizer.zero_grad()
        loss = batch_loss(model, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, options["maxGradNorm"])
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return losses


def models():
    shared = cases()
    examples = [(e["tokens"], e["labels"]) for e in shared["examples"]]
    size = shared["training"]["batchSize"]
    batches = [[examples[i] for i in order[start:start + size]] for order in shared["order"] for start in range(0, len(order), size)]
    results = {}
    for name, case in shared["cases"].items():
        with torch.no_grad():
            logits = load_model(case)(input_ids=torch.tensor([examples[0][0]])).logits[0]
        model = adapted(case)
        loss = batch_loss(model, examples)
        loss.backward()
        gradients = {n.removeprefix("base_model.model.").replace(".default", ""): p.grad for n, p in model.named_parameters() if p.requires_grad}
        with open(os.path.join(CASES_FOLDER, "golden.json")) as file:
            reference = json.load(file)["cases"][name]["gradients"]
        assert gradients.keys() == reference.keys()
        worst = max(deviation(gradient, unpacked(reference[tensor]).reshape(gradient.shape)) for tensor, gradient in gradients.items())
        results[name] = {"logits": packed(logits), "loss": loss.item(), "gradientsAgainstGolden": worst, "losses": train(adapted(case), batches[:shared["training"]["totalSteps"]], shared["training"])}
    print(json.dumps({"madeBy": MADE_BY, "cases": results}, indent=1))


def adapter():
    case = cases()["cases"]["llama-3.2"]
    config = peft.LoraConfig(r=3, lora_alpha=5, target_modules=["q_proj", "o_proj", "up_proj"], rank_pattern={"o_proj": 2}, alpha_pattern={"layers.1.mlp.up_proj": 9}, task_type="CAUSAL_LM")
    model = peft.get_peft_model(load_model(case), config)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            parameter.data = 0.3 * random_weight(name, tuple(parameter.shape), 31)
    model.peft_config["default"].base_model_name_or_path = "tiny"
    model.save_pretrained(os.path.join(ADAPTERS, "peft"))
    os.remove(os.path.join(ADAPTERS, "peft", "README.md"))


def adapters():
    shared = cases()
    tokens, logits = torch.tensor([shared["examples"][0]["tokens"]]), {}
    for name in ("engine", "engine-dora", "python", "peft"):
        model = peft.PeftModel.from_pretrained(load_model(shared["cases"]["llama-3.2"]), os.path.join(ADAPTERS, name))
        with torch.no_grad():
            logits[name] = packed(model(input_ids=tokens).logits[0])
    print(json.dumps({"madeBy": MADE_BY, "adapters": logits}, indent=1))


TEXTS = ["Hello World", "Olá, você! Açúcar — coração.\n\nÀs 12h30, R$ 1.000,50.", "👩‍👩‍👧 🇧🇷 🙂 naïve 日本語", "  \t x\r\n\n y  ", "don't DON'T we'LL", "def f(x):\n    return x**2  # 12345", ""]
CONVERSATION = [{"role": "user", "content": "Qual é a capital do Brasil?"}, {"role": "assistant", "content": "Brasília."}, {"role": "user", "content": " E de Portugal? 🇵🇹\n"}]


def tokenizer(name, folder):
    """As tokenizer.json says. (The Llama class of Transformers 5 builds a tokenizer of its own, which adds no space before a text
    that begins with one; SentencePiece, with which those models were trained, does.)"""
    hub = transformers.PreTrainedTokenizerFast.from_pretrained(folder)
    entry = {
        "texts": [{"text": text, "ids": hub.encode(text), "plain": hub.encode(text, add_special_tokens=False)} for text in TEXTS],
        "special": {"bos": hub.bos_token_id, "eos": hub.eos_token_id, "pad": hub.pad_token_id},
        "chat": None,
    }
    for text in entry["texts"]:
        text["decoded"] = hub.decode(text["ids"], skip_special_tokens=True, clean_up_tokenization_spaces=False)
    if hub.chat_template:
        render = lambda generate: hub.apply_chat_template(CONVERSATION, tokenize=False, add_generation_prompt=generate, date_string="26 Jul 2024")
        entry["chat"] = {"messages": CONVERSATION, "text": render(False), "prompt": render(True), "ids": hub.encode(render(True), add_special_tokens=False)}
    print(json.dumps({name: entry}, ensure_ascii=True, indent=1))


torch.set_num_threads(1)
transformers.utils.logging.disable_progress_bar()
{"models": models, "adapter": adapter, "adapters": adapters, "tokenizer": tokenizer}[sys.argv[1]](*sys.argv[2:])
