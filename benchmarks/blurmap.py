"""Blur maps from CLIP: whole pictures, cells in batches, and cells one by one as in the release.

Weights are made up, explicitly: they change no time. ``python benchmarks/blurmap.py [--size 240x360] [--device cuda]``.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from ldpbench.blurmap.clip.encoder import ClipEncoder
from ldpbench.blurmap.clip.estimators import ClipDense, ClipPatch
from ldpbench.blurmap.clip.patch import DP, pairs, patch_logits, preprocess
from ldpbench.blurmap.clip.weights import load_encoder
from ldpbench.blurmap.disparity.estimator import DisparityEstimator
from ldpbench.core.allocator import keep_freed_memory


def seconds(work: Callable[[], object], device: str) -> float:
    start = time.perf_counter()
    work()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - start


@torch.inference_mode()
def one_by_one(encoder: ClipEncoder, shown: list[np.ndarray], tokenizer: Callable[..., torch.Tensor]) -> np.ndarray:
    """What the release does for every cell: prepare it, encode it, encode the prompt again."""
    device = encoder.mean.device
    logits = []
    for cell in shown:
        image = encoder.model.encode_image(torch.from_numpy(preprocess(cell))[None].to(device))
        text = encoder.model.encode_text(tokenizer([DP.prompt]).to(device))
        cosine = functional.normalize(image, dim=-1) @ functional.normalize(text, dim=-1).T
        logits.append(float(encoder.scale * cosine))
    return np.array(logits)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", default="240x360", help="height x width; the full size is 1120x1680")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()
    height, width = map(int, options.size.split("x"))
    keep_freed_memory()
    rng = np.random.default_rng(0)
    codes = [rng.integers(0, 256, (height, width, 3)).astype(np.uint8) for _ in range(2)]
    views = [code.astype(np.float32) / 255 for code in codes]
    small, large = (load_encoder(name, "random", device=options.device) for name in ("clip-vit-b-32", "clip-vit-b-16"))
    shown = list(pairs(*codes).reshape(-1, 40, 80, 3))
    print(
        f"{width}x{height} px, {len(shown)} cells, {options.device}, {torch.get_num_threads()} threads, random weights"
    )
    import open_clip

    tokenizer = open_clip.get_tokenizer("ViT-B-16-quickgelu")
    few = shown[: min(len(shown), 24)]
    one_by_one(large, few[:2], tokenizer)
    patch_logits(large, few, DP.prompt, whole=False, batch=options.batch)
    single = seconds(lambda: one_by_one(large, few, tokenizer), options.device) * len(shown) / len(few)
    batched = seconds(lambda: ClipPatch(weights=large, batch=options.batch).estimate(*views), options.device)
    ClipDense(weights=small).estimate(*views)
    dense = seconds(lambda: ClipDense(weights=small).estimate(*views), options.device)
    DisparityEstimator().estimate(*views)
    disparity = seconds(lambda: DisparityEstimator().estimate(*views), options.device)
    difference = np.abs(
        one_by_one(large, few, tokenizer)
        - patch_logits(large, few, DP.prompt, whole=False, batch=options.batch).numpy()
    ).max()
    print(f"one by one    {single:8.2f} s   (from {len(few)} cells)")
    print(f"clip-patch    {batched:8.2f} s   {single / batched:6.1f}x, logits differ by at most {difference:.1e}")
    print(f"clip-dense    {dense:8.2f} s   {single / dense:6.1f}x")
    print(f"disparity     {disparity:8.2f} s   {single / disparity:6.1f}x")


if __name__ == "__main__":
    main()
