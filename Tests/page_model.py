"""The tiny language model of the tests with room for a question and its sources."""

import json
import pathlib
import shutil
import struct

from serving import CHAT_MODEL


def long_model(folder, context=2048):
    """Copies the model with another length of context, and gives its folder.

    What it says means nothing, as before. Its tables of positions are left out: they are then computed to the length.
    """
    folder = pathlib.Path(folder)
    shutil.copytree(CHAT_MODEL, folder)
    configuration = json.loads((folder / "config.json").read_text())
    configuration["max_position_embeddings"] = context
    (folder / "config.json").write_text(json.dumps(configuration))
    weights = folder / "model.safetensors"
    data = weights.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header, kept, body = json.loads(data[8 : 8 + length]), {}, b""
    for name, tensor in header.items():
        if name.endswith(("rope.cos_cache", "rope.sin_cache")):
            continue
        if name != "__metadata__":
            first, last = tensor["data_offsets"]
            tensor["data_offsets"] = [len(body), len(body) + last - first]
            body += data[8 + length + first : 8 + length + last]
        kept[name] = tensor
    text = json.dumps(kept).encode()
    text += b" " * (-len(text) % 8)
    weights.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return str(folder)
