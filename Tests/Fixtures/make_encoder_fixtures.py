"""Writes encoders/: a small model of each family with random weights, and the vectors that sentence-transformers 6.2
(transformers 5.23) gives with it. Tokenizers are trained on the texts below.

`build` makes the same models in other sizes; Tests/encoders.py uses it.
"""
import json
import logging
import os
import pathlib
import shutil
import sys
import tempfile
from dataclasses import dataclass

os.environ["HF_HUB_OFFLINE"] = "1"
logging.disable(logging.CRITICAL)
import sentence_transformers as st
import torch
import transformers as tf
from sentence_transformers.sentence_transformer import modules as st_modules
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

TEXTS = [
    "A whale breathes air.", "", "w", "   two  spaces\tand a tab ", "Wale atmen Luft, Übermut tut selten gut!",
    "鲸鱼呼吸空气。", "الحوت يتنفس الهواء", "кит дышит воздухом", "วาฬหายใจด้วยอากาศ", "🐋 and 🐳🏽, e\u0301 or é",
    "<pad> [PAD] <mask> [MASK] <s> </s> [SEP]", "don't stop, 3.14 or 1,000: it's the o'clock's",
    "The smallest of the rorquals swims alone or in twos and threes, and of all the whales of the sea it is the one that "
    "comes nearest to a ship, turning on its side to look at it; then it dives, and is not seen for twenty minutes or more.",
]
CORPUS = TEXTS + [
    "The minke whale is the smallest of the rorquals.", "It is found in all the oceans and breathes air as all whales do.",
    "There are two species, the common and the Antarctic one.", "ein Wal ist kein Fisch", "鲸鱼是哺乳动物",
]


@dataclass
class Sizes:
    hidden: int = 16
    heads: int = 2
    inner: int = 28
    layers: int = 2
    length: int = 40  # the longest text in tokens
    vocabulary: int = 180


# MARK: Tokenizers


def word_pieces(sizes, special):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(
        CORPUS, trainers.WordPieceTrainer(vocab_size=sizes.vocabulary, special_tokens=special, show_progress=False))
    return tokenizer.get_vocab()


def bert_tokenizer(sizes, kind=tf.BertTokenizer):
    return kind(vocab=word_pieces(sizes, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]), model_max_length=sizes.length)


def mpnet_tokenizer(sizes):
    vocabulary = word_pieces(sizes, ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"])
    return tf.MPNetTokenizer(vocab=vocabulary, model_max_length=sizes.length)


def byte_level_pairs(sizes, special):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=256 + len(special) + sizes.vocabulary // 4, special_tokens=special, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    return tokenizer


def roberta_tokenizer(sizes):
    tokenizer = byte_level_pairs(sizes, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    model = json.loads(tokenizer.to_str())["model"]
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in model["merges"]]
    return tf.RobertaTokenizer(vocab=model["vocab"], merges=merges, model_max_length=sizes.length)


def unigrams(sizes, special):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    tokenizer.train_from_iterator(CORPUS, trainers.UnigramTrainer(
        vocab_size=sizes.vocabulary, special_tokens=special, unk_token="<unk>", show_progress=False))
    return [tuple(entry) for entry in json.loads(tokenizer.to_str())["model"]["vocab"]]


def xlm_roberta_tokenizer(sizes):
    vocabulary = unigrams(sizes, ["<s>", "<pad>", "</s>", "<unk>"]) + [("<mask>", 0.0)]
    return tf.XLMRobertaTokenizer(vocab=vocabulary, model_max_length=sizes.length)


def camembert_tokenizer(sizes):
    special = ["<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>"]
    vocabulary = unigrams(sizes, special) + [("<mask>", 0.0)]
    return tf.CamembertTokenizer(vocab=vocabulary, model_max_length=sizes.length)


def modernbert_tokenizer(sizes):
    tokenizer = byte_level_pairs(sizes, ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"])
    tokenizer.normalizer = normalizers.NFC()
    ids = [(token, tokenizer.token_to_id(token)) for token in ["[CLS]", "[SEP]"]]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ids)
    return tf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=sizes.length, cls_token="[CLS]", sep_token="[SEP]",
        unk_token="[UNK]", pad_token="[PAD]", mask_token="[MASK]", model_input_names=["input_ids", "attention_mask"])


# MARK: Models


def common(sizes, tokenizer, **more):
    return dict(
        vocab_size=len(tokenizer), hidden_size=sizes.hidden, num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads, intermediate_size=sizes.inner, max_position_embeddings=sizes.length,
        pad_token_id=tokenizer.pad_token_id, **more)


def bert(sizes):
    tokenizer = bert_tokenizer(sizes)
    return tokenizer, tf.BertForMaskedLM(tf.BertConfig(**common(sizes, tokenizer, hidden_act="gelu_new")))


def roberta(sizes):
    tokenizer = roberta_tokenizer(sizes)
    config = tf.RobertaConfig(**common(sizes, tokenizer, type_vocab_size=1, layer_norm_eps=1e-5))
    config.max_position_embeddings += 2
    return tokenizer, tf.RobertaForMaskedLM(config)


def xlm_roberta(sizes):
    tokenizer = xlm_roberta_tokenizer(sizes)
    config = tf.XLMRobertaConfig(**common(sizes, tokenizer, type_vocab_size=1, hidden_act="gelu_pytorch_tanh"))
    config.max_position_embeddings += 2
    return tokenizer, tf.XLMRobertaModel(config, add_pooling_layer=False)


def camembert(sizes):
    tokenizer = camembert_tokenizer(sizes)
    config = tf.CamembertConfig(**common(sizes, tokenizer, type_vocab_size=1, hidden_act="quick_gelu"))
    config.max_position_embeddings += 2
    return tokenizer, tf.CamembertForMaskedLM(config)


def distilbert(sizes):
    tokenizer = bert_tokenizer(sizes, tf.DistilBertTokenizer)
    config = tf.DistilBertConfig(
        vocab_size=len(tokenizer), dim=sizes.hidden, n_layers=sizes.layers, n_heads=sizes.heads,
        hidden_dim=sizes.inner, max_position_embeddings=sizes.length, activation="relu")
    return tokenizer, tf.DistilBertForMaskedLM(config)


def mpnet(sizes):
    tokenizer = mpnet_tokenizer(sizes)
    config = tf.MPNetConfig(**common(sizes, tokenizer, layer_norm_eps=1e-5))
    config.max_position_embeddings += 2
    return tokenizer, tf.MPNetForMaskedLM(config)


def electra(sizes):
    tokenizer = bert_tokenizer(sizes)
    config = tf.ElectraConfig(**common(sizes, tokenizer, embedding_size=sizes.hidden * 2 // 3, hidden_act="mish"))
    return tokenizer, tf.ElectraForPreTraining(config)


def modernbert(sizes):
    tokenizer = modernbert_tokenizer(sizes)
    config = tf.ModernBertConfig(**common(sizes, tokenizer, local_attention=max(6, sizes.length // 8)))
    config.num_hidden_layers = 2 * sizes.layers
    config.layer_types = ["sliding_attention" if i % 3 else "full_attention" for i in range(config.num_hidden_layers)]
    return tokenizer, tf.ModernBertForMaskedLM(config)


def modernbert_biased(sizes):
    tokenizer = modernbert_tokenizer(sizes)
    config = tf.ModernBertConfig(**common(
        sizes, tokenizer, local_attention=9, attention_bias=True, mlp_bias=True, norm_bias=True,
        hidden_activation="silu", layer_types=["sliding_attention"] * (sizes.layers - 1) + ["full_attention"],
        rope_parameters={"full_attention": {"rope_type": "default", "rope_theta": 5000.0},
                         "sliding_attention": {"rope_type": "default", "rope_theta": 300.0}}))
    return tokenizer, tf.ModernBertModel(config)


# What stands behind each encoder, by its width: a Pooling's arguments, then more modules. None: no modules.json.
FAMILIES = {
    "bert": (bert, {"pooling_mode": ["max", "mean"]}, lambda width: [
        st_modules.Dense(2 * width, 2 * width, activation_function=torch.nn.Tanh()),
        st_modules.Dense(2 * width, width, bias=False, activation_function=torch.nn.SiLU()), st_modules.Normalize()]),
    "roberta": (roberta, {"pooling_mode": "mean"}, lambda width: [st_modules.Normalize()]),
    "xlm-roberta": (xlm_roberta, {"pooling_mode": "cls"}, lambda width: [st_modules.Normalize()]),
    "camembert": (camembert, None, lambda width: []),
    "distilbert": (distilbert, {"pooling_mode": "mean_sqrt_len_tokens", "include_prompt": False}, lambda width: []),
    "mpnet": (mpnet, {"pooling_mode": "mean"}, lambda width: [st_modules.Normalize()]),
    "electra": (electra, {"pooling_mode": "weightedmean"}, lambda width: [
        st_modules.LayerNorm(width), st_modules.Dense(width, width, use_residual=True)]),
    "modernbert": (modernbert, {"pooling_mode": ["lasttoken", "mean"]}, lambda width: []),
    "modernbert-biased": (modernbert_biased, {"pooling_mode": "weightedmean"}, lambda width: []),
}


def randomize(module, seed):
    """Numbers of which each matters, biases and norms too."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * (0.7 * max(parameter.shape) ** -0.5))
            if "norm" in name.lower() and name.endswith("weight"):
                parameter.add_(1)


def write_in_shards(weights, folder, name):
    """The tensors in two files and an index, as large models are stored."""
    from safetensors.torch import save_file
    names = sorted(weights)
    files = {}
    for number, part in enumerate([names[: len(names) // 2], names[len(names) // 2:]], 1):
        stem, extension = name.rsplit(".", 1)
        file = f"{stem}-{number:05}-of-00002.{extension}"
        tensors = {key: weights[key].contiguous() for key in part}
        save_file(tensors, folder / file, {"format": "pt"}) if extension == "safetensors" else torch.save(tensors, folder / file)
        files |= {key: file for key in part}
    (folder / f"{name}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": files}))


def build(family, folder, sizes, seed=0):
    """Writes the model of `family` to the folder, which must not be there, and returns what sentence-transformers loads."""
    folder = pathlib.Path(folder)
    make, pooling, rest = FAMILIES[family]
    tokenizer, model = make(sizes)
    randomize(model, seed)
    with tempfile.TemporaryDirectory() as plain:
        model.save_pretrained(plain)
        tokenizer.save_pretrained(plain)
        if pooling is None:
            shutil.copytree(plain, folder)
            return st.SentenceTransformer(str(folder), device="cpu")
        width = model.config.hidden_size
        parts = [st_modules.Transformer(plain), st_modules.Pooling(width, **pooling), *rest(width)]
        for place, part in enumerate(parts[2:]):
            randomize(part, seed + 1 + place)
        prompts = {"prompts": {"query": "whales: "}, "default_prompt_name": "query"} if family == "distilbert" else {}
        st.SentenceTransformer(modules=parts, device="cpu", **prompts).save(str(folder), create_model_card=False)
        # With the prefix and the head of the class that it was trained in.
        os.remove(folder / "model.safetensors")
        weights = {key: value for key, value in model.state_dict().items()}
        if family == "xlm-roberta":
            write_in_shards(weights, folder, "model.safetensors")
        elif family == "electra":
            write_in_shards(weights, folder, "pytorch_model.bin")
        else:
            shutil.copy(pathlib.Path(plain) / "model.safetensors", folder)
    return st.SentenceTransformer(str(folder), device="cpu")


def expected(model, texts):
    """The ids and the vector of each text, one at a time, without scaling beyond the model's own."""
    seen = []
    forward = model[0].forward

    def watched(features, **arguments):
        seen.append(features["input_ids"][0].tolist())
        return forward(features, **arguments)

    model[0].forward = watched
    vectors = [model.encode([text], show_progress_bar=False)[0].tolist() for text in texts]
    model[0].forward = forward
    return seen, vectors


if __name__ == "__main__":
    place = pathlib.Path(__file__).parent / "encoders"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    lines = []
    for family in sys.argv[1:] or FAMILIES:
        ids, vectors = expected(build(family, place / family, Sizes()), TEXTS)
        rounded = [[float(f"{number:.7g}") for number in vector] for vector in vectors]
        lines.append(f'"{family}": ' + json.dumps({"ids": ids, "vectors": rounded}))
    start = json.dumps({"texts": TEXTS}, ensure_ascii=False)[:-1]
    (place / "vectors.json").write_text(start + ",\n" + ",\n".join(lines) + "}\n")
