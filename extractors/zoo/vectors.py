"""Published tables of gene vectors, and expression models' tables that need no model to run."""

from __future__ import annotations

from extractors.model import Download, ModelRecord

_TABLES = "extractors.encoders.gene_tables"
_GENE2VEC = "6236e0b21fbc367bf8ff5695ed0cc1443861bd1e"
_GENEPT = Download(
    url="https://zenodo.org/records/10833191/files/GenePT_emebdding_v2.zip",
    page="https://zenodo.org/records/10833191",
    file="GenePT_emebdding_v2.zip",
    size=574_395_233,
    md5="3f6ce4317e3a0091978ae5cb8fbf05a3",
)

RECORDS = (
    ModelRecord(
        name="gene2vec",
        modality="vectors",
        encoder=f"{_TABLES}:Gene2vec",
        summary="Gene2vec, co-expression of 24,447 genes in 984 data sets",
        dim=200,
        licence="MIT",
        citation="10.1186/s12864-018-5370-x",
        download=Download(
            url=f"https://raw.githubusercontent.com/jingcheng-du/Gene2vec/{_GENE2VEC}"
            "/pre_trained_emb/gene2vec_dim_200_iter_9_w2v.txt",
            page="https://github.com/jingcheng-du/Gene2vec",
            file="gene2vec_dim_200_iter_9_w2v.txt",
        ),
    ),
    ModelRecord(
        name="genept-ada",
        modality="vectors",
        encoder=f"{_TABLES}:GenePTAda",
        summary="GenePT v2, OpenAI's ada-002 on NCBI summaries; a gene without one fails",
        dim=1536,
        licence="CC-BY-4.0",
        citation="10.1038/s41551-024-01284-6",
        download=_GENEPT,
    ),
    ModelRecord(
        name="genept-large",
        modality="vectors",
        encoder=f"{_TABLES}:GenePTLarge",
        summary="GenePT v2, OpenAI's text-embedding-3-large on NCBI and UniProt summaries",
        dim=3072,
        licence="CC-BY-4.0",
        citation="10.1038/s41551-024-01284-6",
        download=_GENEPT,
        aliases=("genept",),
    ),
    ModelRecord(
        name="uce-genes",
        modality="vectors",
        encoder=f"{_TABLES}:UCE",
        summary="UCE's gene vectors: ESM-2 15B means over each gene's proteins",
        dim=5120,
        licence="MIT",
        citation="10.1101/2023.11.28.568918",
        download=Download(
            url="",
            page="https://figshare.com/ndownloader/files/42715213",
            file="protein_embeddings/Homo_sapiens.GRCh38.gene_symbol_to_embedding_ESM2.pt",
        ),
    ),
    ModelRecord(
        name="cellplm-genes",
        modality="vectors",
        encoder=f"{_TABLES}:CellPLM",
        summary="CellPLM's gene embeddings, 19,374 genes by Ensembl id",
        dim=1024,
        licence="BSD-2-Clause",
        citation="10.1101/2023.10.03.560734",
        download=Download(
            url="",
            page="https://github.com/OmicsML/CellPLM",
            file="20230926_85M.best.ckpt, with 20230926_85M.config.json beside it",
        ),
    ),
)
