"""A checkpoint of a tiny network with weights that do something, and run folders that name weights."""

import json
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn

from ldpbench.networks.build import build_network
from ldpbench.networks.checkpoint import save_checkpoint
from ldpbench.networks.config import NetworkConfig
from ldpbench.records import ImageRow, MethodRef, Protocol, RunRecord
from ldpbench.records.run import DatasetRef, Environment, Score

TRAINING = {
    "dataset": "sample",
    "steps": 1200,
    "crops": [64, 96],
    "psnr": 27.5,
    "hardware": {"gpu": "a card | with a bar", "nothing-to-say": None},
}
BASELINE = {
    "schema": 1,
    "id": "ldp-test-sample",
    "version": "1",
    "title": "LDP test on sample",
    "summary": "A tiny network.",
    "kind": "network",
    "inputs": ["left", "right"],
    "licence_code": "Apache-2.0",
    "parameters": 1234,
    "known_issues": ["Only for tests."],
}


def tiny_network(config: NetworkConfig, seed: int = 0) -> nn.Module:
    """A network none of whose parameters is zero: zero-initialised scales would hide what lies behind them."""
    network = build_network(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            is_scale = name.endswith(("beta", "gamma"))
            is_bias = parameter.ndim < 2
            is_kernel = ".kernels." in name
            spread = 1.0 if is_scale or is_kernel else 0.1 if is_bias else 0.7 * parameter[0].numel() ** -0.5
            parameter.add_(torch.randn(parameter.shape, generator=generator) * spread)
    return network.eval()


def write_tiny_checkpoint(
    folder: Path, config: NetworkConfig | None = None, *, blur_map: str | None = "disparity"
) -> Path:
    """Write a checkpoint folder with a method's record."""
    from ldpbench.methods.checkpoint import prior_of

    chosen = config or tiny_config()
    blur_map = "disparity" if chosen.needs_blur_map else None
    prior = prior_of(blur_map)
    save_checkpoint(
        folder,
        chosen,
        tiny_network(chosen).state_dict(),
        blur_map=blur_map,
        blur_map_identity=None if prior is None else prior.identity,
        training=TRAINING,
    )
    (folder / "baseline.yaml").write_text(yaml.safe_dump(BASELINE))
    return folder


def tiny_config(**options: Any) -> NetworkConfig:
    """A small LDP, two levels deep, with one attention block: no more, because exporters are slow."""
    sizes = {"width": 8, "encoder": (1, 0), "middle": 0, "decoder": (0, 1), "head_channels": 8, "kernel": 3}
    return NetworkConfig(name="ldp-test", **(sizes | options))


def write_run(
    folder: Path,
    weights_sha256: str,
    *,
    psnrs: tuple[float | None, ...],
    status: str = "complete",
    complete: bool = True,
    region: str = "all",
    started_at: str = "2024-01-01T00:00:00+00:00",
) -> None:
    """A run folder of these weights; a PSNR of None is an image that failed."""
    protocol = Protocol(
        id="sample/plain",
        title="plain",
        dataset_id="sample",
        dataset_fingerprint="f" * 64,
        split="test",
        bits=8,
        views=("left", "right"),
        border_px=0,
        domain="native",
        registration="none",
        metrics=("psnr/1",),
        regions=("all", "blurred"),
    )
    record = RunRecord(
        run_id=folder.name,
        cell="c" * 64,
        status=status,
        started_at=started_at,
        finished_at=started_at,
        command=("ldpbench", "evaluate"),
        method=MethodRef(
            id="ldp-test",
            version="1",
            title="LDP test",
            kind="network",
            inputs=("left", "right"),
            code_sha256="d" * 64,
            weights_sha256=weights_sha256,
        ),
        dataset=DatasetRef(
            id="sample",
            version="1",
            split="test",
            fingerprint="f" * 64,
            n_images=len(psnrs),
            complete=complete,
            n_images_whole=len(psnrs),
        ),
        protocols=(protocol,),
        config={},
        environment=Environment(
            ldpbench_version="0",
            git_revision=None,
            git_dirty=None,
            python="3",
            platform="x",
            cpu="a CPU",
            cpu_count=1,
            ram_bytes=None,
            gpu="a GPU",
            packages={},
        ),
    )
    rows = [
        ImageRow(
            sample_id=str(number),
            height_px=8,
            width_px=8,
            scores=(
                Score(
                    protocol=protocol.hash,
                    region=region,
                    metric="psnr",
                    value=psnr,
                    status="ok" if psnr is not None else "failed",
                ),
            ),
        )
        for number, psnr in enumerate(psnrs)
    ]
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(record.model_dump(mode="json", by_alias=True)))
    (folder / "scores.jsonl").write_text("".join(row.model_dump_json() + "\n" for row in rows))
