"""Token ids of the texts of tokenizers/huggingface.json, by llama2.c's own algorithm over its tokenizer.bin.

Usage: python3 llama2c_tokens.py TOKENIZER.BIN
A space goes before the text, each character becomes its piece or its bytes, and the neighbours whose joint piece scores
highest are merged, the leftmost of equals, until none can be (karpathy/llama2.c, run.c: encode).
"""
import json
import os
import struct
import sys

BOS, FIRST_BYTE = 1, 3


def read_pieces(path):
    with open(path, "rb") as file:
        data = file.read()
    position, pieces = 4, []
    while position < len(data):
        score, length = struct.unpack_from("<fi", data, position)
        pieces.append((data[position + 8:position + 8 + length], score))
        position += 8 + length
    return pieces


def encode(text, pieces):
    ids_of = {}
    for index, (piece, _) in enumerate(pieces):
        ids_of.setdefault(piece, index)
    ids = [BOS]
    if text:
        ids.append(ids_of[b" "])
    for character in text:
        raw = character.encode()
        ids += [ids_of[raw]] if raw in ids_of else [FIRST_BYTE + byte for byte in raw]
    while True:
        best = None
        for place in range(len(ids) - 1):
            merged = ids_of.get(pieces[ids[place]][0] + pieces[ids[place + 1]][0])
            if merged is not None and (best is None or pieces[merged][1] > best[0]):
                best = (pieces[merged][1], place, merged)
        if best is None:
            return ids
        _, place, merged = best
        ids[place:place + 2] = [merged]


pieces = read_pieces(sys.argv[1])
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "tokenizers", "huggingface.json")) as file:
    texts = [entry["text"] for entry in json.load(file)["tokenizers"]["stories260K"]["texts"]]
print(json.dumps([encode(text, pieces) for text in texts]))
