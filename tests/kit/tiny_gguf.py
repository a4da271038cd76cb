#!/usr/bin/env python3
"""Language models of half a megabyte, for tests of what runs a large one.

    tiny_gguf.py FOLDER    writes them all there:

    recital.gguf    says the same text whatever it is asked
    chatty.gguf     a recital with a template for conversations, ChatML
    odd.gguf        a recital with a template that nobody knows, and a name that is no UTF-8
    noise.gguf      random weights: what it says depends on every token before
    loop.gguf       a recital that begins again where it ends, for ever
    fatal.gguf      noise whose number of heads fits only in 32 bits: llama.cpp 0.7 gives up

A recital knows its text by heart: each of its tokens occurs once, so the next is decided by the
last alone. Attention and feed-forward are zero, so that what stands before the output is the
token's own embedding, a row of random signs; the output row of a token is the embedding of the
one that comes before it. Rows of signs are all but orthogonal: the right token has a logit of
64 and the others seldom more than 30. So a test knows what has to come out, and how the vector
of a text is made up.

It is written by hand, without any library, as
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md says, with the architecture "llama"
and a vocabulary of pieces with bytes to fall back on.
"""

import array
import os
import random
import struct
import sys

WIDTH = 64  # of an embedding
HEADS = 4
LAYERS = 2
INNER = 128  # of the feed-forward
CONTEXT = 2048
ALIGNMENT = 32

# As the format numbers them.
UINT32, FLOAT32, BOOL, STRING, ARRAY = 4, 6, 7, 8, 9
INT32 = 5
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
F32 = 0

# The recital: pieces as they are put together, the space that begins one written as the format
# does. `é` and `…` come in bytes of which no token is a character.
SPACE = "\u2581"
RECITAL = [SPACE + "Once", SPACE + "upon", SPACE + "a", SPACE + "caf", b"\xc3", b"\xa9", ",",
           SPACE + "there", SPACE + "was", b"\xe2", b"\x80", b"\xa6", SPACE + "silence", ".",
           SPACE + "St", "op", SPACE + "here", "!"]
OTHERS = [SPACE, "\n", ":", SPACE + "User", SPACE + "Assistant", SPACE + "System"]
OTHERS += [chr(letter) for letter in range(ord("a"), ord("z") + 1)]


def vocabulary():
    """(piece, score, kind) of each token; <s> is 1, </s> is 2 and byte N is 3 + N."""
    tokens = [("<unk>", 0.0, UNKNOWN), ("<s>", 0.0, CONTROL), ("</s>", 0.0, CONTROL)]
    tokens += [(f"<0x{byte:02X}>", 0.0, BYTE) for byte in range(256)]
    words = [piece for piece in RECITAL if isinstance(piece, str)] + OTHERS
    # Longer ones need their beginnings: pieces are put together from two that are there.
    parts = {word[:n] for word in words for n in range(1, len(word))}
    for piece in sorted(parts | set(words), key=lambda one: (-len(one), one)):
        tokens.append((piece, float(len(piece)), NORMAL))
    return tokens


def token_of(tokens, piece):
    if isinstance(piece, bytes):
        return 3 + piece[0]
    return next(i for i, token in enumerate(tokens) if token[0] == piece)


def signs(chance, n):
    return array.array("f", (chance.choice((-1.0, 1.0)) for _ in range(n)))


def weights(chance, n):
    return array.array("f", (chance.gauss(0.0, 0.3) for _ in range(n)))


def tensors(tokens, is_recital, is_endless):
    """Name -> (shape as the format has it, the fastest first; values)."""
    chance = random.Random(2)
    n = len(tokens)

    def inner(size):
        return array.array("f", [0.0] * size) if is_recital else weights(chance, size)

    rows = [signs(chance, WIDTH) for _ in range(n)]
    output = [weights(chance, WIDTH) for _ in range(n)]
    if is_recital:
        output = [array.array("f", [0.0] * WIDTH) for _ in range(n)]
        ids = [token_of(tokens, piece) for piece in RECITAL]
        assert len(set(ids)) == len(ids), "a token of the recital comes twice"
        if not is_endless:
            ids.append(2)
        for before, after in zip(ids, ids[1:]):
            output[after] = rows[before]
        # Whatever is no part of it, as the end of a prompt is not, is followed by the first.
        for i, row in enumerate(rows):
            if i not in ids[:None if not is_endless else -1]:
                row[0] = 8.0
        output[ids[0]] = array.array("f", [8.0] + [0.0] * (WIDTH - 1))
    found = {
        "token_embd.weight": ((WIDTH, n), array.array("f", [v for row in rows for v in row])),
        "output_norm.weight": ((WIDTH,), array.array("f", [1.0] * WIDTH)),
        "output.weight": ((WIDTH, n), array.array("f", [v for row in output for v in row])),
    }
    for layer in range(LAYERS):
        at = f"blk.{layer}."
        for name in ("attn_norm", "ffn_norm"):
            found[f"{at}{name}.weight"] = ((WIDTH,), array.array("f", [1.0] * WIDTH))
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            found[f"{at}{name}.weight"] = ((WIDTH, WIDTH), inner(WIDTH * WIDTH))
        for name, shape in (("ffn_gate", (WIDTH, INNER)), ("ffn_up", (WIDTH, INNER)),
                            ("ffn_down", (INNER, WIDTH))):
            found[f"{at}{name}.weight"] = (shape, inner(WIDTH * INNER))
    return found


def packed(kind, value):
    if kind == STRING:
        data = value if isinstance(value, bytes) else value.encode()
        return struct.pack("<Q", len(data)) + data
    return struct.pack({UINT32: "<I", INT32: "<i", FLOAT32: "<f", BOOL: "<?"}[kind], value)


def entry(key, kind, value, of=None):
    head = packed(STRING, key) + struct.pack("<I", kind)
    if kind != ARRAY:
        return head + packed(kind, value)
    return head + struct.pack("<IQ", of, len(value)) + b"".join(packed(of, one) for one in value)


def padding(size):
    return b"\0" * (-size % ALIGNMENT)


def model(name, is_recital=False, is_endless=False, template=None, heads_kv=HEADS,
          called=None):
    """The bytes of the file."""
    tokens = vocabulary()
    entries = [
        entry("general.architecture", STRING, "llama"),
        entry("general.name", STRING, called or f"tiny {name}"),
        entry("general.alignment", UINT32, ALIGNMENT),
        entry("llama.context_length", UINT32, CONTEXT),
        entry("llama.embedding_length", UINT32, WIDTH),
        entry("llama.block_count", UINT32, LAYERS),
        entry("llama.feed_forward_length", UINT32, INNER),
        entry("llama.attention.head_count", UINT32, HEADS),
        entry("llama.attention.head_count_kv", UINT32, heads_kv),
        entry("llama.attention.layer_norm_rms_epsilon", FLOAT32, 1e-5),
        entry("llama.rope.dimension_count", UINT32, WIDTH // HEADS),
        entry("llama.vocab_size", UINT32, len(tokens)),
        entry("tokenizer.ggml.model", STRING, "llama"),
        entry("tokenizer.ggml.tokens", ARRAY, [one[0] for one in tokens], STRING),
        entry("tokenizer.ggml.scores", ARRAY, [one[1] for one in tokens], FLOAT32),
        entry("tokenizer.ggml.token_type", ARRAY, [one[2] for one in tokens], INT32),
        entry("tokenizer.ggml.unknown_token_id", UINT32, 0),
        entry("tokenizer.ggml.bos_token_id", UINT32, 1),
        entry("tokenizer.ggml.eos_token_id", UINT32, 2),
        entry("tokenizer.ggml.add_bos_token", BOOL, True),
        entry("tokenizer.ggml.add_eos_token", BOOL, False),
    ]
    if template:
        entries.append(entry("tokenizer.chat_template", STRING, template))
    infos, data = [], b""
    found = tensors(tokens, is_recital, is_endless)
    for name, (shape, values) in found.items():
        infos.append(packed(STRING, name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape,
                                                        F32, len(data)))
        if sys.byteorder == "big":
            values.byteswap()
        data += values.tobytes()
        data += padding(len(data))
    head = b"GGUF" + struct.pack("<IQQ", 3, len(found), len(entries)) + b"".join(entries + infos)
    return head + padding(len(head)) + data


CHATML = ("{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + "
          "message['content'] + '<|im_end|>' + '\n'}}{% endfor %}")

MODELS = {
    "recital": {"is_recital": True},
    "chatty": {"is_recital": True, "template": CHATML},
    "odd": {"is_recital": True, "template": "{{ what is this? }}", "called": b"odd \xff"},
    "noise": {},
    "loop": {"is_recital": True, "is_endless": True},
    "fatal": {"heads_kv": HEADS + (1 << 30)},
}


def main():
    folder, = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    for name, options in MODELS.items():
        with open(os.path.join(folder, name + ".gguf"), "wb") as file:
            file.write(model(name, **options))


if __name__ == "__main__":
    main()
