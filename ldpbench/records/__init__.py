"""Frozen, strict records: what a dataset, a method, a metric, a protocol and a run say of themselves."""

from ldpbench.records.base import Record, load_yaml_record
from ldpbench.records.baseline import BaselineRecord, Paper, ReportedScore, WeightsRef, read_records
from ldpbench.records.dataset_card import DatasetCard, ManifestRow, MapProtocolSpec, ProtocolSpec
from ldpbench.records.dataset_source import Packaging, RemoteFile
from ldpbench.records.metric import MetricSpec
from ldpbench.records.protocol import MapTruth, Protocol
from ldpbench.records.run import Certificate, DatasetRef, Environment, Failure, ImageRow, MethodRef, RunRecord, Score

__all__ = [
    "BaselineRecord",
    "Certificate",
    "DatasetCard",
    "DatasetRef",
    "Environment",
    "Failure",
    "ImageRow",
    "ManifestRow",
    "MapProtocolSpec",
    "MapTruth",
    "MethodRef",
    "MetricSpec",
    "Packaging",
    "Paper",
    "Protocol",
    "ProtocolSpec",
    "Record",
    "RemoteFile",
    "ReportedScore",
    "RunRecord",
    "Score",
    "WeightsRef",
    "load_yaml_record",
    "read_records",
]
