"""The YAML head of a README: `model-index` edited in place, all other lines kept as they are."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cards.model_card.section import newline_of
from hf_datasets.errors import InputError, one_line
from hf_datasets.publishing.card import FENCES, Card

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY = "model-index"
TOOL = "genezoo"
BOM = "\ufeff"

Item = dict[str, Any]


def read_card(content: bytes, where: str) -> Card:
    """Take a README apart; one without a YAML head has an empty one, without fences.

    Raises
    ------
    InputError
        No UTF-8; a head that never ends, that is no YAML, or that is no mapping.

    """
    import yaml

    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        message = f"{where} is not UTF-8 text ({error.reason} at byte {error.start}); convert it"
        raise InputError(message) from error
    found = FENCES.match(text)
    if found is None:
        if re.match(r"\ufeff?---[ \t]*\r?\n", text):
            message = f"the YAML head of {where} has no end; close it with a line of ---"
            raise InputError(message)
        start = BOM if text.startswith(BOM) else ""
        return Card(start, "", "", text.removeprefix(BOM))
    card = Card(*found.groups())
    try:
        values: object = card.values
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2024-99-99
        message = f"the YAML head of {where} cannot be read: {one_line(error)}; mend it"
        raise InputError(message) from error
    if not isinstance(values, dict):
        message = f"the YAML head of {where} is no list of `key: value` lines; mend it"
        raise InputError(message)
    return card


@dataclass(frozen=True)
class Index:
    """What a `model-index` is to hold of ours."""

    name: str
    """The model's name, where the card has no `model-index` yet."""
    results: Sequence[Item]
    """Entries of `results:`, all their metrics ours."""
    datasets: frozenset[str]
    """Ids of the datasets whose earlier entries of ours they replace."""
    source: str | None
    """URL of the source; entries of ours that name another one are kept."""

    def merged(self, old: object, where: str) -> list[Item]:
        """Return a `model-index` with ours in it: in place of our old entries, or last.

        InputError for one that is not of the Hub's form.
        """
        index: list[Item] = copy.deepcopy(_checked(old, where))
        place: tuple[int, int] | None = None
        for at, element in enumerate(index):
            kept: list[Item] = []
            for item in element["results"]:
                theirs = [one for one in item["metrics"] if not self._is_ours(item, one)]
                had_ours = len(theirs) < len(item["metrics"])
                if had_ours and place is None:
                    place = at, len(kept)
                if theirs or not had_ours:
                    kept.append({**item, "metrics": theirs})
            element["results"] = kept
        if self.results and not index:
            return [{"name": self.name, "results": copy.deepcopy(list(self.results))}]
        if self.results:
            at, start = place or (0, len(index[0]["results"]))
            index[at]["results"][start:start] = copy.deepcopy(list(self.results))
        elif place and not index[place[0]]["results"]:
            del index[place[0]]
        return index

    def _is_ours(self, item: Item, metric: Item) -> bool:
        args = metric.get("args")
        made = isinstance(args, dict) and args.get("tool") == TOOL
        source = (item.get("source") or {}).get("url")
        return made and item["dataset"].get("type") in self.datasets and source in {
            None, self.source,
        }  # fmt: skip


def _checked(index: Any, where: str) -> list[Item]:  # noqa: ANN401  whatever YAML holds
    """Return a `model-index` if it has the form that the Hub asks for."""
    index = index or []
    try:
        for element in index:
            element["name"]
            for item in element["results"]:
                item["task"]["type"], item["dataset"]["type"], item["dataset"]["name"]
                (item.get("source") or {}).get("url")
                for metric in item["metrics"]:
                    metric["type"], metric["value"]
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        message = (
            f"`{KEY}:` of {where} is not of the Hub's form (name, results with task, dataset and "
            f"metrics): {one_line(repr(error))}; mend or remove it"
        )
        raise InputError(message) from error
    found: list[Item] = index
    return found


def with_index(card: Card, index: Index, where: str) -> Card:
    """Return the card with our entries in its `model-index`; other lines stay as they are.

    Only an index that is written in one line is written anew, in the usual form.
    A head that does not have one key a line (`{license: mit}`) is an InputError: it could only
    be written anew, without its comments.
    """
    import yaml

    values = card.values
    wanted = index.merged(values.get(KEY), where)
    if wanted == (values.get(KEY) or []):
        return card
    if not card.closing:
        newline = newline_of(card.body)
        fence, added = f"---{newline}", _dump({KEY: wanted}, newline, "")
        return replace(card, opening=card.opening + fence, head="".join(added), closing=fence)
    expected = {**values, KEY: wanted}
    if not wanted:
        del expected[KEY]
    for edit in (_items_edited, _key_edited):
        head = edit(card.head, values.get(KEY), wanted)
        try:
            if head is not None and _same(yaml.safe_load(head) or {}, expected):
                return replace(card, head=head)
        except yaml.YAMLError:
            continue
    message = f"the YAML head of {where} cannot be added to; write it with one `key: value` a line"
    raise InputError(message)


def _same(one: object, other: object) -> bool:
    """Whether two heads say the same, in the same words and order; NaN equals NaN here."""
    import yaml

    return bool(yaml.safe_dump(one, sort_keys=False) == yaml.safe_dump(other, sort_keys=False))


def to_yaml(value: object) -> str:
    """Return YAML in printable characters only: marks that turn text around are written out."""
    import yaml

    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=1000)
    if text.replace("\n", "").isprintable():
        return text
    return yaml.safe_dump(value, sort_keys=False, width=1000)


def _dump(value: object, newline: str, margin: str) -> list[str]:
    return [f"{margin}{line}{newline}" for line in to_yaml(value).splitlines()]


def _key_edited(head: str, _: object, wanted: list[Item]) -> str | None:
    """Return the head with all of `model-index:` written anew, in its place or last."""
    lines = head.splitlines(keepends=True)
    new = _dump({KEY: wanted}, newline_of(head), "") if wanted else []
    node = _node(head)
    if node is None:
        return head + "".join(new)
    if node.flow_style:
        return None
    starts = [key.start_mark.line for key, _ in node.value] + [len(lines)]
    at = next((i for i, (key, _) in enumerate(node.value) if key.value == KEY), None)
    if at is None:
        ending = "" if not head or head.endswith("\n") else newline_of(head)
        return head + ending + "".join(new)
    start, stop = starts[at], _trimmed(lines, starts[at], starts[at + 1])
    return "".join([*lines[:start], *new, *lines[stop:]])


def _items_edited(head: str, old: object, wanted: list[Item]) -> str | None:
    """Return the head with only those entries of `results:` changed that differ.

    None where they do not stand one under the other, each on lines of its own.
    """
    node = _node(head)
    lists = _result_lists(node) if node is not None else None
    if not isinstance(old, list) or lists is None or not len(lists) == len(old) == len(wanted):
        return None
    lines = head.splitlines(keepends=True)
    for sequence, was, now in reversed(list(zip(lists, old, wanted, strict=True))):
        before, after = was["results"], now["results"]
        if before == after:
            continue
        if sequence.flow_style or not before:
            return None
        lines = _spliced(lines, sequence, before, after)
    return "".join(lines)


def _spliced(lines: list[str], sequence: Any, before: list[Item], after: list[Item]) -> list[str]:  # noqa: ANN401  a yaml node
    """Replace the lines of what differs between two lists of entries: all between what is alike."""
    least = min(len(before), len(after))
    head = next((i for i in range(least) if before[i] != after[i]), least)
    rest = range(least - head)
    tail = next((i for i in rest if before[-1 - i] != after[-1 - i]), least - head)
    starts = [item.start_mark.line for item in sequence.value]
    stops = [*starts[1:], min(sequence.end_mark.line, len(lines))]
    ends = [_trimmed(lines, start, stop) for start, stop in zip(starts, stops, strict=True)]
    first = starts[head] if head < len(starts) else ends[-1]
    last = ends[len(before) - tail - 1] if len(before) - tail > head else first
    newline = newline_of("".join(lines))
    new = after[head : len(after) - tail]
    added = _dump(new, newline, " " * sequence.start_mark.column) if new else []
    return [*lines[:first], *added, *lines[last:]]


def _trimmed(lines: list[str], start: int, stop: int) -> int:
    """Return `stop` without blank lines and comments before it: they belong to what follows."""
    while stop > start + 1 and re.match(r"\s*(#|$)", lines[stop - 1]):
        stop -= 1
    return stop


def _node(head: str) -> Any | None:  # noqa: ANN401  a yaml node
    import yaml

    return yaml.compose(head, Loader=yaml.SafeLoader)


def _result_lists(node: Any) -> list[Any] | None:  # noqa: ANN401  a yaml node
    """Return the nodes of `results:` of every element of `model-index:`."""
    index = _value(node, KEY)
    if index is None or not isinstance(index.value, list):
        return None
    return [_value(element, "results") for element in index.value]


def _value(node: Any, key: str) -> Any | None:  # noqa: ANN401  a yaml node
    return next((value for name, value in reversed(node.value) if name.value == key), None)
