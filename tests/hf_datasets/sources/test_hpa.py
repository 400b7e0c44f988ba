from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from hf_datasets.errors import InputError
from hf_datasets.sources import SourceUnavailable, hpa, hpa_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hf_datasets.sources.conftest import MakeFile

    from hf_datasets.sources import UsedFile

    Real = Callable[[str], dict[str, UsedFile]]

V23 = (
    "Gene\tGene synonym\tEnsembl\tGene description\tUniprot\tChromosome\tProtein class\t"
    "Subcellular location\tRNA tissue cell type enrichment\tInteractions\t"
    "Pathology prognostics - Breast cancer\tTissue RNA - liver [nTPM]\n"
    'TSPAN6\tT245\tENSG00000000003\tTetraspanin 6\tO43657\tX\t"A" class, Transporters\t'
    "Cell Junctions, Cytosol,Nucleoli\tLung - Mitotic cells (Lung)\t3\t"
    "unprognostic (2.39e-3)\t1.5\n"
    "NA\t\tENSG00000000005\tx\t\t1\tTransporters\t\t\t\tprognostic favorable (1.11e-16)\t\n"
    "ENSG00000267335\t\tENSG00000267335\tx\t\t1\tTransporters\t\t\t\t\t\n"
)


def test_real_columns(real: Real, upstream: Path) -> None:
    wanted = (upstream / "gene_benchmark/hpa_columns.txt").read_text().splitlines()
    table = hpa.read_columns(real("hpa"))
    assert len([name for name in wanted if name in table.cells]) == 56
    assert sum(name.startswith("Pathology prognostics - ") for name in table.columns) == 17
    place = table.origins["Subcellular location"]
    assert (place.key, place.version, place.rows, place.genes) == (
        "subcellular",
        "21.1",
        13_041,
        13_037,
    )
    assert ("proteinatlas_v18", 12_070) in place.others
    secretome = table.origins["Secretome location"]
    # The paper's 2,767: four of 2,771 rows have an Ensembl id for a symbol.
    assert (secretome.key, secretome.genes, len(table.left_out)) == ("secretome_location", 2_767, 4)
    assert table.version == "unknown + 18 + 21.1"
    assert table.ensembl["TSPAN6"] == ("ENSG00000000003",)
    assert table.ensembl["MATR3"] == ("ENSG00000015479", "ENSG00000280987")
    assert "HIST1H3D" in table.cells["Chromosome"]
    assert [conflict for conflict in table.conflicts if conflict[0] == "Subcellular location"] == [
        (
            "Subcellular location",
            "PINX1",
            "Nucleoli, Mitochondria, Nucleoplasm",
            "Nuclear speckles, Golgi apparatus",
        )
    ]


def test_real_columns_of_the_secretome_genes(real: Real, upstream: Path) -> None:
    wanted = (upstream / "gene_benchmark/hpa_columns.txt").read_text().splitlines()
    files = real("hpa")
    table = hpa.read_columns({"secretome_genes": files["secretome_genes"]}, wanted)
    assert len(table.columns) == 56
    assert len(table.cells["Chromosome"]) == 2_793
    assert {name for name in wanted if name not in table.cells} == {
        "Secretome function",
        "Brain expression cluster",
        "Interactions",
        "RNA tissue cell type enrichment",
    }


def test_real_prognostics_agree_with_the_atlas(real: Real) -> None:
    files = real("hpa")
    long = hpa.read_columns({"prognostics": files["prognostics"]})
    wide = hpa.read_columns({"secretome_genes": files["secretome_genes"]}, long.columns)
    assert len(long.columns) == len(wide.columns) == 17
    assert sum(origin.rows for origin in long.origins.values()) == 297_624
    differing = 0
    for column, cells in wide.cells.items():
        for symbol, cell in cells.items():
            differing += hpa.prognostic(cell) != hpa.prognostic(long.cells[column][symbol])
    assert differing == 0
    levels = Counter(hpa.prognostic(c) for cells in long.cells.values() for c in cells.values())
    assert set(levels) == {"unprognostic", "prognostic favorable", "prognostic unfavorable"}


def test_real_v18_alone(real: Real) -> None:
    table = hpa.read_columns({"proteinatlas_v18": real("hpa")["proteinatlas_v18"]})
    assert table.version == "18"
    assert table.origins["RNA tissue category"].rows == 19_613
    places = {
        p for cell in table.cells["Subcellular location"].values() for p in hpa.split_values(cell)
    }
    assert "Nucleoplasm" in places
    assert not [place for place in places if "<" in place or ";" in place]


def test_real_tissues_come_when_asked_for(real: Real) -> None:
    files = {"tissues": real("hpa")["tissues"]}
    liver = hpa.read_columns(files, ["Tissue RNA - liver [nTPM]"])
    assert liver.columns == ("Tissue RNA - liver [nTPM]",)
    assert liver.cells[liver.columns[0]]["TSPAN6"] == "70.2"
    assert hpa.read_columns(files).columns == ()


@pytest.mark.parametrize("packed", ["", "gzip", "zip"])
def test_v23(make_file: MakeFile, packed: str) -> None:
    table = hpa.read_columns(make_file("hpa", "proteinatlas", V23, "proteinatlas.tsv", packed))
    assert table.version == "23"
    assert table.left_out == ("ENSG00000267335",)
    assert table.cells["Protein class"] == {
        "TSPAN6": '"A" class, Transporters',
        "NA": "Transporters",
    }
    assert table.cells["Interactions"] == {"TSPAN6": "3"}
    assert "Tissue RNA - liver [nTPM]" not in table.cells
    breast = table.cells["Pathology prognostics - Breast cancer"]
    assert {symbol: hpa.prognostic(cell) for symbol, cell in breast.items()} == {
        "TSPAN6": "unprognostic",
        "NA": "prognostic favorable",
    }


def test_the_fullest_file_gives_a_column(make_file: MakeFile) -> None:
    newer = "Gene\tEnsembl\tChromosome\tEvidence\nA\tENSG1\t1\tx\nB\tENSG2\t\tx\n"
    older = "Gene\tEnsembl\tChromosome\tEvidence\nA\tENSG1\t9\ty\nB\tENSG2\t9\ty\n"
    files = make_file("hpa", "proteinatlas", newer, "proteinatlas.tsv")
    files |= make_file("hpa", "proteinatlas_v18", older, "v18_proteinatlas.tsv")
    table = hpa.read_columns(files)
    assert table.cells["Chromosome"] == {"A": "9", "B": "9"}
    assert table.origins["Chromosome"].others == (("proteinatlas", 1),)
    assert table.cells["Evidence"] == {"A": "x", "B": "x"}, "of equal ones the newest"


def test_no_file_at_all() -> None:
    with pytest.raises(SourceUnavailable, match=r"--source hpa\.proteinatlas=FILE"):
        hpa.read_columns({})


def test_a_table_without_genes_is_one_line(make_file: MakeFile) -> None:
    with pytest.raises(InputError, match="no column 'Gene'.*columns: a, b"):
        hpa.read_columns(make_file("hpa", "proteinatlas", "a\tb\n1\t2\n"))


def test_prognostics_of_another_kind_are_one_line(make_file: MakeFile) -> None:
    text = "Gene\tGene.name\tCancer\tvariable\tp\nENSG1\tA\tglioma\tgood\t0.1\n"
    with pytest.raises(InputError, match="has 'good' for A"):
        hpa.read_columns(make_file("hpa", "prognostics", text))


@pytest.mark.parametrize(
    ("cell", "values"),
    [
        (
            "Cell Junctions, Cytosol,Nucleoli fibrillar center",
            ("Cell Junctions", "Cytosol", "Nucleoli fibrillar center"),
        ),
        ("Nucleoplasm<br>Cytosol", ("Nucleoplasm", "Cytosol")),
        ("A;B; A", ("A", "B")),
        (
            "Skin - Keratinocyte (granular), Lung - Mitotic cells (Lung)",
            ("Skin - Keratinocyte (granular)", "Lung - Mitotic cells (Lung)"),
        ),
        (" ", ()),
        ("Cytosol,", ("Cytosol",)),
    ],
)
def test_split_values(cell: str, values: tuple[str, ...]) -> None:
    assert hpa.split_values(cell) == values


@pytest.mark.parametrize(
    ("cell", "level"),
    [
        ("unprognostic (2.39e-3)", "unprognostic"),
        ("prognostic unfavorable (0.00e+0)", "prognostic unfavorable"),
        ("prognostic favorable (1e-5);", "prognostic favorable"),
        ("unprognostic", "unprognostic"),
    ],
)
def test_prognostic(cell: str, level: str) -> None:
    assert hpa.prognostic(cell) == level


def test_cluster_loses_its_stray_semicolon() -> None:
    assert (
        hpa.cluster("Cluster 3: BJ & FHDF; - ECM organization;")
        == "Cluster 3: BJ & FHDF - ECM organization"
    )


@pytest.mark.parametrize(
    ("dotted", "plain"),
    [
        ("RNA.tissue.specificity", "RNA tissue specificity"),
        (
            "Pathology.prognostics...Head.and.neck.cancer",
            "Pathology prognostics - Head and neck cancer",
        ),
        (
            "Blood.concentration...Conc..blood.IM..pg.L.",
            "Blood concentration - Conc. blood IM [pg/L]",
        ),
        ("Tissue.RNA...adipose.tissue..nTPM.", "Tissue RNA - adipose tissue [nTPM]"),
        ("Reliability..Mouse.Brain.", "Reliability (Mouse Brain)"),
        ("RNA cancer specific FPKM", "RNA cancer specific FPKM"),
    ],
)
def test_dotted_names(dotted: str, plain: str) -> None:
    assert hpa_files.spaced(dotted) == plain
