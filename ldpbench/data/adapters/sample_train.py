"""The embedded training set: as the sample set, with other scenes."""

from ldpbench.data.adapters.sample import SampleSet

ADAPTER = SampleSet("sample_train")
