"""The wording of instructions and answers, our own: several phrasings a task, chosen by the id.

In a phrasing `{0}` and `{1}` stand for the sequences in their tags, `{subtask}` for the data set.
An answer names no number but those that are asked for, so that the first number is the answer.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hf_datasets.biology_instructions.answers import NONE, YES, names
from hf_datasets.biology_instructions.tasks import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hf_datasets.biology_instructions.tasks import InstructionTask


@dataclass(frozen=True)
class Wording:
    """How one task is asked and answered."""

    questions: tuple[str, ...]
    answer: str
    """The sentence that holds the answer; for yes or no, what yes claims."""
    denial: str = ""
    """What no claims."""
    form: str = ""
    """What the answer should look like, where the kind of answer does not say it all."""


_BINDS = Wording(
    (
        (
            "Is there a site in this {species} DNA that the transcription factor of the assay "
            "binds? {0}"
        ),
        "{0} Decide whether the transcription factor under study binds this {species} sequence.",
        (
            "Transcription factor binding was measured in {species} cells. Does the fragment {0} "
            "contain a binding site?"
        ),
        "Look at the {species} DNA fragment {0}. Would a ChIP-seq peak of the factor cover it?",
    ),
    "the sequence contains a binding site of the factor",
    "the sequence contains no binding site of the factor",
)
_PROMOTER = Wording(
    (
        "Is this human DNA a {what}? {0}",
        "{0} Tell whether the sequence above is a {what} of a human gene.",
        "A fragment of the human genome reads {0}. Does it act as a {what}?",
        "Decide for the fragment {0}: {what} or not?",
    ),
    "the sequence is a {what}",
    "the sequence is not a {what}",
)


def _filled(wording: Wording, **words: str) -> Wording:
    """Return a wording with some of its blanks filled in."""

    def fill(text: str) -> str:
        for name, word in words.items():
            text = text.replace(f"{{{name}}}", word)
        return text

    return Wording(
        tuple(fill(question) for question in wording.questions),
        fill(wording.answer), fill(wording.denial), fill(wording.form),
    )  # fmt: skip


WORDINGS: dict[str, Wording] = {
    "emp": Wording(
        (
            "Does this stretch of yeast DNA carry the chromatin mark {subtask}? {0}",
            "{0} Is {subtask} found on the nucleosome at this place of the yeast genome?",
            "ChIP-chip measured {subtask} along the yeast genome. Is the sequence {0} enriched?",
            "Given the yeast sequence {0}, decide whether it is occupied by {subtask}.",
        ),
        "the sequence carries the mark",
        "the sequence does not carry the mark",
    ),
    "ea": Wording(
        (
            (
                "How active is this enhancer of Drosophila S2 cells with a housekeeping and with a "
                "developmental promoter? {0}"
            ),
            (
                "{0} Estimate the STARR-seq activity (log2 of RNA over DNA) of this fly sequence "
                "with a housekeeping promoter and with a developmental one."
            ),
            (
                "A fragment of the fly genome reads {0}. What are its housekeeping and its "
                "developmental enhancer activity, as log2 enrichment?"
            ),
            "Predict two enhancer activities of {0} in S2 cells: housekeeping, developmental.",
        ),
        "The housekeeping enhancer activity is {hk}, the developmental one {dev}.",
        form="Give two numbers: housekeeping first, developmental second.",
    ),
    "pd300": _filled(_PROMOTER, what="promoter"),
    "cpd": _filled(_PROMOTER, what="core promoter"),
    "tb-human": _filled(_BINDS, species="human"),
    "tb-mouse": _filled(_BINDS, species="mouse"),
    "apa": Wording(
        (
            (
                "Which share of transcripts with this 3' UTR ends at the proximal polyadenylation "
                "site? {0}"
            ),
            "{0} Estimate the use of the proximal poly(A) site in this 3' UTR.",
            (
                "For the 3' UTR {0}, predict the fraction of the isoform that is cut at the "
                "proximal poly(A) signal."
            ),
            "How often is the proximal of the polyadenylation signals in {0} used?",
        ),
        "The proximal site is used in a fraction of {value} of transcripts.",
        form="Give one number between 0 and 1.",
    ),
    "ncrna": Wording(
        (
            "To which family does this non-coding RNA belong? {0}",
            "{0} Name the family of this non-coding RNA.",
            "Classify the non-coding RNA {0}.",
            "What kind of non-coding RNA is {0}?",
        ),
        "The RNA belongs to the family {value}.",
    ),
    "modification": Wording(
        (
            "Which chemical modifications does the middle base of this RNA carry? {0}",
            "{0} List the modifications at the centre of the RNA above.",
            "An RNA reads {0}. How is its central nucleotide modified?",
            "Predict the modifications of the base in the middle of {0}.",
        ),
        "The modifications are: {value}.",
    ),
    "mrl": Wording(
        (
            "How many ribosomes does an mRNA with this 5' UTR carry on average? {0}",
            "{0} Estimate the mean ribosome loading that this 5' UTR brings about.",
            "For the 5' UTR {0}, predict the mean ribosome load.",
            "An mRNA begins with {0}. What is its mean number of ribosomes?",
        ),
        "The mean ribosome loading is {value}.",
    ),
    "prs": Wording(
        (
            "How does this toehold switch behave with and without its trigger? {0}",
            "{0} Estimate the signal of this RNA switch when on, when off, and their difference.",
            "For the toehold switch {0}, predict ON, OFF and ON_OFF on a scale of 0 to 1.",
            "An RNA switch reads {0}. What are its normalised ON and OFF states, and ON - OFF?",
        ),
        "ON is {ON}, OFF is {OFF}, ON_OFF is {ON_OFF}.",
        form="Give three numbers: ON, OFF, ON_OFF.",
    ),
    "crispr-on-target": Wording(
        (
            "How efficient is this guide RNA on its target? {0}",
            "{0} Estimate the knockout efficiency of this Cas9 guide with its PAM.",
            "A CRISPR guide with PAM reads {0}. Predict its on-target efficiency.",
            "How well does the guide {0} cut in HL60 cells?",
        ),
        "The on-target efficiency is {value}.",
        form="Give one number between 0 and 1.",
    ),
    "ec": Wording(
        (
            "Which reactions does this enzyme catalyse? {0}",
            "{0} Which Enzyme Commission numbers does this protein have?",
            "Assign EC numbers to the protein chain {0}.",
            "An enzyme has the sequence {0}. Classify what it catalyses.",
        ),
        "The EC numbers are {value}.",
    ),
    "stability": Wording(
        (
            "How stable is this protein? {0}",
            "{0} Estimate the stability of this small protein against proteases.",
            "A designed protein reads {0}. Predict its stability score.",
            "What stability score (log10 of the rise in EC50 over the unfolded state) has {0}?",
        ),
        "The stability score is {value}.",
    ),
    "fluorescence": Wording(
        (
            "How brightly does this variant of GFP shine? {0}",
            "{0} Estimate the log fluorescence of this protein.",
            (
                "A variant of the green fluorescent protein reads {0}. Predict the logarithm (base "
                "ten) of its fluorescence."
            ),
            "What log fluorescence does {0} have?",
        ),
        "The log fluorescence is {value}.",
    ),
    "solubility": Wording(
        (
            "Is this protein soluble when expressed in E. coli? {0}",
            "{0} Decide whether this protein dissolves or aggregates in E. coli.",
            "A protein reads {0}. Would it be soluble after expression in E. coli?",
            "Judge the solubility of {0} in bacteria: is it soluble?",
        ),
        "the protein is soluble",
        "the protein is not soluble",
    ),
    "thermostability": Wording(
        (
            "At what temperature does this human protein melt? {0}",
            "{0} Estimate the melting temperature of this protein in degrees Celsius.",
            "A human protein reads {0}. Predict its melting point in cells, in degrees Celsius.",
            "How many degrees Celsius does {0} withstand before it unfolds?",
        ),
        "The melting temperature is {value} degrees Celsius.",
    ),
    "aan": Wording(
        (
            (
                "Does this antibody neutralise this HIV strain? Antibody, heavy then light chain: "
                "{0} Envelope protein: {1}"
            ),
            "Antibody {0} Antigen {1} Is the virus with this antigen neutralised by the antibody?",
            "Given the antibody {0} and the viral protein {1}, decide whether it neutralises.",
            "Would the antibody {0} stop a virus whose envelope protein is {1}?",
        ),
        "the antibody neutralises the antigen",
        "the antibody does not neutralise the antigen",
    ),
    "rpi": Wording(
        (
            "Do this RNA and this protein bind each other? RNA: {0} Protein: {1}",
            "RNA {0} Protein {1} Is there an interaction between the two?",
            "Decide whether the non-coding RNA {0} interacts with the protein {1}.",
            "Would the protein {1} bind the RNA {0}?",
        ),
        "the RNA and the protein interact",
        "the RNA and the protein do not interact",
    ),
    "epi": Wording(
        (
            "Does this enhancer act on this promoter? Enhancer: {0} Promoter: {1}",
            "Enhancer {0} Promoter {1} Do the two touch in the nucleus?",
            "Decide whether the enhancer {0} interacts with the promoter {1}.",
            "Is the promoter {1} a target of the enhancer {0}?",
        ),
        "the enhancer and the promoter interact",
        "the enhancer and the promoter do not interact",
    ),
    "sirna": Wording(
        (
            "How much of the mRNA remains after treatment with this siRNA? siRNA: {0} mRNA: {1}",
            "siRNA {0} Target {1} Estimate the per cent of target mRNA that is left.",
            "Predict the remaining mRNA level, in per cent, when {0} silences {1}.",
            "A cell expresses {1} and gets the siRNA {0}. What per cent of the mRNA is left?",
        ),
        "The remaining mRNA is {value} per cent.",
        form="Give one number, in per cent.",
    ),
}
_FORMS = {
    Answer.YES_NO: "Answer yes or no.",
    Answer.CLASS: "Answer with one of: {classes}.",
    Answer.LABELS: "Answer with any of: {classes}; or with none.",
    Answer.EC: "Answer with EC numbers of the form EC a.b.c.d, joined by commas.",
    Answer.NUMBER: "Give one number.",
}


def phrasing_of(row_id: str, task: InstructionTask) -> int:
    """Return which phrasing a row has: drawn by its id, so the same in every build."""
    drawn = int.from_bytes(hashlib.sha256(row_id.encode()).digest()[:4])
    return drawn % len(WORDINGS[task.name].questions)


def instruction(
    task: InstructionTask, phrasing: int, sequences: Sequence[str], subtask: str
) -> str:
    """Return the prompt: the question with its sequences in tags, and the form of the answer."""
    wording = WORDINGS[task.name]
    tagged = [
        f"<{molecule}>{sequence}</{molecule}>"
        for molecule, sequence in zip(task.molecules, sequences, strict=True)
    ]
    question = wording.questions[phrasing].format(*tagged, subtask=subtask)
    form = (wording.form or _FORMS[task.answer]).format(classes=", ".join(task.classes))
    return f"{question} {form}"


def output(task: InstructionTask, label: str) -> str:
    """Return the sentence that holds the answer of a canonical label."""
    wording = WORDINGS[task.name]
    match task.answer:
        case Answer.YES_NO:
            return f"Yes, {wording.answer}." if label == YES else f"No, {wording.denial}."
        case Answer.NUMBER:
            return wording.answer.format(value=_short(float(label)))
        case Answer.NUMBERS:
            values: dict[str, float] = json.loads(label)
            return wording.answer.format(**{key: _short(one) for key, one in values.items()})
        case Answer.EC:
            return wording.answer.format(value=", ".join(f"EC{one}" for one in names(label)))
        case Answer.LABELS:
            return wording.answer.format(value=", ".join(names(label)) or NONE)
        case Answer.CLASS:
            return wording.answer.format(value=label)


def _short(value: float) -> str:
    """Write a number with four digits and without an exponent."""
    text = f"{float(f'{value:.4g}'):.10f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
