"""`probe --model LLM --tasks …`: the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hf_datasets.command import EXIT_INCOMPLETE, EXIT_OK, CommandParser, say, show
from hf_datasets.errors import InputError
from probes.language.asking import CHATS, OPTIONS, SCORINGS, AskSettings
from probes.language.estimate import Prices

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from probes.language.asking import LanguageModel
    from probes.language.questions import Quiz
    from probes.language.run import Plan

KEY_VARIABLE = "GENEZOO_API_KEY"
DTYPES = ("auto", "float32", "bfloat16", "float16")
PARQUET = {".parquet", ".pq"}
EXAMPLE = "probe --model org/name@REVISION --tasks protein-lm-bench --out results.parquet"


def is_about_models(argv: Sequence[str]) -> bool:
    """Whether a command line of `probe` asks a language model."""
    return any(one.partition("=")[0] in {"--model", "--endpoint"} for one in argv)


def build_parser() -> CommandParser:
    """Return the parser of `probe --model`."""
    usual = AskSettings()
    parser = CommandParser(
        prog="probe --model",
        usage="probe --model LLM --tasks PATH [PATH ...] --out RESULTS [options]",
        description="Ask a language model the questions of a benchmark and score its answers.",
        epilog=f"example: {EXAMPLE}; what was answered is kept: the same command goes on after "
        "an interruption, and asks nothing twice",
    )
    add = parser.add_argument
    add("--model", required=True, metavar="LLM", help="folder in transformers' layout or "
        "org/name[@REVISION] on the Hub (safetensors; no code of it is run); with --endpoint the "
        "name that it has there")  # fmt: skip
    add("--endpoint", metavar="URL", help="OpenAI-compatible server, as http://localhost:8000/v1")
    add("--tasks", nargs="+", action="extend", required=True, metavar="PATH",
        help="protein-lm-bench, biology-instructions[/dna[/emp[/H3]]], or any dataset of their "
        "shape: a folder or org/name")  # fmt: skip
    add("--out", type=Path, help="results to write: a Parquet file")
    add("--answers", type=Path, metavar="FILE", help="every answer with its prompt, parse and "
        "score (default: beside --out, NAME.answers.parquet)")  # fmt: skip
    add("--scoring", choices=SCORINGS, help="weigh the options, or let the model write (default: "
        "log-likelihood for protein-lm-bench, generate for biology-instructions)")  # fmt: skip
    add("--options", choices=OPTIONS, default=usual.options, help="what is weighed: the options' "
        "texts after the bare question, or their numbers after a list (default: text)")  # fmt: skip
    add("--chat", choices=CHATS, default="auto", help="use the chat template; auto: if the "
        "tokenizer has one; of an endpoint its chat API (default: %(default)s)")  # fmt: skip
    add("--temperature", type=float, metavar="T", help="default: 0.1 for questions with options, "
        "as published, and 0 for instructions")  # fmt: skip
    add("--max-tokens", type=int, metavar="N", help="new tokens of an answer (default: 20 for "
        "questions with options, as published, and 256 for instructions)")  # fmt: skip
    add("--seed", type=int, default=usual.seed, help="of draws and of --limit (default: 0)")
    add("--limit", type=int, metavar="N", help="a random sample of N questions of each task")
    add("--split", default=usual.split, help="of instruction tables (default: %(default)s)")
    add("--device", default="auto", help="cpu, cuda, … (default: %(default)s)")
    add("--dtype", choices=DTYPES, default="auto", help="default: %(default)s")
    add("--batch", type=int, default=16, metavar="ROWS", help="default: %(default)s")
    add("--jobs", type=int, default=8, help="requests at a time to an endpoint (default: 8)")
    add("--key-env", default=KEY_VARIABLE, metavar="NAME", help="environment variable with the "
        "endpoint's key (default: %(default)s)")  # fmt: skip
    add("--retries", type=int, default=5, help="of a failed request (default: %(default)s)")
    add("--timeout", type=float, default=120.0, metavar="SECONDS", help="default: %(default)s")
    add(
        "--price-in", type=float, metavar="PRICE", help="of a million tokens read, for the estimate"
    )
    add("--price-out", type=float, metavar="PRICE", help="of a million tokens written")
    add("--timings", action="store_true", help="keep each answer's seconds (the file then differs "
        "from run to run)")  # fmt: skip
    add("--dry-run", action="store_true", help="only say what the run would take")
    add("--restart", action="store_true", help="ask anew what was answered before")
    return parser


def export_lm_eval(argv: Sequence[str]) -> int:
    """Run `probe export-lm-eval`; return the exit status."""
    usual = AskSettings()
    parser = CommandParser(
        prog="probe export-lm-eval",
        description="Write questions as task definitions of lm_eval, which then runs offline.",
        epilog="example: probe export-lm-eval --tasks protein-lm-bench --out tasks",
    )
    add = parser.add_argument
    add("--tasks", nargs="+", action="extend", required=True, metavar="PATH", help="as for --model")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the definitions")
    add("--scoring", choices=SCORINGS, help="as for --model")
    add("--options", choices=OPTIONS, default=usual.options, help="as for --model")
    add("--temperature", type=float, metavar="T", help="as for --model")
    add("--max-tokens", type=int, metavar="N", help="as for --model")
    add("--seed", type=int, default=usual.seed, help="of --limit (default: %(default)s)")
    add("--limit", type=int, metavar="N", help="a random sample of N questions of each task")
    add("--split", default=usual.split, help="of instruction tables (default: %(default)s)")
    arguments = parser.parse_args(argv)
    settings = _settings(arguments)
    from probes.language.harness import export_tasks

    groups = export_tasks(_load(arguments.tasks, settings), arguments.out)
    count = sum(map(len, groups.values()))
    say(f"wrote {count:,} task{'' if count == 1 else 's'} to {arguments.out}")
    say(
        f"next: lm_eval --model hf --model_args pretrained=FOLDER --include_path {arguments.out} "
        f"--tasks {','.join(groups)}"
    )
    return EXIT_OK


def _settings(arguments: argparse.Namespace) -> AskSettings:
    return AskSettings(
        scoring=arguments.scoring,
        options=arguments.options,
        temperature=arguments.temperature,
        max_tokens=arguments.max_tokens,
        seed=arguments.seed,
        limit=arguments.limit,
        split=arguments.split,
    )


def _load(tasks: Sequence[str], settings: AskSettings) -> list[Quiz]:
    """Read the questions; InputError where there is none."""
    from probes.language.questions import load_quizzes

    quizzes = load_quizzes(tasks, settings)
    if not quizzes:
        message = (
            "--scoring log-likelihood fits none of these tasks, whose answers cannot be listed; "
            "use --scoring generate"
        )
        raise InputError(message)
    return quizzes


def ask(argv: Sequence[str]) -> int:
    """Run `probe --model`; return the exit status."""
    arguments = build_parser().parse_args(argv)
    settings = _settings(arguments)
    prices = Prices(arguments.price_in, arguments.price_out)
    _require_outputs(arguments)
    from probes.language.answers_file import AnswerCache
    from probes.language.run import expect, measure, plan_questions, tell_sample

    quizzes = _load(arguments.tasks, settings)
    model = _open_model(arguments)
    tell_sample(quizzes)
    cache = AnswerCache(model.identity())
    try:
        plan = plan_questions(quizzes, model, cache)
        if arguments.restart:
            cache.forget(plan.prompts)
            plan.known.clear()
        expected = expect(plan, prices)
        say(f"to ask: {expected.text()}")
        if not (arguments.dry_run and arguments.endpoint) and (rate := measure(plan)):
            say(f"left: {expect(plan, prices).text(rate)}")
        if arguments.dry_run:
            return EXIT_OK
        return _finish(arguments, settings, plan)
    finally:
        cache.close()


def _finish(arguments: argparse.Namespace, settings: AskSettings, plan: Plan) -> int:
    """Ask, score and write."""
    from probes.language.answers_file import write_answers
    from probes.language.run import answer, score_all
    from probes.result import write_results

    out, kept = arguments.out, arguments.answers
    asked = score_all(plan, answer(plan), settings, timings=arguments.timings)
    write_answers(asked.answers, asked.provenance, kept)
    write_results(asked.rows, asked.provenance, out)
    show("\n".join(asked.summary))
    for problem in asked.problems:
        say(f"not done: {problem}")
    say(f"wrote {kept} ({len(asked.answers):,} answers)")
    say(f"wrote {out} ({len(asked.rows):,} rows)")
    if asked.problems:
        say("the same command asks those again")
    say(f"next: cards leaderboard {out} --out leaderboard")
    return EXIT_INCOMPLETE if asked.problems else EXIT_OK


def _open_model(arguments: argparse.Namespace) -> LanguageModel:
    """Return the endpoint's model, or load the local one."""
    if arguments.endpoint:
        from probes.language.endpoint import Endpoint
        from probes.language.http_json import Client, read_key

        if arguments.retries < 0 or not arguments.timeout > 0:
            message = (
                f"--retries {arguments.retries} --timeout {arguments.timeout:g} is not possible; "
                "give 0 or more retries and a time above 0"
            )
            raise InputError(message)
        client = Client(
            arguments.endpoint,
            key=read_key(arguments.key_env),
            timeout=arguments.timeout,
            retries=arguments.retries,
        )
        return Endpoint(client, arguments.model, chat=arguments.chat, jobs=arguments.jobs)
    if arguments.batch < 1:
        message = f"--batch {arguments.batch} is not possible; give 1 or more rows"
        raise InputError(message)
    try:
        from probes.language.local_model import LocalModel
    except ModuleNotFoundError as error:
        message = (
            f"a language model on this machine needs {error.name}; "
            "pip install 'genezoo[language]', or give --endpoint URL"
        )
        raise InputError(message) from error
    return LocalModel(
        arguments.model,
        device=arguments.device,
        dtype=arguments.dtype,
        chat=arguments.chat,
        batch=arguments.batch,
    )


def _require_outputs(arguments: argparse.Namespace) -> None:
    """Fill in where the answers go; InputError for places that will not do."""
    from hf_datasets.files import check_writable

    out: Path | None = arguments.out
    if out is None:
        if not arguments.dry_run:
            message = "--out is missing: where the results go, as --out results.parquet"
            raise InputError(message)
        return
    if arguments.answers is None:
        arguments.answers = out.with_name(f"{out.stem}.answers.parquet")
    for option, path in (("--out", out), ("--answers", arguments.answers)):
        if path.suffix.lower() not in PARQUET:
            message = f"{option} {path} is not a Parquet file; give NAME.parquet"
            raise InputError(message)
        check_writable(path)
    if out.expanduser().absolute() == arguments.answers.expanduser().absolute():
        message = f"--answers {out} is --out too; give two files"
        raise InputError(message)
