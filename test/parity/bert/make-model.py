"""Makes pipelines/models/tiny-random-minilm: the files of all-MiniLM-L6-v2 in small, with random weights."""
import json
import pathlib
import string

import torch
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "pipelines/models/tiny-random-minilm"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = "the a it of on to is and not in cat mat sat fold cut paper token two one word again ##s ##ed ##ing ##er ##ly ##en ##un".split()
WIDTH, LAYERS, HEADS, INNER, POSITIONS = 32, 2, 2, 64, 64


def main():
    FOLDER.mkdir(exist_ok=True)
    vocabulary = vocabulary_of_letters_and_words()
    config = dict(
        architectures=["BertModel"], model_type="bert", vocab_size=len(vocabulary), hidden_size=WIDTH, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, intermediate_size=INNER, hidden_act="gelu", hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1, max_position_embeddings=POSITIONS, type_vocab_size=2, initializer_range=0.02,
        layer_norm_eps=1e-12, pad_token_id=0, position_embedding_type="absolute",
    )
    dump("config.json", config)
    dump("tokenizer.json", tokenizer(vocabulary))
    dump("tokenizer_config.json", dict(
        do_lower_case=True, unk_token="[UNK]", sep_token="[SEP]", pad_token="[PAD]", cls_token="[CLS]", mask_token="[MASK]",
        tokenize_chinese_chars=True, strip_accents=None, model_max_length=POSITIONS, tokenizer_class="BertTokenizer",
    ))
    save_file(weights(len(vocabulary)), FOLDER / "model.safetensors", metadata={"format": "pt"})
    (FOLDER / "model.safetensors").chmod(0o644)
    print(len(vocabulary), "tokens,", sum(f.stat().st_size for f in FOLDER.iterdir()), "bytes")


def vocabulary_of_letters_and_words():
    letters = string.ascii_lowercase + string.digits
    return SPECIAL + list("!'(),-.:;?") + list(letters) + ["##" + c for c in letters] + WORDS


def tokenizer(vocabulary):
    special = lambda token, kind=0: {"SpecialToken": {"id": token, "type_id": kind}}  # noqa: E731
    sequence = lambda name, kind: {"Sequence": {"id": name, "type_id": kind}}  # noqa: E731
    return {
        "version": "1.0",
        # As in the real one: a fixed padding that whoever batches sentences must override.
        "truncation": {"max_length": 32, "strategy": "LongestFirst", "stride": 0, "direction": "Right"},
        "padding": {"strategy": {"Fixed": 32}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": [
            {"id": i, "content": t, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
            for i, t in enumerate(SPECIAL)
        ],
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [special("[CLS]"), sequence("A", 0), special("[SEP]")],
            "pair": [special("[CLS]"), sequence("A", 0), special("[SEP]"), sequence("B", 1), special("[SEP]", 1)],
            "special_tokens": {t: {"id": t, "ids": [vocabulary.index(t)], "tokens": [t]} for t in ("[CLS]", "[SEP]")},
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
            "vocab": {t: i for i, t in enumerate(vocabulary)},
        },
    }


def weights(tokens):
    """Larger than at the start of a training, so that attention is not flat and an error shows."""
    random = torch.Generator().manual_seed(20240)
    out = {"embeddings.position_ids": torch.arange(POSITIONS)[None]}

    def matrix(name, *shape):
        out[name] = torch.randn(*shape, generator=random) * 0.25

    def dense(name, outputs, inputs):
        matrix(name + ".weight", outputs, inputs)
        out[name + ".bias"] = torch.randn(outputs, generator=random) * 0.1

    def norm(name):
        out[name + ".weight"] = 1 + torch.randn(WIDTH, generator=random) * 0.1
        out[name + ".bias"] = torch.randn(WIDTH, generator=random) * 0.1

    matrix("embeddings.word_embeddings.weight", tokens, WIDTH)
    matrix("embeddings.position_embeddings.weight", POSITIONS, WIDTH)
    matrix("embeddings.token_type_embeddings.weight", 2, WIDTH)
    norm("embeddings.LayerNorm")
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}."
        for name in ("query", "key", "value"):
            dense(f"{at}attention.self.{name}", WIDTH, WIDTH)
        dense(at + "attention.output.dense", WIDTH, WIDTH)
        norm(at + "attention.output.LayerNorm")
        dense(at + "intermediate.dense", INNER, WIDTH)
        dense(at + "output.dense", WIDTH, INNER)
        norm(at + "output.LayerNorm")
    dense("pooler.dense", WIDTH, WIDTH)
    return out


def dump(name, value):
    (FOLDER / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
