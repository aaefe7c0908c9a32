"""Files of employees, as spreadsheets write and read them."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.domain.errors import Invalid
from chalicelib.operate.domain.employee_files import MOST_ROWS, FileRow, read_employee_file, write_employee_file
from chalicelib.people.domain.directory import Person

ANN = FileRow(2, "ann@example.com", "Ann")


def only_row(line: str, heading: str = "email,name,operator,projects") -> FileRow:
    (row,) = read_employee_file(f"{heading}\r\n{line}\r\n").rows
    return row


@pytest.mark.parametrize(
    "text",
    [
        "email,name\nann@example.com,Ann",
        "\ufeffemail;name\r\nann@example.com;Ann\r\n",
        "Name\tE-Mail\nAnn\tANN@example.com\n",
        "email,name\rann@example.com,Ann\r",
        ' "email" , name \n ann@example.com , "Ann"\n'.replace(' "email" ', '"email"').replace(' "Ann"', '"Ann"'),
    ],
    ids=["plain", "excel", "tabs", "returns", "quoted"],
)
def test_files_are_read_as_spreadsheets_write_them(text: str) -> None:
    assert list(read_employee_file(text).rows) == [ANN]


def test_the_separator_can_be_declared_as_excel_does() -> None:
    assert list(read_employee_file("sep=;\r\nemail;name\r\nann@example.com;Ann, M.\r\n").rows) == [
        FileRow(3, "ann@example.com", "Ann, M.")
    ]


def test_rows_have_the_number_of_their_first_line() -> None:
    text = 'email,name,note\n\nann@example.com,Ann,"two\nlines"\n,,\nbob@example.com,Bob,\n'
    file = read_employee_file(text)
    assert [(row.line, row.email) for row in file.rows] == [(3, "ann@example.com"), (6, "bob@example.com")]
    assert file.ignored_columns == ["note"]


@pytest.mark.parametrize(
    ("cell", "operator"),
    [
        ("", None),
        ("TRUE", True),
        ("yes", True),
        ("1", True),
        ("x", True),
        ("是", True),
        ("False", False),
        ("no", False),
    ],
)
def test_operator_is_a_word_of_spreadsheets(cell: str, operator: bool | None) -> None:
    assert only_row(f"ann@example.com,Ann,{cell},").operator is operator


@pytest.mark.parametrize("cell", ["apollo zeus", '"apollo, zeus"', "apollo;zeus", "apollo|zeus|apollo"])
def test_projects_are_separated_in_any_way(cell: str) -> None:
    assert only_row(f"ann@example.com,Ann,,{cell}").projects == ("apollo", "zeus")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("ann,Ann,,", "email: Must be an email address."),
        (",Ann,,", "email: "),
        (f"{'a' * 120}@example.com,Ann,,", "email: "),
        (f"ann@example.com,{'A' * 101},,", "name: "),
        ('ann@example.com,"A\nnn",,', "name: Must be one line"),
        ("ann@example.com,\u202eAnn,,", "name: Must be one line"),
        ("ann@example.com,Ann,maybe,", "operator: Must be true or false."),
        ("ann@example.com,Ann,,../apollo", "projects: Must be slugs"),
        (f"ann@example.com,Ann,,{'a' * 61}", "projects: Must be slugs"),
        (f"ann@example.com,Ann,,{' '.join(f'p{number}' for number in range(11))}", "projects: "),
        ("ann@example.com,Ann,,,more", "The line has more values than the first line names."),
    ],
)
def test_a_row_that_is_wrong_says_why(line: str, reason: str) -> None:
    row = only_row(line)
    assert (row.line, (row.error or "").startswith(reason)) == (2, True), row.error


def test_a_second_row_of_an_address_is_an_error() -> None:
    rows = read_employee_file("email,name\nann@example.com,Ann\nANN@example.com,Anna\n").rows
    assert [row.error for row in rows] == [None, "Line 2 has the same address."]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x", "no column “email”"),
        (" \n\n", "no column “email”"),
        ("email\nann@example.com\n", "no column “name”"),
        ("name\nAnn\n", "no column “email”"),
        ("email,name,E-Mail\n", "several columns “email”"),
        ('email,name\nann@example.com,"Ann\n', "Line 2 is no line"),
        ('email,name\nann@example.com,"Ann"n\n', "Line 2 is no line"),
        ("email,name\n" + "ann@example.com,Ann\n" * (MOST_ROWS + 1), "at most 1,000 rows"),
        ("email,name\n" + "x" * 200_000, "Line 2 is no line"),
    ],
)
def test_a_file_that_is_none_is_refused_as_a_whole(text: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        read_employee_file(text)


@pytest.mark.parametrize("name", ["=1+1", "+49", "-Ann", "@Ann", "=cmd|' /C calc'!A0", "'Ann", "'=1"])
def test_cells_that_a_spreadsheet_would_calculate_are_guarded(name: str) -> None:
    written = write_employee_file([Person("1", "+ann@example.com", name)], heading=True)
    cells = list(csv.reader(io.StringIO(written, newline="")))[1]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
    (row,) = read_employee_file(written).rows
    assert (row.email, row.name) == ("+ann@example.com", name)


@given(st.text(max_size=300) | st.lists(st.text(' ",;\n\r\tab@=')).map("".join).map("email,name\n{}".format))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        rows = read_employee_file(text).rows
    except Invalid:
        return
    assert all(row.error or "@" in row.email for row in rows)


NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp", "Zs", "Mn")), min_size=1, max_size=20)


@given(st.lists(NAMES, max_size=5))
def test_an_exported_file_is_imported_as_it_was(names: list[str]) -> None:
    people = [Person(str(number), f"p{number}@example.com", name) for number, name in enumerate(names)]
    rows = read_employee_file(write_employee_file(people, heading=True)).rows
    assert [(row.email, row.name, row.operator) for row in rows if row.error is None] == [
        (each.email, each.name, False) for each in people
    ]
