"""`files.ogg`: a stream whose last page is not whole, or not sound, has lost its end, although the page is marked."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stemmix.errors import StemError
from stemmix.files.audio import inspect
from stemmix.files.ogg import missing_end, next_stream
from tests.reference.ogg_pages import pages


def an_ogg(codec: str) -> bytes:
    file = BytesIO()
    samples = 0.1 * np.random.default_rng(7).standard_normal((30_000, 2))
    soundfile.write(file, samples, 48_000, format="OGG", subtype=codec)
    return file.getvalue()


def missing(content: bytes) -> str | None:
    return missing_end(BytesIO(content), len(content))


@pytest.mark.parametrize("codec", ["VORBIS", "OPUS"])
def test_what_is_lost_of_the_last_page_is_told_and_what_stands_behind_it_is_no_matter(codec: str) -> None:
    whole = an_ogg(codec)
    *_, last = pages(whole)
    assert missing(whole) is missing(whole + bytes(1000)) is None
    for lost in (1, 100, len(last) - 27):
        assert missing(whole[:-lost]) == "its last page is cut off"
    for lost in (len(last) - 26, len(last), len(whole)):
        assert missing(whole[:-lost]) == "its last page is missing"
    assert missing(whole[:-1] + bytes([whole[-1] ^ 1])) == "its last page is damaged"


def test_a_stem_that_has_lost_its_last_page_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "dx.ogg"
    path.write_bytes(an_ogg("VORBIS")[:-1])
    with pytest.raises(StemError, match=r"dx\.ogg: ends early \(its last page is cut off; \d+ frames are there\)"):
        inspect(path)


@pytest.mark.parametrize("codec", ["VORBIS", "OPUS"])
def test_that_another_stream_follows_the_first_is_said_and_its_end_is_asked_for(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "dx.ogg"
    first, second = an_ogg(codec), an_ogg(codec)
    path.write_bytes(first + bytes(1000))
    assert inspect(path).warnings == ()
    path.write_bytes(first + second)
    said = f"{path}: goes on past its end: another stream begins at byte {len(first)}; what follows is left out"
    assert inspect(path).warnings == (said,)
    path.write_bytes(first + second[:-1])
    with pytest.raises(StemError, match=r"dx\.ogg: ends early \(its last page is cut off"):
        inspect(path)


def test_streams_side_by_side_do_not_follow_one_another() -> None:
    first, second = pages(an_ogg("VORBIS")), pages(an_ogg("OPUS"))
    assert next_stream(BytesIO(b"".join([first[0], second[0], *first[1:], *second[1:]]))) is None
