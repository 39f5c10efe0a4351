"""Exports transformers with random weights and small shapes by both exporters of PyTorch, for bench/recognition.ts and the tests.

usage: python bench/recognition.py FOLDER [--only NAME,NAME] [--exporter script|dynamo|fused] [--tiny|--bench] [--expect] [--strong]
Needs torch, transformers, onnx, onnxscript, onnxruntime. `fused` is the first exporter's file after the transformer optimizer
of ONNX Runtime, which puts its own operators in. Writes FOLDER/NAME.EXPORTER.onnx and FOLDER/there.json: what is in them, by the
configuration, or why an exporter gave up. Nothing is downloaded. What exporters note about this machine is taken out.
--bench: shapes that take time, 4 blocks of 256 channels, for bench/optimizers.ts; the first exporter's files of BENCHED alone.
--expect adds NAME.EXPORTER.safetensors: inputs, and what PyTorch has at the entry of every block and as its probabilities.
--strong makes weights as large as trained ones are, so that positions count, and with --expect adds NAME.EXPORTER.folded.safetensors:
inputs, of which some are hidden, and for each stack what PyTorch gives where its second block has only those KEPT tokens of each
record whose first channel is largest, in their order, and all that it is given beside them is cut to the same tokens; the others leave it as zeros.

The data of test/compiler/import/recognise.test.ts:
python bench/recognition.py test/compiler/import/exports --tiny --expect --exporter script --only bert,swin,dinov2,packed,table
python bench/recognition.py test/compiler/import/exports --tiny --expect --exporter dynamo --only vit
python bench/recognition.py test/compiler/import/exports --tiny --expect --strong --exporter script --only phi,t5
python bench/recognition.py test/compiler/import/exports --tiny --expect --strong --exporter dynamo --only bert,clip-text,llama,gemma2,deberta-v2,whisper-decoder,gpt2
python bench/recognition.py test/compiler/import/exports --tiny --expect --strong --exporter fused --only gpt2
"""
import argparse
import json
import re
import sys
import warnings
from pathlib import Path

import onnx
import torch
import transformers as t
from safetensors.torch import save_file

TINY = "--tiny" in sys.argv
BENCH = "--bench" in sys.argv
HIDDEN, HEADS, BLOCKS, INNER, WORDS = (16, 2, 2, 32, 20) if TINY else (256, 4, 4, 1024, 2000) if BENCH else (32, 4, 2, 64, 60)
# Tokens of a text at most, side of a picture and of a patch, frames of sound at its end and bands.
POSITIONS, SIDE, PATCH, FRAMES, BANDS = (160, 176, 16, 128, 80) if BENCH else (40, 32, 8, 20, 8)

text = dict(vocab_size=WORDS, hidden_size=HIDDEN, num_attention_heads=HEADS, num_hidden_layers=BLOCKS, intermediate_size=INNER, max_position_embeddings=POSITIONS)
image = dict(hidden_size=HIDDEN, num_attention_heads=HEADS, num_hidden_layers=BLOCKS, intermediate_size=INNER, image_size=SIDE, patch_size=PATCH)
causal = dict(text, use_cache=False, pad_token_id=0, bos_token_id=1, eos_token_id=2)
WHISPER = dict(vocab_size=WORDS, d_model=HIDDEN, encoder_layers=BLOCKS, decoder_layers=BLOCKS, encoder_attention_heads=HEADS, decoder_attention_heads=HEADS, encoder_ffn_dim=INNER, decoder_ffn_dim=INNER, max_source_positions=FRAMES, max_target_positions=POSITIONS, num_mel_bins=BANDS, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1, use_cache=False)
T5 = dict(vocab_size=WORDS, d_model=HIDDEN, d_kv=HIDDEN // HEADS, d_ff=INNER, num_layers=BLOCKS, num_decoder_layers=BLOCKS, num_heads=HEADS, use_cache=False, pad_token_id=0, eos_token_id=1, decoder_start_token_id=0)


class Fixed(torch.nn.Module):
    """A model that gives its first output, called by position."""

    def __init__(self, model, names, output, constants=None):
        super().__init__()
        self.model, self.names, self.output, self.constants = model, names, output, constants or {}

    def forward(self, *inputs):
        return getattr(self.model(**dict(zip(self.names, inputs)), **self.constants, return_dict=True), self.output)


def ids(batch=2, length=9):
    return torch.randint(3, WORDS, (batch, length))


def texts(model, mask=True, output="last_hidden_state", **constants):
    inputs = {"input_ids": ids()}
    if mask:
        inputs["attention_mask"] = torch.ones(2, 9, dtype=torch.long)
    axes = {name: {0: "batch", 1: "sequence"} for name in inputs}
    return Fixed(model, list(inputs), output, constants), inputs, axes


def pictures(model, size=SIDE):
    return Fixed(model, ["pixel_values"], "last_hidden_state"), {"pixel_values": torch.randn(2, 3, size, size)}, {"pixel_values": {0: "batch"}}


def whisper_decoder():
    inputs = {"input_ids": ids(), "encoder_hidden_states": torch.randn(2, FRAMES, HIDDEN)}
    return Fixed(t.models.whisper.modeling_whisper.WhisperDecoder(t.WhisperConfig(**WHISPER)), list(inputs), "last_hidden_state"), inputs, {n: {0: "batch", 1: "sequence" if n == "input_ids" else "frames"} for n in inputs}


def t5():
    inputs = {"input_ids": ids(), "attention_mask": torch.ones(2, 9, dtype=torch.long), "decoder_input_ids": ids(2, 5)}
    axes = {n: {0: "batch", 1: "target" if n.startswith("decoder") else "sequence"} for n in inputs}
    return Fixed(t.T5Model(t.T5Config(**T5)), list(inputs), "last_hidden_state"), inputs, axes


class Both(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, pixel_values):
        made = self.model(input_ids=input_ids, attention_mask=attention_mask, pixel_values=pixel_values)
        return made.text_embeds, made.image_embeds


def clip_text_config():
    return dict(text, projection_dim=HIDDEN, pad_token_id=0, bos_token_id=1, eos_token_id=2)


def clip_both():
    model = t.CLIPModel(t.CLIPConfig(text_config=dict(clip_text_config()), vision_config=dict(image, hidden_size=48, projection_dim=HIDDEN), projection_dim=HIDDEN))
    inputs = {"input_ids": ids(), "attention_mask": torch.ones(2, 9, dtype=torch.long), "pixel_values": torch.randn(2, 3, SIDE, SIDE)}
    return Both(model), inputs, {"input_ids": {0: "batch", 1: "sequence"}, "attention_mask": {0: "batch", 1: "sequence"}, "pixel_values": {0: "images"}}


def bart():
    config = t.BartConfig(vocab_size=WORDS, d_model=HIDDEN, encoder_layers=BLOCKS, decoder_layers=BLOCKS, encoder_attention_heads=HEADS, decoder_attention_heads=HEADS, encoder_ffn_dim=INNER, decoder_ffn_dim=INNER, max_position_embeddings=POSITIONS, use_cache=False, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1)
    inputs = {"input_ids": ids(), "attention_mask": torch.ones(2, 9, dtype=torch.long), "decoder_input_ids": ids(2, 5)}
    return Fixed(t.BartModel(config), list(inputs), "last_hidden_state"), inputs, {n: {0: "batch", 1: "target" if n.startswith("decoder") else "sequence"} for n in inputs}


def wav2vec2():
    config = t.Wav2Vec2Config(hidden_size=HIDDEN, num_hidden_layers=BLOCKS, num_attention_heads=HEADS, intermediate_size=INNER, conv_dim=(16, 16), conv_stride=(5, 2), conv_kernel=(10, 3), num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2, num_feat_extract_layers=2)
    return Fixed(t.Wav2Vec2Model(config), ["input_values"], "last_hidden_state"), {"input_values": torch.randn(2, 400)}, {"input_values": {0: "batch"}}


class Positional(torch.nn.Module):
    """A model that gives one tensor for one."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x)


def plain(model):
    return Positional(model), {"x": torch.randn(9, 2, HIDDEN)}, {"x": {1: "batch"}}


class PackedBlock(torch.nn.Module):
    """Queries, keys and values by one product, taken apart along an axis of their own, as many vision models have it."""

    def __init__(self, tokens=None):
        super().__init__()
        self.table = torch.nn.Parameter(torch.randn(HEADS, tokens, tokens)) if tokens else None
        self.norm1, self.norm2 = torch.nn.LayerNorm(HIDDEN), torch.nn.LayerNorm(HIDDEN)
        self.qkv, self.project = torch.nn.Linear(HIDDEN, 3 * HIDDEN), torch.nn.Linear(HIDDEN, HIDDEN)
        self.mlp = torch.nn.Sequential(torch.nn.Linear(HIDDEN, INNER), torch.nn.SiLU(), torch.nn.Linear(INNER, HIDDEN))

    def forward(self, x):
        n, b, c = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(n, b, 3, HEADS, c // HEADS).permute(2, 1, 3, 0, 4).unbind(0)
        scores = (q * (c // HEADS) ** -0.5) @ k.transpose(-2, -1)
        self.probs = (scores if self.table is None else scores + self.table).softmax(-1)
        x = x + self.project((self.probs @ v).permute(2, 0, 1, 3).reshape(n, b, c))
        return x + self.mlp(self.norm2(x))


class Packed(torch.nn.Module):
    """Tokens come first, then the batch. With a table: a bias for each pair of `tokens`."""

    def __init__(self, tokens=None):
        super().__init__()
        self.blocks = torch.nn.Sequential(*[PackedBlock(tokens) for _ in range(BLOCKS)])

    def forward(self, x):
        return self.blocks(x)

    def seen(self, x):
        found = {"in.x": x}
        for i, block in enumerate(self.blocks):
            found[f"input.{i}"] = x
            x = block(x)
            found[f"probs.{i}"] = block.probs
        return found


def half(model):
    made, inputs, axes = pictures(model.half())
    return made, {name: value.half() for name, value in inputs.items()}, axes


def swin():
    stages = dict(depths=[2], num_heads=[2]) if TINY else dict(depths=[2, 2], num_heads=[2, 4])
    return pictures(t.SwinModel(t.SwinConfig(image_size=SIDE, patch_size=4, embed_dim=8 if TINY else 16, window_size=4, **stages), add_pooling_layer=False))


one = [{"name": "blocks", "blocks": BLOCKS, "heads": HEADS, "hidden": HIDDEN}]
# name -> (what makes the model, its inputs and its open axes; the stacks that are there)
MODELS = {
    "bert": (lambda: texts(t.BertModel(t.BertConfig(**text), add_pooling_layer=False)), one),
    "roberta": (lambda: texts(t.RobertaModel(t.RobertaConfig(**text), add_pooling_layer=False)), one),
    "deberta-v2": (lambda: texts(t.DebertaV2Model(t.DebertaV2Config(**text, relative_attention=True, position_buckets=8, pos_att_type=["p2c", "c2p"], norm_rel_ebd="layer_norm", share_att_key=True))), one),
    "distilbert": (lambda: texts(t.DistilBertModel(t.DistilBertConfig(vocab_size=WORDS, dim=HIDDEN, n_heads=HEADS, n_layers=BLOCKS, hidden_dim=INNER, max_position_embeddings=POSITIONS))), one),
    "vit": (lambda: pictures(t.ViTModel(t.ViTConfig(**image), add_pooling_layer=False)), one),
    "deit": (lambda: pictures(t.DeiTModel(t.DeiTConfig(**image), add_pooling_layer=False)), one),
    "dinov2": (lambda: pictures(t.Dinov2Model(t.Dinov2Config(**{**image, "mlp_ratio": 2}))), one),
    "swin": (swin, [{"name": "blocks", "blocks": 2, "heads": 2, "hidden": 8}] if TINY else [{"name": "blocks", "blocks": 2, "heads": 2, "hidden": 16}, {"name": "blocks2", "blocks": 2, "heads": 4, "hidden": 32}]),
    "clip-text": (lambda: texts(t.CLIPTextModel(t.CLIPTextConfig(**clip_text_config()))), one),
    "clip-vision": (lambda: pictures(t.CLIPVisionModel(t.CLIPVisionConfig(**image))), one),
    "clip": (clip_both, [{"name": "text", "blocks": BLOCKS, "heads": HEADS, "hidden": HIDDEN}, {"name": "vision", "blocks": BLOCKS, "heads": HEADS, "hidden": 48}]),
    "siglip": (lambda: pictures(t.SiglipVisionModel(t.SiglipVisionConfig(**image, vision_use_head=False))), one),
    "whisper-encoder": (lambda: (Fixed(t.models.whisper.modeling_whisper.WhisperEncoder(t.WhisperConfig(**WHISPER)), ["input_features"], "last_hidden_state"), {"input_features": torch.randn(2, BANDS, 2 * FRAMES)}, {"input_features": {0: "batch"}}), one),
    "whisper-decoder": (whisper_decoder, one),
    "t5": (t5, [{"name": "encoder", "blocks": BLOCKS, "heads": HEADS, "hidden": HIDDEN}, {"name": "decoder", "blocks": BLOCKS, "heads": HEADS, "hidden": HIDDEN}]),
    "gpt2": (lambda: texts(t.GPT2Model(t.GPT2Config(vocab_size=WORDS, n_embd=HIDDEN, n_head=HEADS, n_layer=BLOCKS, n_inner=INNER, n_positions=POSITIONS, use_cache=False, bos_token_id=1, eos_token_id=2)), use_cache=False), one),
    "llama": (lambda: texts(t.LlamaModel(t.LlamaConfig(**causal, num_key_value_heads=2)), use_cache=False), one),
    "qwen2": (lambda: texts(t.Qwen2Model(t.Qwen2Config(**causal, num_key_value_heads=2)), use_cache=False), one),
    "qwen3": (lambda: texts(t.Qwen3Model(t.Qwen3Config(**causal, num_key_value_heads=2, head_dim=8)), use_cache=False), one),
    "gemma": (lambda: texts(t.GemmaModel(t.GemmaConfig(**causal, num_key_value_heads=1, head_dim=8)), use_cache=False), one),
    "gemma2": (lambda: texts(t.Gemma2Model(t.Gemma2Config(**causal, num_key_value_heads=2, head_dim=8, sliding_window=4)), use_cache=False), one),
    "phi": (lambda: texts(t.PhiModel(t.PhiConfig(**causal, partial_rotary_factor=0.5)), use_cache=False), one),
    "bart": (bart, [{"name": "encoder", "blocks": BLOCKS, "heads": HEADS, "hidden": HIDDEN}, {"name": "decoder", "blocks": BLOCKS, "heads": HEADS, "hidden": HIDDEN}]),
    "opt": (lambda: texts(t.OPTModel(t.OPTConfig(vocab_size=WORDS, hidden_size=HIDDEN, num_hidden_layers=BLOCKS, ffn_dim=INNER, num_attention_heads=HEADS, max_position_embeddings=POSITIONS, word_embed_proj_dim=HIDDEN, use_cache=False, pad_token_id=0, bos_token_id=1, eos_token_id=2)), use_cache=False), one),
    "gpt-neox": (lambda: texts(t.GPTNeoXModel(t.GPTNeoXConfig(**causal)), use_cache=False), one),
    "falcon": (lambda: texts(t.FalconModel(t.FalconConfig(vocab_size=WORDS, hidden_size=HIDDEN, num_hidden_layers=BLOCKS, num_attention_heads=HEADS, ffn_hidden_size=INNER, use_cache=False)), use_cache=False), one),
    "modernbert": (lambda: texts(t.ModernBertModel(t.ModernBertConfig(**text, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2, global_attn_every_n_layers=2, local_attention=4))), one),
    "albert": (lambda: texts(t.AlbertModel(t.AlbertConfig(**text, embedding_size=16), add_pooling_layer=False)), one),
    "olmo2": (lambda: texts(t.Olmo2Model(t.Olmo2Config(**causal)), use_cache=False), one),
    "beit": (lambda: pictures(t.BeitModel(t.BeitConfig(**image, use_relative_position_bias=True), add_pooling_layer=False)), one),
    "wav2vec2": (wav2vec2, one),
    "torch-encoder": (lambda: plain(torch.nn.TransformerEncoder(torch.nn.TransformerEncoderLayer(HIDDEN, HEADS, INNER, activation="gelu", norm_first=True), BLOCKS, enable_nested_tensor=False)), one),
    "packed": (lambda: plain(Packed()), one),
    "table": (lambda: plain(Packed(9)), one),
    "half": (lambda: half(t.ViTModel(t.ViTConfig(**image), add_pooling_layer=False)), one),
}


# 785 and 1025 tokens, where holding all scores costs memory.
LARGE = {
    "vit-448": (lambda: pictures(t.ViTModel(t.ViTConfig(**{**image, "image_size": 448}), add_pooling_layer=False), 448), one),
    "dinov2-448": (lambda: pictures(t.Dinov2Model(t.Dinov2Config(**{**image, "image_size": 448, "patch_size": 14, "mlp_ratio": 4})), 448), one),
}
TOKENS = {"vit-448": 785, "dinov2-448": 1025}
BENCHED = ["bert", "roberta", "vit", "dinov2", "clip-text", "gpt2", "llama", "t5", "whisper-encoder", *LARGE]


# What the transformer optimizer calls them; it knows no others.
FUSED = {"bert": "bert", "roberta": "bert", "distilbert": "bert", "vit": "vit", "deit": "vit", "dinov2": "vit", "clip-vision": "clip", "clip-text": "clip", "gpt2": "gpt2", "t5": "t5"}


def fuse(name, path):
    from onnxruntime.transformers import optimizer

    made = optimizer.optimize_model(str(path), model_type=FUSED[name], num_heads=HEADS, hidden_size=HIDDEN, opt_level=0)
    made.save_model_to_file(str(path))


def strengthened(model):
    """Matrices of a spread of 0.3, whose products are of the size of one in models as narrow as these."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.copy_(torch.randn(parameter.shape) * 0.3)


def export(name, make, exporter, folder, expect, strong):
    torch.manual_seed(7)
    model, inputs, axes = make()
    if strong:
        strengthened(model)
    model.eval()
    path = folder / f"{name}.{exporter}.onnx"
    values = tuple(inputs.values())
    if exporter in ("script", "fused"):
        torch.onnx.export(model, values, path, dynamo=False, opset_version=17, input_names=list(inputs), output_names=["output"] if name != "clip" else ["text", "image"], dynamic_axes=axes)
    else:
        dims = {}
        shapes = []
        for key in inputs:
            shapes.append({axis: dims.setdefault(label, torch.export.Dim.DYNAMIC) for axis, label in axes[key].items()})
        shapes = (tuple(shapes),) if isinstance(model, Fixed) else tuple(shapes)
        torch.onnx.export(model, values, path, dynamo=True, opset_version=18, input_names=list(inputs), external_data=False, dynamic_shapes=shapes)
    if exporter == "fused":
        fuse(name, path)
    strip(path)
    if expect:
        save_file(expected(model, inputs), path.with_suffix(".safetensors"))
        if strong:
            save_file(folded(model, inputs), path.with_suffix(".folded.safetensors"))


# Tokens that stay in the second block.
KEPT = 4


def folded(model, inputs):
    """What the model gives where the second block of a stack has fewer tokens, record by record, so that each may keep others."""
    given = {name: value.clone() for name, value in inputs.items()}
    if "attention_mask" in given:
        given["attention_mask"][1, -2:] = 0
    model.model.set_attn_implementation("eager")
    stacks = [m for m in model.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == BLOCKS and len({type(block) for block in m}) == 1]
    found = {f"in.{name}": value for name, value in given.items()}
    for at, blocks in enumerate(stacks):
        records = []
        for record in range(2):
            undo = cut(blocks[1])
            with torch.no_grad():
                records.append(model(*[value[record : record + 1] for value in given.values()]))
            undo()
        found[f"y.{at}"] = torch.cat(records)
    return {name: value.contiguous().clone() for name, value in found.items()}


def cut(block):
    """Gives the block the tokens whose first channel is largest alone, with their rows and columns of all that counts tokens; gives zeros for the others."""
    state = {}

    def before(_, args, kwargs):
        hidden = args[0] if args else kwargs["hidden_states"]
        count = hidden.shape[1]
        state["count"] = count
        state["places"] = hidden[0, :, 0].topk(KEPT).indices.sort().values if count > KEPT else torch.arange(count)

        def kept(value):
            if isinstance(value, (tuple, list)):
                return type(value)(kept(v) for v in value)
            if not isinstance(value, torch.Tensor):
                return value
            for axis, size in enumerate(value.shape):
                if size == count:
                    value = value.index_select(axis, state["places"])
            return value

        return kept(args), {name: kept(value) for name, value in kwargs.items()}

    def after(_, args, kwargs, output):
        hidden = output[0] if isinstance(output, tuple) else output
        whole = hidden.new_zeros(1, state["count"], hidden.shape[-1]).index_copy(1, state["places"], hidden)
        return (whole, *output[1:]) if isinstance(output, tuple) else whole

    handles = [block.register_forward_pre_hook(before, with_kwargs=True), block.register_forward_hook(after, with_kwargs=True)]
    return lambda: [handle.remove() for handle in handles]


def expected(model, inputs):
    """Inputs, hidden states at the entry of each block, and probabilities, as the model itself gives them with attention spelled out."""
    if isinstance(model.model, Packed):
        with torch.no_grad():
            return {name: value.contiguous().clone() for name, value in model.model.seen(**inputs).items()}
    model.model.set_attn_implementation("eager")
    with torch.no_grad():
        made = model.model(**inputs, **model.constants, output_hidden_states=True, output_attentions=True, return_dict=True)
    states, attentions = (made.encoder_hidden_states, made.encoder_attentions) if hasattr(made, "encoder_attentions") else (made.hidden_states, made.attentions)
    found = {f"in.{name}": value for name, value in inputs.items()}
    found |= {f"input.{i}": value for i, value in enumerate(states[: len(attentions)])}
    # Swin tells of each stage those of its last block.
    last = isinstance(model.model, t.SwinModel)
    found |= {f"probs.{BLOCKS - 1 if last else i}": value for i, value in enumerate(attentions)}
    return {name: value.contiguous().clone() for name, value in found.items()}


def strip(path):
    """Nothing of this machine: paths of source files and stacks stand in metadata."""
    model = onnx.load(path)
    model.doc_string = ""
    for graph in [model.graph, *model.functions]:
        del graph.metadata_props[:]
        graph.doc_string = ""
        for value in [*graph.node, *getattr(graph, "value_info", []), *getattr(graph, "input", []), *getattr(graph, "initializer", [])]:
            if hasattr(value, "metadata_props"):
                del value.metadata_props[:]
            if hasattr(value, "doc_string"):
                value.doc_string = ""
    del model.metadata_props[:]
    onnx.save(model, path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only")
    parser.add_argument("--exporter", choices=["script", "dynamo", "fused"])
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--bench", action="store_true")
    parser.add_argument("--expect", action="store_true")
    parser.add_argument("--strong", action="store_true")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore")
    listing = args.folder / "there.json"
    there = json.loads(listing.read_text()) if listing.exists() else {}
    chosen = args.only.split(",") if args.only else BENCHED if BENCH else list(MODELS)
    for name, (make, stacks) in {**MODELS, **(LARGE if BENCH else {})}.items():
        if name not in chosen:
            continue
        for exporter in ["script"] if BENCH else ["script", "dynamo", "fused"]:
            if (args.exporter and exporter != args.exporter) or (exporter == "fused" and name not in FUSED):
                continue
            entry = {"name": name, "exporter": exporter, "stacks": stacks, "failed": None, **({"tokens": TOKENS[name]} if name in LARGE else {})}
            try:
                export(name, make, exporter, args.folder, args.expect, args.strong)
            except Exception as error:
                reason = re.sub(r"\x1b\[[0-9;]*m", "", (str(error).strip().splitlines() or [""])[0]).split(". ")[0]
                entry["failed"] = f"{type(error).__name__}: {reason}"[:160]
            there[f"{name}.{exporter}"] = entry
            print(name, exporter, entry["failed"] or "written", flush=True)
    listing.write_text(json.dumps(there, indent=1) + "\n")


main()
