"""`cards model`: what it writes into a folder, and what it leaves alone there."""

from __future__ import annotations

import copy
import re
import statistics
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from huggingface_hub import EvalResult, ModelCard, parse_eval_result_entries
from markdown_it import MarkdownIt

from cards.__main__ import command
from cards.merge import read_sources
from cards.model_card.commands import commands, shell_word
from cards.model_card.results import model_results
from cards.names import plain
from probes.significance import corrected_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cards.model_card.results import ModelResults

    MakeRows = Callable[..., list[dict[str, Any]]]
    Write = Callable[..., Path]

COMMIT = "0123456789" * 4
HUB = {"dataset": "org/gene-benchmark", "revision": COMMIT}
OUR_MARKS = re.compile(r"^<!-- /?genezoo:results(?: sha256=\w{64})? -->$", re.MULTILINE)
EVALUATION = ".eval_results/genezoo-org--gene-benchmark.yaml"
PLOT = "genezoo-results.png"
RHO = "Spearman \N{GREEK SMALL LETTER RHO}"
METRICS = {"AUROC": "auroc", RHO: "spearman"}


@pytest.fixture
def results(make_rows: MakeRows, write: Write) -> Path:
    """Two models on a dataset of the Hub."""
    return write("r.parquet", make_rows("minilm", **HUB), make_rows("esm2", **HUB, coverage=0.9))


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """The folder of the card, which is not there yet."""
    return tmp_path / "new" / "card"


def make(results: Path, card: Path, *more: str, model: str = "minilm") -> None:
    words = ["model", str(results), "--model", model, "--out", str(card), *more]
    assert command(words) == 0


def refused(
    capsys: pytest.CaptureFixture[str], results: Path, card: Path, *more: str, model: str = "minilm"
) -> str:
    """Run the command; assert that it ends with status 2 and one line; return the line."""
    assert command(["model", str(results), "--model", model, "--out", str(card), *more]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("cards: error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def expected_means(rows: list[dict[str, Any]]) -> dict[tuple[str, str], tuple[float, float, float]]:
    """Return (family, metric) → mean and interval, worked out from the rows by another way."""
    found: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        metric = "spearman" if row["task_type"] == "regression" else "auroc"
        if row["label"] is None and row["metric"] == metric:
            found[row["config"], metric][row["task"]].append(row["value"])
    means = {}
    for family, tasks in found.items():
        mean = statistics.fmean(statistics.fmean(values) for values in tasks.values())
        rounds = [statistics.fmean(values) for values in zip(*tasks.values(), strict=True)]
        interval = corrected_mean(rounds, 100 / 200).interval
        assert interval is not None
        means[family] = mean, max(0.0, interval[0]), min(1.0, interval[1])
    return means


def test_the_numbers_everywhere(
    make_rows: MakeRows, write: Write, card: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = make_rows("minilm", **HUB)
    results = write("r.parquet", rows, make_rows("esm2", **HUB))
    source = ("--source-url", "https://example.org/a?b=c", "--source-name", "The paper")
    make(results, card, *source, "--date", "2026-01-31")
    expected = expected_means(rows)
    text = (card / "README.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if re.match(r"\| .* \| (AUROC|Spearman)", line)]
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert len(table) == len(expected) == 4
    for family, metric, mean, interval, tasks, coverage, revision, protocol in table:
        value, low, high = expected[family, METRICS[metric]]
        assert mean == f"{value:.3f}"
        assert interval == f"{low:.3f} to {high:.3f}"
        assert tasks == (
            "2" if (family, metric) in {("localization", "AUROC"), ("genomics", "AUROC")} else "1"
        )
        assert (coverage, revision) == ("100%", f"org/gene-benchmark `{COMMIT[:12]}`")
        assert "standard protocol" in protocol

    read = yaml.safe_load((card / EVALUATION).read_bytes())
    entries = {one.task_id: one for one in parse_eval_result_entries(read)}
    assert sorted(entries) == ["genomics", "localization", "pairs"]
    for family, one in entries.items():
        value, low, high = expected[family, "auroc"]
        assert one.value == round(value, 4)
        assert (one.dataset_id, one.dataset_revision) == (HUB["dataset"], COMMIT)
        assert (one.source_url, one.source_name, one.date) == (source[1], source[3], "2026-01-31")
        assert f"95% interval {low:.3f} to {high:.3f}; standard protocol" in str(one.notes)
    assert f"genomics, {RHO}" in capsys.readouterr().err, "one value a task: this one is left out"

    found = {
        (r.dataset_config, r.metric_type): r
        for r in eval_results(ModelCard.load(card / "README.md"))
    }
    assert set(found) == {
        (family, {"auroc": "roc_auc", "spearman": "spearmanr"}[metric])
        for family, metric in expected
    }
    for (family, metric), (value, low, high) in expected.items():
        result = found[family, {"auroc": "roc_auc", "spearman": "spearmanr"}[metric]]
        assert result.metric_value == round(value, 4)
        assert result.metric_args is not None
        assert result.metric_args["interval_95"] == [round(low, 4), round(high, 4)]
        assert (result.dataset_type, result.dataset_revision) == (HUB["dataset"], COMMIT)
        assert (result.source_url, result.source_name) == (source[1], source[3])


def test_the_same_results_give_the_same_bytes_whatever_else_was_scored(
    results: Path, make_rows: MakeRows, write: Write, card: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(results, card)
    first = contents(card)
    assert set(first) == {"README.md", PLOT, EVALUATION}
    assert first[PLOT].startswith(b"\x89PNG")
    assert b"date" not in first[EVALUATION]
    assert "next: look at" in capsys.readouterr().err
    make(results, card)
    assert contents(card) == first
    assert "has all of this; nothing was written" in capsys.readouterr().err
    # Another model that lacks a task: a leaderboard would average over fewer.
    families = {"localization": {"secreted": "binary"}}
    more = write(
        "more.parquet", make_rows("minilm", **HUB), make_rows("x", families=families, **HUB)
    )
    make(more, card)
    assert {**contents(card), PLOT: b""} == {**first, PLOT: b""}


def test_a_local_folder_has_no_place_on_the_hub(
    make_rows: MakeRows, write: Write, card: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(write("r.parquet", make_rows("minilm")), card)
    assert set(contents(card)) == {"README.md", PLOT}
    told = capsys.readouterr().err
    assert (
        "note: no entry in .eval_results for genomics, localization, pairs of gene-benchmark"
        in told
    )
    assert "--dataset-id org/name@revision" in told
    assert "model-index" not in (card / "README.md").read_text(encoding="utf-8")


THEIRS = {
    "no head": "# Their model\n\nSome *text*  \nwith trailing spaces\n",
    "no newline at the end": "# Their model",
    "empty": "",
    "a head": "---\nlicense: mit   # by hand\n# a comment\ntags: [b,   a]\n---\n# Theirs\n",
    "windows": "---\r\nlicense: mit\r\n---\r\n# Theirs\r\n\r\nText\r\n",
    "a mark of byte order": "\ufeff---\nlicense: mit\n---\n# Theirs\n",
    "a mark without a head": "\ufeff# Theirs\n",
    "an empty head": "---\n---\n# Theirs\n",
    "only comments": "---\n# nothing yet\n---\n# Theirs\n",
    "a rule that is no head": "# Theirs\n\n---\n\nText\n",
    "their own index": (
        "---\nmodel-index:   # ours\n  - name: theirs\n    results:\n      # the first\n"
        "      - task: {type: fill-mask}\n        dataset: {type: glue, name: GLUE}\n"
        "        metrics:\n          - {type: acc, value: 0.5}  # of 2024\n\n"
        "# after it\nlicense: mit\n---\n# Theirs\n"
    ),
    "an index in its own layout": (
        "---\nmodel-index:\n    -   name: theirs\n        results:\n          -   # one\n"
        "              task: {type: a}  # two\n              dataset: {type: d, name: d}\n"
        "              metrics:\n                - {type: acc, value: 1}\n"
        "          # three\n          - task: {type: b}\n            metrics: []\n"
        "            dataset: {type: e, name: e}\n"
        "              # four\nlicense: mit\n---\n"
    ),
    "an index in one line": (
        "---\n# kept\nmodel-index: [{name: theirs, results: [{task: {type: a}, dataset: {type: d, "
        "name: d}, metrics: [{type: acc, value: 1}]}]}]\nlicense: mit # kept\n---\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("theirs", THEIRS.values(), ids=list(THEIRS))
def test_what_others_wrote_stays(results: Path, tmp_path: Path, theirs: str) -> None:
    readme = tmp_path / "README.md"
    readme.write_bytes(theirs.encode())
    make(results, tmp_path, model="esm2")
    make(results, tmp_path)  # ours of the other model are replaced
    text = readme.read_bytes().decode()
    newline = "\r\n" if "\r\n" in theirs else "\n"
    assert text.count("\r\n") == (text.count("\n") if newline == "\r\n" else 0)
    start, end = text.index("<!-- genezoo:results"), text.index("<!-- /genezoo:results -->")
    assert "`minilm`" in text[start:end]
    assert "`esm2`" not in text[start:end]
    head, body = r"\A(\ufeff?)(---\r?\n.*?^---\r?\n|)", text
    fences = re.compile(head, re.DOTALL | re.MULTILINE)
    before, after = fences.match(theirs), fences.match(text)
    assert before
    assert after
    assert before[1] == after[1], "the mark of byte order"
    body = (
        text[after.end() : start].rstrip() + text[end + len("<!-- /genezoo:results -->") :].rstrip()
    )
    assert body == theirs[before.end() :].rstrip()
    assert text[after.end() :].startswith(theirs[before.end() :])

    lines = [line for line in before[2].splitlines() if "model-index: [" not in line]
    kept = iter(after[2].splitlines())
    assert all(line in kept for line in lines), "every line of the head, in its order"
    old, new = (yaml.safe_load(found[2].replace("---", "")) or {} for found in (before, after))
    assert {**new, "model-index": 0} == {**old, "model-index": 0}
    assert list(old) == [key for key in new if key in old]
    mine = {one["dataset"]["type"]: one for one in new["model-index"][0]["results"]}
    assert mine.pop(HUB["dataset"])
    stated = [one for element in old.get("model-index", ()) for one in element["results"]]
    assert list(mine.values()) == stated
    loaded = eval_results(ModelCard(text.removeprefix("\ufeff")))
    assert len([one for one in loaded if one.dataset_type == HUB["dataset"]]) == 4
    before_third = readme.read_bytes()
    make(results, tmp_path)
    assert readme.read_bytes() == before_third


def test_others_files_and_entries_stay(
    results: Path,
    make_rows: MakeRows,
    write: Write,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Entries of another dataset, of another source, and files that are not ours."""
    card = tmp_path / "card"
    other = write("o.parquet", make_rows("minilm", dataset="org/other", revision=COMMIT))
    make(other, card)
    make(results, card, "--source-url", "https://example.org/first")
    theirs = card / ".eval_results" / "hle.yaml"
    theirs.write_text("- value: 1  # theirs\n", encoding="utf-8")
    capsys.readouterr()
    make(results, card, "--source-url", "https://example.org/second")
    assert "genezoo-org--other.yaml of an earlier run" in capsys.readouterr().err
    assert theirs.read_text(encoding="utf-8") == "- value: 1  # theirs\n"
    found = eval_results(ModelCard.load(card / "README.md"))
    sources = sorted({(one.dataset_type, str(one.source_url)) for one in found})
    assert sources == [
        (HUB["dataset"], "https://example.org/first"),
        (HUB["dataset"], "https://example.org/second"),
        ("org/other", "None"),
    ]
    assert b"second" in (card / EVALUATION).read_bytes()


def test_an_index_that_the_client_wrote_anew(results: Path, card: Path) -> None:
    """`ModelCard.save` sorts all entries its own way; ours are found among them all the same."""
    make(results, card, model="esm2")
    readme = card / "README.md"
    loaded = ModelCard.load(readme)
    loaded.data.license = "mit"
    loaded.save(readme)
    make(results, card)
    found = ModelCard.load(readme).data
    assert found.license == "mit"
    assert len(found.eval_results) == 4
    fresh = card.parent / "fresh"
    make(results, fresh)
    alike = {(r.dataset_config, r.metric_type): r.metric_value for r in found.eval_results}
    wanted = eval_results(ModelCard.load(fresh / "README.md"))
    assert alike == {(r.dataset_config, r.metric_type): r.metric_value for r in wanted}


def eval_results(card: ModelCard) -> list[EvalResult]:
    found: list[EvalResult] = card.data.get("eval_results")
    return found


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_bytes().decode()
    assert old in text
    path.write_bytes(text.replace(old, new, 1).encode())


@pytest.mark.parametrize(
    ("file", "old", "said"),
    [
        ("README.md", "## Probing results", "was edited by hand; move what you want to keep"),
        (EVALUATION, "task_id: pairs", f"{EVALUATION} was edited by hand"),
    ],
)
def test_edits_inside_are_not_lost(
    results: Path, card: Path, capsys: pytest.CaptureFixture[str], *, file: str, old: str, said: str
) -> None:
    make(results, card)
    edit(card / file, old, f"{old} by hand")
    before = contents(card)
    capsys.readouterr()
    line = refused(capsys, results, card)
    assert said in line
    assert "--replace" in line
    assert contents(card) == before
    make(results, card, "--replace")
    assert "by hand" not in (card / file).read_text(encoding="utf-8")


def test_other_line_ends_are_no_edit(results: Path, card: Path) -> None:
    make(results, card)
    for name in ("README.md", EVALUATION):
        path = card / name
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    make(results, card, model="esm2")
    assert "`esm2`" in (card / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("readme", "said"),
    [
        (b"---\nlicense: [mit\n---\n", "YAML head of .*README.md cannot be read"),
        (b"---\ndate: 2026-99-99\n---\n", "YAML head of .*README.md cannot be read"),
        (b"---\n- a\n---\n", "is no list of `key: value` lines"),
        (b"---\nlicense: mit\n", "has no end; close it with a line of ---"),
        (b"---\n{license: mit}\n---\n", "cannot be added to; write it with one `key: value` a"),
        (b"---\nmodel-index: none\n---\n", "`model-index:` of .* is not of the Hub's form"),
        (b"---\nmodel-index:\n- results: []\n---\n", "`model-index:` of .* is not of the Hub's"),
        (b"\xff\xfe#", "is not UTF-8 text"),
        (b"<!-- /genezoo:results -->\n", "has 0 lines <!-- genezoo:results . --> and 1 lines"),
        (b"<!-- genezoo:results -->\na\n<!-- /genezoo:results -->\n" * 2, "has 2 lines"),
        (b"<!-- genezoo:results -->\na\n<!-- /genezoo:results -->\n", "was edited by hand"),
    ],
)  # fmt: skip
def test_a_readme_that_does_not_do(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], readme: bytes, said: str
) -> None:
    (tmp_path / "README.md").write_bytes(readme)
    assert re.search(said, refused(capsys, results, tmp_path))
    assert (tmp_path / "README.md").read_bytes() == readme
    assert not (tmp_path / PLOT).exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--pr"], "--pr is about the Hub; give --push org/model"),
        (["--push", "model"], "--push 'model' is no model on the Hub; give it as org/model"),
        (["--source-url", "javascript:alert(1)"], "is no address"),
        (["--source-url", "https://a b"], "is no address"),
        (["--source-name", "x"], "needs --source-url"),
        (["--date", "yesterday"], "--date 'yesterday' is no date"),
        (["--dataset-id", "org/x"], "the results name the Hub's own datasets; leave it out"),
    ],
)
def test_words_that_do_not_do(
    results: Path, card: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert said in refused(capsys, results, card, *words)
    assert not (card / "README.md").exists()


def test_an_unknown_model(results: Path, card: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, results, card, model="minillm")
    assert "unknown model 'minillm'; did you mean minilm? choices: esm2, minilm" in line


def test_one_of_two_embeddings_of_a_model(
    make_rows: MakeRows, write: Write, card: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = make_rows("m", embedding="a.parquet", **HUB)
    two = make_rows("m", embedding="b.parquet", value=0.5, **HUB)
    results = write("r.parquet", one, two)
    assert "choices: m (a.parquet), m (b.parquet)" in refused(capsys, results, card, model="m")
    make(results, card, model="m (b.parquet)")
    entries = yaml.safe_load((card / EVALUATION).read_bytes())
    assert [one["value"] for one in entries] == [0.5] * 3


def test_two_protocols_of_one_family(
    make_rows: MakeRows, write: Write, card: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    families = {"f": {"t": "binary"}}
    results = write(
        "r.parquet",
        make_rows("m", families=families, protocol="paper", value=0.9, **HUB),
        make_rows("m", families=families, value=0.7, **HUB),
    )
    make(results, card, model="m")
    (entry,) = yaml.safe_load((card / EVALUATION).read_bytes())
    assert entry["value"] == 0.7
    assert "no entry in .eval_results for f, AUROC, paper protocol" in capsys.readouterr().err
    text = (card / "README.md").read_text(encoding="utf-8")
    assert "| 0.900 |" in text
    assert "| 0.700 |" in text
    values = {r.metric_value for r in eval_results(ModelCard.load(card / "README.md"))}
    assert values == {0.7, 0.9}


def test_tasks_of_two_revisions_have_no_entry(
    make_rows: MakeRows, write: Write, card: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = make_rows("m", families={"f": {"a": "binary"}}, **HUB)
    two = make_rows("m", families={"f": {"b": "binary"}}, **HUB | {"revision": "f" * 40})
    make(write("r.parquet", one, two), card, model="m")
    assert set(contents(card)) == {"README.md", PLOT}
    assert (
        "for f of org/gene-benchmark: the results do not name one commit" in capsys.readouterr().err
    )
    text = (card / "README.md").read_text(encoding="utf-8")
    assert f"`{COMMIT[:12]}`, `{'f' * 12}`" in text
    assert f"--tasks org/gene-benchmark@{COMMIT}/f/a org/gene-benchmark@{'f' * 40}/f/b" in text


def test_a_dry_run_writes_nothing(
    results: Path, card: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(results, card, "--dry-run")
    captured = capsys.readouterr()
    assert not card.exists()
    assert f"added    {card / 'README.md'}" in captured.out
    assert "  +## Probing results" in captured.out
    assert captured.err.endswith("dry run: nothing was written\n")


HOSTILE = {
    "tags": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "a row of a table": "a|b||c\\|d",
    "code": "`` `a` ``` ~~~ $x$ **b** _c_ [d](javascript:e) ![f](g)",
    "lines": "a\n# heading\n- item\n\n---\nmodel-index: []\r\n> q\t\x0c\x85\u2028",
    "our own marks": "x\n<!-- /genezoo:results -->\n<!-- genezoo:results -->\n-->",
    "right to left": "\u202eevil\u2066 \u200fname",
    "a terminal": "\x1b[2J\x07",
    "yaml": "'\": {a: b} # c & *d !!python/object:os.system [",
    "a shell": "'; rm -rf / #$(reboot) `reboot` \\",
    "links": "https://evil.example www.evil.example me@evil.example @all",
    "length": "y" * 10_000,
    "entities": "&lt;b&gt; &#60;i&#62; &copy;",
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_names_stay_text(
    make_rows: MakeRows, write: Write, card: Path, capsys: pytest.CaptureFixture[str], *, name: str
) -> None:
    rows = make_rows(
        name, dataset="org/d", revision=COMMIT, families={name: {name: "binary"}},
        protocol=name.replace("+", ""), split=name, probe=name, embedding=name,
    )  # fmt: skip
    recorded: dict[str, Any] = {
        "embeddings": [
            {"source": name, "model": name, "sha256": name,
             "provenance": {"model": name, "name": name, "stored": name, "versions": {name: name},
                            "encoder": {"revision": name, "pooling": name},
                            "input": {"dataset": name, "config": name, "column": name}}}
        ],
        "probe": name, "pair": name, "fractions": [name],
    }  # fmt: skip
    local = make_rows(name, dataset=name, families={name: {name: "binary"}}, embedding=name)
    results = write("r.parquet", rows, local, provenance=recorded)
    for _ in range(2):
        make(
            results, card, "--source-url", "https://example.org", "--source-name", name, model=name
        )
    printed = "".join(capsys.readouterr())
    text = (card / "README.md").read_bytes().decode()
    entries = (card / EVALUATION.replace("gene-benchmark", "d")).read_text(encoding="utf-8")
    for written in (text, entries, printed):
        odd = {char for char in written if not char.isprintable()} - {"\n"}
        assert not odd
    assert len(OUR_MARKS.findall(text)) == 2, "our two marks"

    tokens = MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(text.split("---\n")[-1])
    flat = [token for one in tokens for token in (one, *(one.children or ()))]
    html = [token.content for token in flat if token.type in {"html_block", "html_inline"}]
    assert {one.strip() for one in html} <= {"<code>", "</code>", *OUR_MARKS.findall(text)}
    kinds = [token.type for token in flat]
    assert kinds.count("heading_open") == 4
    assert kinds.count("image") == 1
    assert kinds.count("fence") == 1
    assert [t.attrs["href"] for t in flat if t.type == "link_open"] == ["https://example.org"]
    assert kinds.count("table_open") == 1
    assert kinds.count("td_open") == 2 * kinds.count("th_open") == 16, "two families"

    (result,) = eval_results(ModelCard(text))
    assert yaml.safe_load(text.split("---\n")[1])["model-index"][0]["name"] == plain(name)
    assert (result.dataset_config, result.source_name) == (name, plain(name))
    (entry,) = parse_eval_result_entries(yaml.safe_load(entries))
    assert (entry.task_id, entry.source_name) == (name, plain(name))


def test_commands_are_words_of_a_shell() -> None:
    for name in HOSTILE.values():
        script = f"printf '%s\\0' {shell_word(name)}"
        done = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
        assert done.stdout.decode() == f"{name}\0"


JUNK: tuple[object, ...] = (None, True, 3, 0.5, "text", [], ["a", {}, None], {}, {"a": {"b": 1}})


def test_provenance_may_hold_anything(make_rows: MakeRows, write: Write) -> None:
    """It is free-form: whatever stands in the place of what `extract` and `probe` write."""
    sound: dict[str, Any] = {
        "versions": {"genezoo": "1"}, "tasks": [{"task": "t"}], "seed": 0, "common": True,
        "embeddings": [
            {"source": "m.parquet", "model": "m", "sha256": "0", "provenance": {
                "model": "m", "versions": {"numpy": "2"}, "encoder": {"revision": "r"},
                "input": {"file": "f", "files": [{"file": "g"}], "genes": {"dataset": "d"}},
                "pulled": {"dataset": "org/d", "revision": COMMIT},
            }},
        ],
    }  # fmt: skip
    rows = make_rows("m", families={"f": {"t": "binary"}}, embedding="m.parquet")
    sound_results = model_results(read_sources([write("r.parquet", rows)]), "m")
    (source,) = sound_results.board.sources

    def results_of(provenance: object) -> ModelResults:
        sources = (replace(source, provenance=provenance),)
        return replace(sound_results, board=replace(sound_results.board, sources=sources))

    for path in _paths(sound):
        for junk in JUNK:
            spoiled: Any = copy.deepcopy(sound)
            place = spoiled
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = junk
            (last,) = [
                line for line in commands(results_of(spoiled)) if line.startswith("cards model")
            ]
            assert last == "cards model results.parquet --model m --out card"
    for provenance in JUNK:
        assert commands(results_of(provenance))


def _paths(value: object) -> Iterator[list[Any]]:
    """Yield the way to everything inside of some JSON."""
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inside in items:
        yield [key]
        yield from ([key, *rest] for rest in _paths(inside))


def test_help_imports_nothing_heavy(root: Path) -> None:
    code = (
        "import sys\nfrom cards.__main__ import command\n"
        "try: command(['model', '--help'])\nexcept SystemExit as end: assert not end.code\n"
        "heavy = {'torch', 'transformers', 'datasets', 'sklearn', 'pandas', 'matplotlib', "
        "'pyarrow', 'numpy', 'huggingface_hub'}\nprint(*heavy & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert "--dataset-id" in done.stdout
    assert done.stderr.strip() == ""
