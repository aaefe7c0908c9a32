"""docs/glossary.md against the code and the dictionaries of the console."""

import importlib
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "docs" / "glossary.md"
WORDS = ROOT / "infra" / "web" / "src" / "lib"

# Texts that the console used before.
RETIRED = {
    "en": (
        "All clear",
        "What your systems send you",
        "Choose something from the list",
        "Nothing fits",
        "That is everything",
        "Nudge",
        "nudge",
        "as the system",
        "Bad news",
        "Good news",
        "No longer wanted",
        "What to do with it",
        "Open at its source",
        "Approve at once",
        "for your word",
        "Too much at once",
        "if it stays",
        "tell an operator",
        "that it is whole",
        "I have kept it",
        "Make the key",
        "What it opens",
        "no end",
        "Put back",
        "Asks for you",
        "Waits for them",
        "Both ways",
        "Look",
        "Redrive",
        "was dealt with",
        "What reaches you unasked",
        "unasked",
        "Send news round",
        "No such delivery",
        "Operate",
    ),
    "zh": ("桌面", "代理", "运维", "已解决", "未解决", "好消息", "坏消息", "不再需要"),
}
# English texts in which a term is an ordinary word.
NOT_A_TERM = {("Contact", "error.unexpected")}


@dataclass(frozen=True)
class Row:
    term: str
    chinese: str
    code: str
    key: str
    definition: str

    @property
    def console_term(self) -> str:
        """The word that the console shows: the one in parentheses, or else the term itself."""
        return (re.search(r"\((.+)\)", self.term) or re.search(r"(.+)", self.term))[1]  # type: ignore[index]


def rows() -> list[Row]:
    table = re.findall(r"^\| (?!Term |---)(.+) \|$", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)
    return [Row(*(cell.strip().strip("`") for cell in line.split(" | "))) for line in table]


def texts(language: str) -> dict[str, str]:
    """The texts of a dictionary by their keys."""
    sources = sorted(WORDS.glob(f"words*-{language}.ts"), key=lambda each: each.name.removesuffix(f"-{language}.ts"))
    return {
        key: text
        for source in sources
        for key, text in re.findall(
            r'^  "?([\w.-]+)"?:\s*"((?:[^"\\]|\\.)*)",$', source.read_text("utf-8"), re.MULTILINE
        )
    }


ROWS = rows()
CONSOLE_ROWS = [row for row in ROWS if row.key != "–"]
ENGLISH, CHINESE = texts("en"), texts("zh")


def test_each_term_occurs_once() -> None:
    assert len(ROWS) > 50
    for column in ("term", "chinese"):
        counts = Counter(getattr(row, column).lower() for row in ROWS)
        assert [term for term, count in counts.items() if count > 1] == [], "update docs/glossary.md"


def test_each_definition_is_one_sentence() -> None:
    assert [row.term for row in ROWS if not re.fullmatch(r"[A-Z][^.!?]*\.", row.definition)] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.term)
def test_code_name_exists(row: Row) -> None:
    assert exists(row.code), f"{row.code} does not exist: update the row “{row.term}” of docs/glossary.md"


def exists(name: str) -> bool:
    """Whether a dotted name is a module, or something in a module."""
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, attribute = name.rpartition(".")
        try:
            return hasattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError:
            return False
    return True


@pytest.mark.parametrize("row", CONSOLE_ROWS, ids=lambda row: row.term)
def test_console_uses_the_term(row: Row) -> None:
    advice = f"update {row.key} in infra/web/src/lib/words-*.ts, or the row “{row.term}” of docs/glossary.md"
    assert row.console_term.lower() in ENGLISH.get(row.key, "").lower(), advice
    assert row.chinese in CHINESE.get(row.key, ""), advice


@pytest.mark.parametrize("row", CONSOLE_ROWS, ids=lambda row: row.term)
def test_console_translates_the_term_alike_everywhere(row: Row) -> None:
    word = re.compile(rf"\b{row.console_term}s?\b", re.IGNORECASE)
    others = {
        key: CHINESE[key]
        for key, text in ENGLISH.items()
        if word.search(re.sub(r"{\w+}", "", text.partition("|")[0]))
        and row.chinese not in CHINESE[key]
        and (row.term, key) not in NOT_A_TERM
    }
    assert others == {}, f"the Chinese texts say something else for “{row.term}” than docs/glossary.md"


def test_both_dictionaries_have_the_same_keys_and_placeholders() -> None:
    assert len(ENGLISH) > 400
    assert list(ENGLISH) == list(CHINESE)
    placeholders = {key: set(re.findall(r"{\w+}", text)) for key, text in ENGLISH.items()}
    assert {key: set(re.findall(r"{\w+}", text)) for key, text in CHINESE.items()} == placeholders


@pytest.mark.parametrize(("language", "dictionary"), [("en", ENGLISH), ("zh", CHINESE)])
def test_retired_phrases_do_not_return(language: str, dictionary: dict[str, str]) -> None:
    phrases = "|".join(map(re.escape, RETIRED[language]))
    pattern = re.compile(rf"\b(?:{phrases})" if language == "en" else phrases)
    assert {key: text for key, text in dictionary.items() if pattern.search(text)} == {}
