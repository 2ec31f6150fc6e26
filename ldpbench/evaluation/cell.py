"""One method on one dataset: what is run, and under which key its results are kept."""

from dataclasses import dataclass
from typing import Any

from ldpbench.data.prepared import PreparedDataset
from ldpbench.evaluation.outputs_only import OutputFolder
from ldpbench.methods.find import FoundMethod
from ldpbench.methods.inference import Inference
from ldpbench.methods.map_methods import MapMethod
from ldpbench.records import DatasetCard, DatasetRef, MethodRef, Protocol
from ldpbench.records.protocol import Dtype, Ensemble, Resolution
from ldpbench.records.run import cell_key


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One method on one split of one dataset, read at one depth and resolution."""

    source: FoundMethod | MapMethod | OutputFolder
    method: MethodRef
    prepared: PreparedDataset
    dataset: DatasetRef
    protocols: tuple[Protocol, ...]
    bits: int
    resolution: Resolution
    config: dict[str, Any]
    device: str
    inference: Inference
    ensemble: Ensemble = "none"
    dtype: Dtype = "float32"
    limit: int | None = None
    weights: str | None = None
    """What was given with ``--weights``; None for the published files."""
    scenes: frozenset[str] | None = None
    """Ids of the scenes that have what is needed; None for all."""

    @property
    def key(self) -> str:
        """Equal exactly when the numbers must come out equal."""
        return cell_key(self.method, self.dataset, self.protocols, self.config)

    @property
    def name(self) -> str:
        """For people: ``dp-wiener on sample/test``."""
        read = "" if self.bits == self.prepared.card.bits else f", read at {self.bits} bits"
        halved = ", half size" if self.resolution == "half" else ""
        return f"{self.method.id} on {self.dataset.id}/{self.dataset.split}{read}{halved}"


@dataclass(frozen=True)
class Skip:
    """A combination that cannot run."""

    method: str
    dataset: str
    reason: str
    for_want_of_weights: bool = False


def dataset_ref(prepared: PreparedDataset, split: str, limit: int | None = None) -> DatasetRef:
    """What a run record says of the content: a prepared split, or its first scenes."""
    card, part = prepared.card, prepared.info.splits[split]
    cut = limit is not None and limit < part.count
    return DatasetRef(
        id=card.id,
        version=card.version,
        split=split,
        fingerprint=part.fingerprint,
        n_images=limit if cut and limit is not None else part.count,
        complete=part.complete and not cut,
        n_images_whole=part.whole,
    )


def not_prepared(card: DatasetCard, split: str) -> str:
    """Why a split cannot be run, with what helps."""
    return f"its {split} split is not prepared: run `ldpbench prepare {card.id} --split {split}`"
