"""The Human Transcription Factors: which DNA-binding candidates are transcription factors.

http://humantfs.ccbr.utoronto.ca/download.php, Lambert et al. 2018.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hf_datasets.errors import InputError
from hf_datasets.sources.reading import read_columns
from hf_datasets.sources.source import Source, SourceFile, used

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hf_datasets.sources.source import UsedFile

SOURCE = Source(
    name="humantfs",
    title="The Human Transcription Factors",
    version="1.01",
    licence="free to use with citation",
    citation="Lambert et al., The Human Transcription Factors, Cell 172:650 (2018)",
    homepage="http://humantfs.ccbr.utoronto.ca",
    files=(
        SourceFile(
            key="factors",
            url="http://humantfs.ccbr.utoronto.ca/download/v_1.01/DatabaseExtract_v_1.01.csv",
            local=("DatabaseExtract_v_1.01.csv*", "DatabaseExtract*.csv*"),
            min_rows=2700,
            max_bytes=20_000_000,
        ),
    ),
)
_COLUMNS = ("Ensembl ID", "HGNC symbol", "Is TF?")
_ANSWERS = {"Yes": True, "No": False}


def read_factors(files: Mapping[str, UsedFile]) -> list[tuple[str, str, bool]]:
    """Return (Ensembl id, symbol, is a transcription factor), one per gene, in file order.

    v1.01 has 2,765 genes: 1,639 factors and 1,126 that were looked at and are none.
    InputError for an answer other than Yes and No.
    """
    file = used(files, SOURCE, "factors")
    factors = []
    for ensembl, symbol, answer in read_columns(file, _COLUMNS, delimiter=",", quoted=True):
        if answer not in _ANSWERS:
            message = f"{file.path}: {symbol} has {answer!r} in 'Is TF?'; choices: Yes, No"
            raise InputError(message)
        factors.append((ensembl, symbol, _ANSWERS[answer]))
    return factors
