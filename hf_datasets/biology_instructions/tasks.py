"""The 21 tasks: what is asked, what an answer looks like, and which metric is its headline.

Sizes, kinds and metrics after arXiv 2412.19191. The names are short forms of the paper's.

A task has two faces. For language models it is rows of the instruction table `config`. For
embeddings it is a table of its own, named like the task, with a typed label column for each of
`label_columns`: that column is the task's path in results (`task_path`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hf_datasets.sources.beacon import MODIFICATIONS
from hf_datasets.sources.gue import SUBTASKS

DATASET = "biology-instructions"
CONFIGS = ("dna", "rna", "protein", "multi-molecule")
"""The instruction tables, by what the sequences are."""
LABEL = "label"
"""The label column of a task with one data set and one label."""
INPUTS = "{}-sequences"
"""Name of the table of single sequences that belongs to a task on two molecules."""


class Answer(StrEnum):
    """What form an answer has."""

    YES_NO = "yes-no"
    CLASS = "class"
    LABELS = "labels"
    EC = "ec"
    """Enzyme Commission numbers, any number of them."""
    NUMBER = "number"
    NUMBERS = "numbers"
    """Several named numbers."""


@dataclass(frozen=True)
class InstructionTask:
    """One of the tasks."""

    name: str
    """Short name: the column `task` of instruction tables, and the sequence table's name."""
    title: str
    config: str
    """One of CONFIGS."""
    answer: Answer
    metrics: tuple[str, ...]
    """The headline; for `ea` one per number."""
    molecules: tuple[str, ...]
    """`dna`, `rna` or `protein`, a sequence each, in the order of the prompt."""
    upstream: tuple[str, ...]
    """How the published records name it: the part of `task` before the first dash."""
    sizes: tuple[int, int, int]
    """Published rows: training, validation, test."""
    classes: tuple[str, ...] = ()
    """Names of classes or labels; those of `ec` are the data's own."""
    keys: tuple[str, ...] = ()
    """Names of the numbers."""
    subtasks: tuple[str, ...] = ()
    """Names of its data sets, where there are several; each is scored by itself."""

    @property
    def is_pair(self) -> bool:
        """Whether it is about two molecules."""
        return len(self.molecules) > 1

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The label columns of the sequence table: a data set, a number, or the one label each."""
        return self.subtasks or self.keys or (LABEL,)


def task_path(task: InstructionTask, column: str = LABEL) -> str:
    """Return the path of a task in results, as `biology-instructions/emp/H3`.

    `column`: one of `task.label_columns`, a subtask or the name of a number where it has these.
    """
    return f"{DATASET}/{task.name}/{column}"


NCRNA = (
    "5S_rRNA", "5_8S_rRNA", "tRNA", "ribozyme", "CD-box", "miRNA", "Intron_gpI", "Intron_gpII",
    "HACA-box", "riboswitch", "IRES", "leader", "scaRNA",
)  # fmt: skip

TASKS: dict[str, InstructionTask] = {
    task.name: task
    for task in (
        InstructionTask(
            "emp", "Epigenetic marks in yeast", "dna", Answer.YES_NO, ("mcc",), ("dna",),
            ("emp",), (229885, 28741, 28741),
            subtasks=SUBTASKS["emp"],
        ),
        InstructionTask(
            "ea", "Enhancer activity", "dna", Answer.NUMBERS, ("pearson",), ("dna",),
            ("enhancer_activity", "enhancer"), (402296, 40570, 41186), keys=("hk", "dev"),
        ),
        InstructionTask(
            "pd300", "Promoter detection, 300 bases", "dna", Answer.YES_NO, ("mcc",), ("dna",),
            ("pd", "pd300"), (94712, 11840, 11840),
            subtasks=SUBTASKS["pd300"],
        ),
        InstructionTask(
            "cpd", "Core promoter detection, 70 bases", "dna", Answer.YES_NO, ("mcc",), ("dna",),
            ("cpd",), (94712, 11840, 11840),
            subtasks=SUBTASKS["cpd"],
        ),
        InstructionTask(
            "tb-human", "Transcription factor binding, human", "dna", Answer.YES_NO, ("mcc",),
            ("dna",), ("tf_h", "tb_human"), (128344, 5000, 5000),
            subtasks=SUBTASKS["tb-human"],
        ),
        InstructionTask(
            "tb-mouse", "Transcription factor binding, mouse", "dna", Answer.YES_NO, ("mcc",),
            ("dna",), ("tf_m", "tb_mouse"), (80018, 10005, 10005),
            subtasks=SUBTASKS["tb-mouse"],
        ),
        InstructionTask(
            "apa", "Alternative polyadenylation, isoform usage", "rna", Answer.NUMBER,
            ("squared_pearson",), ("rna",), ("Isoform", "apa"), (1575557, 33170, 49755),
        ),
        InstructionTask(
            "ncrna", "Family of a non-coding RNA", "rna", Answer.CLASS, ("accuracy",), ("rna",),
            ("NoncodingRNAFamily", "ncrna"), (5670, 650, 4840), classes=NCRNA,
        ),
        InstructionTask(
            "modification", "RNA modifications", "rna", Answer.LABELS, ("macro_auroc",), ("rna",),
            ("Modification", "modification"), (304661, 3599, 1200), classes=MODIFICATIONS,
        ),
        InstructionTask(
            "mrl", "Mean ribosome loading", "rna", Answer.NUMBER, ("squared_pearson",), ("rna",),
            ("MeanRibosomeLoading", "mrl"), (76319, 7600, 7600),
        ),
        InstructionTask(
            "prs", "Programmable RNA switches", "rna", Answer.NUMBERS, ("squared_pearson",),
            ("rna",), ("ProgrammableRNASwitches", "prs"), (73227, 9153, 11019),
            keys=("ON", "OFF", "ON_OFF"),
        ),
        InstructionTask(
            "crispr-on-target", "CRISPR on-target efficiency", "rna", Answer.NUMBER,
            ("spearman",), ("rna",), ("CRISPROnTarget", "crispr"), (1453, 207, 416),
        ),
        InstructionTask(
            "ec", "Enzyme Commission numbers", "protein", Answer.EC, ("fmax",), ("protein",),
            ("FunctionEC", "ec"), (15551, 1729, 1919),
        ),
        InstructionTask(
            "stability", "Protein stability", "protein", Answer.NUMBER, ("spearman",),
            ("protein",), ("Stability", "stability"), (53614, 2512, 12851),
        ),
        InstructionTask(
            "fluorescence", "Protein fluorescence", "protein", Answer.NUMBER, ("spearman",),
            ("protein",), ("Fluorescence", "fluorescence"), (21446, 5362, 27217),
        ),
        InstructionTask(
            "solubility", "Protein solubility", "protein", Answer.YES_NO, ("accuracy",),
            ("protein",), ("Solubility", "solubility"), (62478, 6942, 2001),
        ),
        InstructionTask(
            "thermostability", "Protein thermostability", "protein", Answer.NUMBER,
            ("spearman",), ("protein",), ("Thermostability", "thermostability"),
            (5056, 639, 1336),
        ),
        InstructionTask(
            "aan", "Antibody and antigen: neutralisation", "multi-molecule", Answer.YES_NO,
            ("mcc",), ("protein", "protein"), ("antibody_antigen",), (22359, 1242, 3301),
        ),
        InstructionTask(
            "rpi", "RNA and protein: interaction", "multi-molecule", Answer.YES_NO, ("mcc",),
            ("rna", "protein"), ("rna_protein_interaction", "rpi"), (14994, 1666, 4164),
        ),
        InstructionTask(
            "epi", "Enhancer and promoter: interaction", "multi-molecule", Answer.YES_NO,
            ("mcc",), ("dna", "dna"), ("promoter_enhancer_interaction", "epi"),
            (14288, 1772, 308),
        ),
        InstructionTask(
            "sirna", "siRNA efficiency", "multi-molecule", Answer.NUMBER, ("mixed_score",),
            ("rna", "rna"), ("sirnaEfficiency", "sirna"), (53592, 6707, 6688),
        ),
    )
}  # fmt: skip
"""Short name → task, in the paper's order."""
