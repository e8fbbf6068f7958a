"""Tables in other encodings than UTF-8: as told, or guessed and said."""

from __future__ import annotations

import re

import pytest

from twofold.errors import FileFormatError, SpecificationError
from twofold.tables.reading import read_table

TEXTS = {
    "cp1252": "name,city\nJosé,Málaga\nZoë,Köln\nFrançois,Nîmes\n“Ana”,Łódź\n".replace("Łódź", "Évora"),
    "latin-1": "a,b\n1,é\n2,è\n",
    "gb18030": "姓名,城市\n张伟,北京\n王芳,上海\n李娜,深圳\n",
    "big5": "姓名,城市\n張偉,臺北\n王芳,上海\n李娜,高雄\n",
    "shift_jis": "名前,都市\n田中さくら,東京\n山田タロウ,大阪\n",
    "euc_jp": "名前,都市\n田中さくら,東京\n山田タロウ,大阪\n",
    "euc_kr": "이름,도시\n김철수,서울\n박영희,부산\n",
    "cp1251": "имя,город\nИван,Москва\nОльга,Казань\n",
}
WIDE = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"]


def read(tmp_path, content: bytes, **how):
    said: list[str] = []
    (tmp_path / "t.csv").write_bytes(content)
    return read_table(tmp_path / "t.csv", say=said.append, **how).to_pylist(), said


@pytest.mark.parametrize("encoding", TEXTS)
def test_an_encoding_is_guessed_and_the_guess_is_said(tmp_path, encoding):
    expected, nothing = read(tmp_path, TEXTS[encoding].encode())
    assert nothing == []
    rows, (said,) = read(tmp_path, TEXTS[encoding].encode(encoding))
    assert rows == expected
    assert re.fullmatch(r"t.csv is not UTF-8; read as \w+, by a guess from its bytes: if wrong, --encoding NAME", said)
    assert read(tmp_path, TEXTS[encoding].encode(encoding), encoding=encoding) == (expected, [])


@pytest.mark.parametrize("encoding", WIDE)
@pytest.mark.parametrize("text", ["a,b\n1,é\n", TEXTS["gb18030"]], ids=["latin", "chinese"])
def test_marks_and_nulls_tell_the_encoding_for_certain(tmp_path, encoding, text):
    expected, _ = read(tmp_path, text.encode())
    assert read(tmp_path, text.encode(encoding)) == (expected, [])
    assert read(tmp_path, text.encode(encoding), encoding=encoding) == (expected, [])


def test_a_guess_can_be_overruled(tmp_path):
    rows, (said,) = read(tmp_path, "jméno,město\nŘehoř,Plzeň\n".encode("cp1250"))
    assert "cp1252" in said
    assert rows != [{"jméno": "Řehoř", "město": "Plzeň"}]
    told, _ = read(tmp_path, "jméno,město\nŘehoř,Plzeň\n".encode("cp1250"), encoding="cp1250")
    assert told == [{"jméno": "Řehoř", "město": "Plzeň"}]


def test_letters_beyond_ascii_far_into_a_file_are_read_too(tmp_path):
    lines = "a,b\n" + "1,plain\n" * 200_000 + "2,Köln\n"
    rows, said = read(tmp_path, lines.encode("cp1252"))
    assert rows[-1] == {"a": 2, "b": "Köln"}
    assert len(said) == 1


def test_names_of_columns_are_read_in_the_encoding_too(tmp_path):
    assert read(tmp_path, "größe\n1\n".encode("cp1252"))[0] == [{"größe": 1}]


@pytest.mark.parametrize(
    ("content", "how", "error", "message"),
    [
        (b"a\n\xe9\n", {"encoding": "utf-8"}, FileFormatError, "t.csv, byte 2: it can't be read as utf-8; name another"),
        (b"a\n1\n", {"encoding": "utf8x"}, SpecificationError, "unknown encoding 'utf8x'; expected a name such as utf-8"),
        (b"a\n1\n", {"encoding": "rot13"}, SpecificationError, "unknown encoding 'rot13'"),
        (b"a\n" + "ü\n".encode() * 9 + b"\xe9\n", {}, FileFormatError, "most of it is UTF-8, but not all; mend it"),
        (b"\x89PNG\0\0\0", {}, FileFormatError, "it holds bytes that no text has; expected CSV, TSV or Parquet"),
        (b"PAR1", {"encoding": "utf-8"}, SpecificationError, "t.csv is Parquet, which tells its encoding; leave out"),
    ],
)  # fmt: skip
def test_what_can_not_be_read_is_refused_in_a_line(tmp_path, content, how, error, message):
    with pytest.raises(error, match=re.escape(message)):
        read(tmp_path, content, **how)
