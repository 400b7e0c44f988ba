"""What the real weights of DNA models give, as published by others.

The public evidence of evo.cpp (https://github.com/tcztzy/evo.cpp) holds whole vectors that the
authors' own code gave on CPU in float32; the first components stand here.
"""

from __future__ import annotations

from extractors.model import Check

SOURCE = (
    "https://github.com/tcztzy/evo.cpp, "
    "configs/evidence/oracles/geneb-{}/input-0.independent-oracle-vector.json"
)
BASES = "ACGTN"
SIX_MER = "ATTCCG"


def _check(where: str, value: str, pooling: str, first: str) -> tuple[Check, ...]:
    numbers = tuple(float(number) for number in first.split())
    return (Check(value, pooling, numbers, SOURCE.format(where)),)


CHECKS = {
    "dnabert-2": _check(
        "dnabert-2", 3 * BASES, "mean-special",
        "-0.05857908 0.04408742 0.1807508 -0.1408689 -0.1766659 -0.05204663 -0.1384224",
    ),
    "dnabert-s": _check(
        "dnabert-s", 3 * BASES, "cls",
        "0.05085821 0.0135746 0.06401056 0.1058981 -0.279474 -0.2319062 0.01727259",
    ),
    "gena-lm-bert-base": _check(
        "gena-lm", 3 * BASES, "mean-special",
        "1.835138 -6.623132 -2.289635 -2.254316 0.5748394 -1.927066 6.090138",
    ),
    "gena-lm-bert-base-t2t-multi": _check(
        "gena-lm-t2t-multi", 3 * BASES, "mean-special",
        "7.884713 7.666081 12.23742 -9.160454 13.44834 -0.4464586 -1.243026",
    ),
    "nt-v2-50m": _check(
        "nt-v2-50m-ms", 3 * SIX_MER, "mean-special",
        "0.04834522 0.2018844 0.2050039 0.03803542 0.283596 -0.1151432 -0.05468338",
    ),
    "nt-v2-100m": _check(
        "nt-v2-100m-ms", 3 * SIX_MER, "mean-special",
        "-0.1428085 0.1984843 0.1947087 0.04004528 -0.2454026 -0.4618316 -0.6197544",
    ),
    "nt-v2-250m": _check(
        "nt-v2-250m-ms", 3 * SIX_MER, "mean-special",
        "0.1170559 0.1042755 1.111452 0.102949 -0.139298 -0.3644636 0.4195843",
    ),
    "nt-2.5b-multi-species": _check(
        "nt-2-5b-ms", 3 * SIX_MER, "mean-special",
        "-0.04365141 0.1117155 -0.01340028 -0.1291889 0.4392652 -0.4810249 -0.08945508",
    ),
    "hyenadna-medium-160k": _check(
        "hyenadna-medium-160k", "ACGTNACGT", "mean",
        "0.2874945 -0.3802625 -0.3180151 -0.4353553 -0.3891026 -1.106961 0.9131662",
    ),
    "hyenadna-large-1m": _check(
        "hyenadna-large-1m", "ACGTNACGT", "mean",
        "-0.1849374 -0.2994671 -0.4766284 -0.2685187 -0.5973294 -0.9429176 0.4848577",
    ),
}  # fmt: skip
