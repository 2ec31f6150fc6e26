"""The real scenes at hand score what the published files must give: the untouched centre view, scene by scene."""

import numpy as np
import pytest

from ldpbench.data.prepared import open_prepared
from ldpbench.evaluation.registration import estimate_similarity, register_target
from ldpbench.evaluation.scoring import in_domain

# PSNR of the mean of left and corrected right view, dB: linear, linear/om, sqrt(x/om).
CENTRE_VIEW_PSNR = {
    "001": (28.64, 23.68, 25.14), "002": (28.07, 23.18, 24.16), "003": (27.86, 21.58, 23.37),
    "004": (25.85, 19.33, 21.34), "005": (36.67, 29.69, 27.11), "006": (34.99, 30.10, 27.40),
    "007": (37.32, 29.83, 27.42), "008": (28.77, 24.21, 22.14), "009": (29.11, 24.21, 22.34),
    "010": (32.52, 22.51, 21.87), "011": (33.92, 23.30, 22.54), "012": (33.25, 23.67, 23.18),
    "013": (34.16, 24.52, 24.75), "014": (35.65, 26.87, 25.76), "015": (33.65, 25.27, 26.67),
    "016": (34.29, 24.46, 24.32), "017": (28.23, 20.69, 22.02),
}  # fmt: skip
# Position of the ground truth's content relative to the centre view's: dx px, dy px, scale.
OFFSETS = {
    "001": (-2.3, -0.4, -0.0019), "002": (-2.2, -0.5, -0.0028), "003": (-2.5, -0.2, 0.0013),
    "004": (-2.0, -0.3, -0.0047), "005": (-1.3, -0.9, -0.0044), "006": (-1.6, -0.8, -0.0041),
    "008": (-0.8, -0.3, -0.0047), "009": (-0.6, -1.2, -0.0032), "010": (-0.1, -1.5, -0.0049),
    "011": (-1.4, -1.0, -0.0025), "012": (-1.1, -0.6, -0.0011), "013": (-2.5, -0.8, -0.0056),
    "014": (-2.0, -0.3, -0.0007), "015": (-2.0, -0.5, -0.0061), "016": (-2.5, -0.4, -0.0060),
    "017": (-2.3, -0.4, -0.0063),
}  # fmt: skip


@pytest.fixture(scope="module")
def samples(real_pixeldp_home):
    return list(open_prepared(real_pixeldp_home, "pixeldp").samples())


def test_the_centre_view_scores_the_published_table(samples):
    for sample in samples:
        inner = (slice(1, -1), slice(1, -1))
        for domain, expected in zip(("native", "white", "sqrt-white"), CENTRE_VIEW_PSNR[sample.id], strict=True):
            view = in_domain(sample.center_view, domain, sample.white_level)[inner].astype(np.float64)
            target = in_domain(sample.target, domain, sample.white_level)[inner]
            psnr = -10 * np.log10(np.mean((view - target) ** 2))
            assert psnr == pytest.approx(expected, abs=0.02), (sample.id, domain)


def test_the_ground_truth_was_clipped_to_the_views_maximum(samples):
    for sample in samples:
        assert abs(float(sample.target.max()) - sample.white_level) * 65535 < 2, sample.id


def test_the_registration_finds_the_known_offset_and_removes_it(samples):
    for sample in samples:
        if sample.id not in OFFSETS:
            continue
        view, target = (
            in_domain(values, "white", sample.white_level)[..., 0] for values in (sample.center_view, sample.target)
        )
        found = estimate_similarity(view, target)
        dx, dy, scale = OFFSETS[sample.id]
        assert found.dx_px == pytest.approx(dx, abs=0.3), sample.id
        assert found.dy_px == pytest.approx(dy, abs=0.3), sample.id
        assert found.scale == pytest.approx(scale, abs=0.001), sample.id
        again = estimate_similarity(view, register_target(target, found))
        assert abs(again.dx_px) < 0.15, sample.id
        assert abs(again.dy_px) < 0.15, sample.id
        assert abs(again.scale) < 0.0005, sample.id
