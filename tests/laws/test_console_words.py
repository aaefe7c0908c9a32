"""What the console shows comes from its dictionaries, so that it is in one language."""

import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "infra" / "web" / "src"
FILES = sorted(each for each in SOURCE.rglob("*.ts*") if not each.name.startswith("words"))
# Names that are the same in every language: of the product, of keys, and examples of what is typed.
SAME = {
    "Fluxden",
    "POST",
    "Space",
    "Enter",
    "Esc",
    "Shift",
    "https://",
    "https://desk.example.com",
    "ci.",
    "dvd_…",
    "Language / 语言",
}
# Where a text is shown: attributes, what functions show, and the text of elements.
SHOWN = (
    re.compile(
        r"\b(?:title|label|placeholder|alt|aria-label|action|hint|text|note|emptyText|add)=(?:\{)?[\"'`]([^\"'`]+)[\"'`]"
    ),
    re.compile(r"\b(?:showToast|showError|confirm|alert|announce|say)\(\s*[\"'`]([^\"'`]+)[\"'`]"),
    re.compile(r"\.(?:textContent|innerText|title|ariaLabel)\s*=\s*[\"'`]([^\"'`]+)[\"'`]"),
    re.compile(r"(?:<\w+(?:\s[^<>]*?)?>|</\w+>|/>)\s*([^<>{}=;()]*?[A-Za-z]{2,}[^<>{}=;()]*?)\s*(?:</?\w|\{)"),
    re.compile(r"\}\s*([^<>{}=;()]*?[A-Za-z]{2,}[^<>{}=;()]*?)\s*</\w"),
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_PLACEHOLDER = re.compile(r"\$?\{[^}]*\}")
_EMOJI = re.compile("[\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]")


def code_of(path: Path) -> str:
    """The source without comments and heads of types, whose parameters look like tags."""
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r"(?m)^\s*//.*$", "", text)
    return re.sub(r"(?m)^.*\binterface .*$", "", text)


def shown_literals(code: str) -> list[str]:
    patterns = SHOWN if "<" in code else SHOWN[:3]
    found = (match[1].strip() for pattern in patterns for match in pattern.finditer(code))
    return [each for each in found if _WORD.search(_PLACEHOLDER.sub("", each)) and each not in SAME]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_every_text_of_the_console_is_in_its_dictionaries(path: Path) -> None:
    code = code_of(path)
    # Only elements have texts between tags; elsewhere these are types and comparisons.
    found = shown_literals(code) if path.suffix == ".tsx" else [m[1] for p in SHOWN[1:2] for m in p.finditer(code)]
    assert found == [], f"{path.name} shows a text that has no translation: add it to lib/words-*.ts"
    letters = re.findall(r"[\u3400-\u9fff]+", code.replace("Language / 语言", "").replace('"zh-CN": "中文"', ""))
    assert letters == [], f"{path.name} has Chinese text: add it to lib/words-*-zh.ts"


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.ts*")), ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_the_console_needs_no_font_with_emoji(path: Path) -> None:
    assert _EMOJI.findall(code_of(path)) == [], "Use an icon of ui/icons.tsx"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("<p>Nothing here</p>", ["Nothing here"]),
        ('<p class="a">\n  {count} items left\n</p>', ["items left"]),
        ('<IconButton label="Close" />', ["Close"]),
        ('showToast("Saved");<p />', ["Saved"]),
        ('showToast(t("saved"));<p>{t("saved")} · {name}</p>', []),
        ("<kbd>Esc</kbd>", []),
    ],
)
def test_texts_outside_of_the_dictionaries_are_found(code: str, found: list[str]) -> None:
    assert shown_literals(code) == found
