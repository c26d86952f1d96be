"""Writes bert-folders.json: what sentence-transformers 6.2 reads for texts, by the settings of a BERT folder.

Each case is a tokenizer.json or none, and other files; `ids` are what the model is given for each text.
"""
import json
import logging
import os
import pathlib
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
logging.disable(logging.CRITICAL)
import torch
from sentence_transformers import SentenceTransformer
from transformers import BertConfig, BertModel

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = "the cat sat on mat cafe café Café résumé resume Cat 中 国 中国 query : document uber über w1 w2 w3 w4 w5".split()
VOCABULARY = SPECIAL + WORDS + [f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz"] + [c for c in "bdefghijklmnopqrsvxyz"]
TEXTS = [
    "The Café cat sat", "résumé über 中国", "w1 w2 w3 w4 w5", "", "concats onmat [MASK] [SEP] cat", "QUERY: Cat mat\tÜBER",
]


def token(text, **rules):
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"content": text, **plain, **rules}


def tokenizer(lowercase=True, strip_accents=None, truncation=None, added=SPECIAL):
    ids = {word: index for index, word in enumerate(VOCABULARY)}
    parts = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
             {"SpecialToken": {"id": "[SEP]", "type_id": 0}}]
    return {
        "version": "1.0", "truncation": truncation, "padding": None,
        "added_tokens": [{"id": ids[text], **token(text)} for text in added],
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                       "strip_accents": strip_accents, "lowercase": lowercase},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing", "single": parts, "pair": parts + [{"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {name: {"id": name, "ids": [ids[name]], "tokens": [name]} for name in ["[CLS]", "[SEP]"]}},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": ids},
    }


FAST = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]"}
LEFT = {"direction": "Left", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
CONFIG, SENTENCE, MAP = "tokenizer_config.json", "sentence_bert_config.json", "special_tokens_map.json"
PROMPTS = "config_sentence_transformers.json"
CASES = {
    "tokenizer.json alone": {},
    "a cased tokenizer.json of class BertTokenizer is as its settings say": {"tokenizer.json": tokenizer(False)},
    "do_lower_case false": {CONFIG: {"do_lower_case": False}},
    "do_lower_case true": {"tokenizer.json": tokenizer(False), CONFIG: {"tokenizer_class": "BertTokenizer", "do_lower_case": True}},
    "strip_accents false": {CONFIG: {"strip_accents": False}},
    "strip_accents true, cased": {CONFIG: {"strip_accents": True, "do_lower_case": False}},
    "tokenize_chinese_chars false": {CONFIG: {"tokenize_chinese_chars": False}},
    "truncation_side left": {CONFIG: {"truncation_side": "left", "model_max_length": 4}},
    "model_max_length": {CONFIG: {"model_max_length": 5}},
    "max_len": {CONFIG: {"max_len": 5}},
    "a fast tokenizer is as its file says": {"tokenizer.json": tokenizer(False), CONFIG: {**FAST, "do_lower_case": True}},
    "a fast tokenizer truncates as its file says": {"tokenizer.json": tokenizer(truncation=LEFT), CONFIG: FAST, SENTENCE: {"max_seq_length": 5}},
    "vocab.txt": {"tokenizer.json": None},
    "vocab.txt with settings": {"tokenizer.json": None, CONFIG: {"do_lower_case": False, "tokenize_chinese_chars": False, "truncation_side": "left", "model_max_length": 5}},
    "vocab.txt with another mask": {"tokenizer.json": None, CONFIG: {"mask_token": "cat"}},
    "vocab.txt with added_tokens_decoder": {"tokenizer.json": None, CONFIG: {"added_tokens_decoder": {str(VOCABULARY.index(t)): token(t) for t in SPECIAL + ["mat"]}}},
    "sentence-transformers lower-cases": {CONFIG: {"do_lower_case": False}, SENTENCE: {"do_lower_case": True}},
    "sentence-transformers lower-cases a fast tokenizer": {"tokenizer.json": tokenizer(False), CONFIG: FAST, SENTENCE: {"do_lower_case": True}},
    "max_seq_length": {CONFIG: {"model_max_length": 9}, SENTENCE: {"max_seq_length": 4}},
    "max_seq_length in a file of an older name": {"sentence_roberta_config.json": {"max_seq_length": 4}},
    "an empty file is none": {SENTENCE: {}, "sentence_distilbert_config.json": {"max_seq_length": 4}},
    "default_prompt_name": {PROMPTS: {"prompts": {"q": "query: the "}, "default_prompt_name": "q"}},
    "prompts without a default": {PROMPTS: {"prompts": {"query": "query: "}, "default_prompt_name": None}},
    "a prompt is lower-cased and cut with its text": {CONFIG: {"do_lower_case": False}, SENTENCE: {"do_lower_case": True, "max_seq_length": 6}, PROMPTS: {"prompts": {"q": "QUERY: The "}, "default_prompt_name": "q"}},
    "other special tokens": {CONFIG: {"tokenizer_class": "BertTokenizer", "unk_token": "mat", "cls_token": "cat", "sep_token": "on"}},
    "special tokens found in texts": {CONFIG: {"bos_token": "cat", "tokenizer_class": "BertTokenizer"}},
    "special tokens of a fast tokenizer found in texts": {CONFIG: {**FAST, "unk_token": "cat"}},
    "special tokens of the model": {CONFIG: {"extra_special_tokens": {"animal": "cat"}, "tokenizer_class": "BertTokenizer"}},
    "additional special tokens": {CONFIG: {**FAST, "additional_special_tokens": ["cat"]}},
    "special_tokens_map.json counts more": {CONFIG: {"unk_token": "[UNK]", "tokenizer_class": "BertTokenizer"}, MAP: {"unk_token": "mat", "cls_token": token("cat")}},
    "special_tokens_map.json counts nothing beside added_tokens_decoder": {CONFIG: {"tokenizer_class": "BertTokenizer", "added_tokens_decoder": {"0": token("[PAD]")}}, MAP: {"unk_token": "mat", "cls_token": "cat"}},
    "added_tokens.json": {"added_tokens.json": {"cat": VOCABULARY.index("cat")}},
    "special tokens that tokenizer.json does not add": {"tokenizer.json": tokenizer(added=[]), CONFIG: {"tokenizer_class": "BertTokenizer"}},
}


def ids(files):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        torch.manual_seed(0)
        BertModel(BertConfig(
            vocab_size=len(VOCABULARY), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
            max_position_embeddings=12), add_pooling_layer=False).save_pretrained(folder)
        files = {"tokenizer.json": tokenizer(), **files}
        for file, content in files.items():
            if content is not None:
                (folder / file).write_text(json.dumps(content))
        if files["tokenizer.json"] is None:
            (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling/config.json").write_text(json.dumps({"embedding_dimension": 8, "pooling_mode": "mean"}))
        modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
        (folder / "modules.json").write_text(json.dumps([
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(modules)]))
        model = SentenceTransformer(str(folder), device="cpu")
        seen = []
        model[0].auto_model.register_forward_pre_hook(
            lambda module, args, given: seen.append(given["input_ids"][0].tolist()), with_kwargs=True)
        for text in TEXTS:
            model.encode([text])
        return seen


if __name__ == "__main__":
    cases = [{"name": name, "files": files, "ids": ids(files)} for name, files in CASES.items()]
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    start = json.dumps({"vocabulary": VOCABULARY, "tokenizer": tokenizer(), "texts": TEXTS}, ensure_ascii=False)
    pathlib.Path("bert-folders.json").write_text(f'{start[:-1]},\n"cases": [\n{lines}\n]}}\n')
