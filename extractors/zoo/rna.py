"""RNA language models."""

from __future__ import annotations

from extractors.model import ModelRecord

RNA_COLUMNS = ("rna_sequence", "rna", "transcript", "sequence")
MRNA_COLUMNS = ("mrna_sequence", "mrna", *RNA_COLUMNS)

RECORDS = (
    ModelRecord(
        name="mrnabert",
        modality="rna",
        encoder="extractors.encoders.mosaic_bert:MrnaBert",
        summary="mRNABERT of mRNAs, coding part by codons: write it as AAA[ATGGCC]TTT",
        reads=MRNA_COLUMNS,
        dim=768,
        parameters=113_389_056,
        max_tokens=1024,  # a round length: slopes on distance set no limit
        licence="Apache-2.0",
        citation="10.1038/s41467-025-65340-8",
        hub_id="YYLY66/mRNABERT",
        # Its configuration and vocabulary have not been seen; what disagrees is refused on load.
        revision="a1eb7df25804d23f08646e1cb996b234d7208a40",
        weights=("cb2eb64831a494d4cac14acb5df908f734e088c4d62256ac3e42cada60c3bf75",),
    ),
    ModelRecord(
        name="rna-fm",
        modality="rna",
        encoder="extractors.encoders.rnafm:RnaFm",
        summary="RNA-FM of 23 million non-coding RNAs, single bases",
        reads=RNA_COLUMNS,
        dim=640,
        parameters=99_109_760,
        max_tokens=1024,
        licence="MIT",
        citation="arXiv:2204.00300",
        hub_id="cuhkaih/rnafm",
        revision="91d4a46d28d8054a7b429955e8fc0c253ba0afd6",
        weights=("5b5d7d87b37c291ef42c140ef9edf7aea29f255fa2a4fd435f776c52e93d5e99",),
        files=("RNA-FM_pretrained.pth",),
        aliases=("rnafm",),
    ),
    ModelRecord(
        name="splicebert",
        modality="rna",
        encoder="extractors.encoders.dnabert:NucleotideBert",
        summary="SpliceBERT of the pre-mRNA of 72 vertebrates, single bases (1,024 nt)",
        reads=RNA_COLUMNS,
        dim=512,
        parameters=19_446_784,
        max_tokens=1026,
        licence="see its Zenodo record",
        citation="10.1093/bib/bbae163",
        # Its authors publish it on Zenodo alone (10.5281/zenodo.7995778), so it has to be named
        # by --checkpoint.
    ),
)
