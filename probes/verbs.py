"""What `probe` does besides probing: compare, controls, similarity and zero-shot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hf_datasets.command import EXIT_INCOMPLETE, EXIT_OK, CommandParser, say, show
from hf_datasets.errors import InputError
from probes.language.command import export_lm_eval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TABLES = {".csv", ".parquet", ".pq"}


def compare(argv: Sequence[str]) -> int:
    """Run `probe compare`; return the exit status."""
    parser = CommandParser(
        prog="probe compare",
        description="Say which model is better on which task, by how much, and how sure that is.",
        epilog="example: probe compare a.parquet b.parquet --out comparison.csv",
    )
    add = parser.add_argument
    add("results", nargs="+", metavar="RESULTS", help="result tables that `probe` wrote")
    add(
        "--predictions",
        nargs="+",
        action="extend",
        default=[],
        type=Path,
        metavar="FILE",
        help="files of `probe --predictions` from the same runs: test over entities (DeLong, "
        "bootstrap) instead of over folds",
    )
    add("--metric", help="default: AUROC for classes, Spearman for numbers")
    add("--models", nargs="+", default=[], metavar="MODEL", help="only these")
    add("--baseline", metavar="MODEL", help="compare the others with this one, not all pairs")
    add(
        "--alpha",
        type=float,
        default=0.05,
        help="accepted share of chance findings (FDR), and 1 - the level of the intervals "
        "(default: %(default)s)",
    )
    add("--only-significant", action="store_true", help="print only tasks with a clear winner")
    add("--out", type=Path, help="all comparisons, as CSV or Parquet")
    arguments = parser.parse_args(argv)
    if not 0 < arguments.alpha < 1:
        message = f"--alpha {arguments.alpha:g} is not possible; give a share between 0 and 1"
        raise InputError(message)
    if arguments.out:
        _check_out(arguments.out, [*arguments.results, *arguments.predictions])
    from probes.compare import compare as compare_models
    from probes.comparison_table import family_table, rank_table, task_table, write_comparison
    from probes.contenders import gather
    from probes.evidence import Evidence

    alpha = arguments.alpha
    contest = gather(arguments.results, arguments.metric, arguments.models)
    evidence = Evidence(arguments.predictions, level=1 - alpha) if arguments.predictions else None
    compared = compare_models(contest, evidence=evidence, baseline=arguments.baseline, alpha=alpha)
    show(task_table(compared, alpha, only_significant=arguments.only_significant))
    show(f"\n{family_table(compared, alpha)}\n\n{rank_table(compared, alpha)}")
    for note in compared.notes:
        say(f"note: {note}")
    if arguments.out:
        write_comparison(compared, arguments.out, alpha)
        say(f"wrote {arguments.out} ({len(compared.comparisons):,} comparisons)")
    say(f"next: cards leaderboard {' '.join(arguments.results)} --out site")
    return EXIT_OK


def controls(argv: Sequence[str]) -> int:
    """Run `probe controls`; return the exit status."""
    parser = CommandParser(
        prog="probe controls",
        description="Say what scores are worth: selectivity against shuffled labels, the loss by "
        "noisy labels, the gain by more of them, the gain over a floor.",
        epilog="example: probe controls results.parquet shuffled.parquet --floor random",
    )
    add = parser.add_argument
    add("results", nargs="+", metavar="RESULTS", help="of `probe`, plain and control runs")
    add("--floor", metavar="MODEL", help="count gains over this model, such as random vectors")
    add("--metric", help="default: AUROC for classes, Spearman for numbers")
    add("--out", type=Path, help="the same as CSV or Parquet")
    arguments = parser.parse_args(argv)
    if arguments.out:
        _check_out(arguments.out, arguments.results)
    from probes.control_table import control_text, find_controls, write_controls

    found = find_controls(arguments.results, arguments.metric, arguments.floor)
    show(control_text(found))
    if arguments.out:
        write_controls(found, arguments.out)
        say(f"wrote {arguments.out} ({len(found):,} rows)")
    return EXIT_OK


def similarity(argv: Sequence[str]) -> int:
    """Run `probe similarity`; return the exit status."""
    parser = CommandParser(
        prog="probe similarity",
        description="Say how alike embeddings are, on the entities that all of them have: CKA, "
        "RSA and shared nearest neighbours.",
        epilog="example: probe similarity a.parquet b.parquet --out similarity.csv",
    )
    add = parser.add_argument
    add("embeddings", nargs="+", metavar="EMB", help="two or more, as for `probe`")
    add("--neighbours", type=int, default=10, help="default: %(default)s")
    add(
        "--sample",
        type=int,
        default=2000,
        help="entities drawn for RSA, whose distances grow with their square "
        "(default: %(default)s)",
    )
    add("--seed", type=int, default=0, help="of the sample (default: %(default)s)")
    add("--out", type=Path, help="the same as CSV or Parquet")
    arguments = parser.parse_args(argv)
    if arguments.out:
        _check_out(arguments.out, arguments.embeddings)
    from probes.ensemble import load
    from probes.similarity import compare_embeddings, similarity_table, write_similarity

    found = compare_embeddings(
        [load(source) for source in arguments.embeddings],
        neighbours=arguments.neighbours,
        sample=arguments.sample,
        seed=arguments.seed,
    )
    show(similarity_table(found))
    if arguments.out:
        write_similarity(found, arguments.out)
        say(f"wrote {arguments.out} ({len(found.pairs):,} pairs)")
    return EXIT_OK


def zero_shot(argv: Sequence[str]) -> int:
    """Run `probe zero-shot`; return the exit status."""
    parser = CommandParser(
        prog="probe zero-shot",
        description="Score embeddings on tasks without training: retrieval and clustering for "
        "classes, cosine similarity for pairs.",
        epilog="example: probe zero-shot emb.parquet --tasks gene-benchmark --out zero.parquet",
    )
    add = parser.add_argument
    add("embeddings", nargs="+", metavar="EMB", help="as for `probe`")
    add("--tasks", nargs="+", action="extend", required=True, metavar="PATH", help="as for `probe`")
    add("--out", type=Path, required=True, help="results to write: a Parquet file")
    add("--k", type=int, default=10, help="neighbours retrieved (default: %(default)s)")
    add("--seed", type=int, default=0, help="of the clustering (default: %(default)s)")
    add("--common", action="store_true", help="only the entities that all models have")
    arguments = parser.parse_args(argv)
    if arguments.out.suffix.lower() not in TABLES - {".csv"}:
        message = f"--out {arguments.out} is not a Parquet file; give NAME.parquet"
        raise InputError(message)
    _check_out(arguments.out, arguments.embeddings)
    from hf_datasets.files import check_writable
    from probes.ensemble import load
    from probes.result import write_results
    from probes.task_set import load_tasks
    from probes.zero_shot import run_zero_shot, zero_shot_table

    embeddings = [load(source) for source in arguments.embeddings]
    task_set = load_tasks(arguments.tasks)
    check_writable(arguments.out)
    outcome = run_zero_shot(
        embeddings, task_set, k=arguments.k, seed=arguments.seed, common=arguments.common
    )
    write_results(outcome.rows, outcome.provenance, arguments.out)
    show(zero_shot_table(outcome.rows))
    for note in outcome.notes:
        say(f"note: {note}")
    for problem in outcome.problems:
        say(f"not done: {problem}")
    say(f"wrote {arguments.out} ({len(outcome.rows):,} rows)")
    return EXIT_INCOMPLETE if outcome.problems else EXIT_OK


VERBS: dict[str, Callable[[Sequence[str]], int]] = {
    "compare": compare,
    "controls": controls,
    "export-lm-eval": export_lm_eval,
    "similarity": similarity,
    "zero-shot": zero_shot,
}
"""First word of the command line → what runs it with the rest."""


def _check_out(out: Path, inputs: Sequence[str | Path]) -> None:
    """InputError for an --out of another kind, or one that would replace an input."""
    if out.suffix.lower() not in TABLES:
        message = f"--out {out} is neither CSV nor Parquet; give NAME.csv or NAME.parquet"
        raise InputError(message)
    for source in inputs:
        if Path(source).expanduser().absolute() == out.expanduser().absolute():
            message = f"--out {out} is one of the inputs; choose another --out"
            raise InputError(message)
