"""Writes the archives beside it: what torch.save can put into a dictionary of tensors (PyTorch 2.13)."""
import collections
import torch

base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
model = collections.OrderedDict(
    weight=torch.nn.Parameter(base.clone()),
    transposed=base.t(),
    row=base[1],
    column=base[:, 2],
    block=base[1:, 1:3],
    expanded=torch.tensor([7.0]).expand(2, 3),
    scalar=torch.tensor(2.5),
    empty=torch.zeros(0, 3),
    half=torch.tensor([1.0, -2.0], dtype=torch.float16),
    bfloat=torch.tensor([1.0, -3.0], dtype=torch.bfloat16),
    double=torch.tensor([0.1, 1e10], dtype=torch.float64),
    long=torch.tensor([-(2**40), 5]),
    int=torch.tensor([[-7]], dtype=torch.int32),
    short=torch.tensor([-300], dtype=torch.int16),
    char=torch.tensor([-5], dtype=torch.int8),
    byte=torch.tensor([200], dtype=torch.uint8),
    bool=torch.tensor([True, False]),
)
model._metadata = collections.OrderedDict({"": {"version": 1}})
torch.save(
    {
        "state_dict": model,
        "epoch": 3,
        "loss": 0.25,
        "name": "variety",
        "best": None,
        "done": True,
        "steps": 2**40,
        "history": [torch.tensor([1]), (torch.tensor([2]),)],
        "optimizer": {"state": {0: {"step": torch.tensor(4.0)}}},
    },
    "variety.pt",
)
torch.save({"a": base.t()}, "protocol4.pt", pickle_protocol=4)
torch.save({"a": torch.ones(2)}, "legacy.pt", _use_new_zipfile_serialization=False)
torch.save({"a": torch.ones(2)}, "legacy4.pt", pickle_protocol=4, _use_new_zipfile_serialization=False)
torch.save({"a": torch.complex(torch.ones(2), torch.ones(2)).conj().imag}, "negated.pt")
