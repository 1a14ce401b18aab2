"""`stemmix nulltest`: printed parts add up to their master, or it says NO."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import soundfile

from stemmix.cli import main
from stemmix.errors import ProjectError, StemError
from stemmix.files.documents import canonical, read_document
from stemmix.model.receipt import Receipt
from stemmix.nulltest import nulltest
from tests.material import (
    RATE_HZ,
    clicks,
    edited,
    noise,
    read_audio,
    rendered,
    scene,
    voice,
    write_audio,
    write_project,
)

Said = pytest.CaptureFixture[str]

SECONDS = 16
HITS_S = (4.0, 10.0)
STEMS = [
    {"name": "stems", "kind": "stems"},
    {"name": "dme", "kind": "stems", "by": "group"},
    {"name": "float", "kind": "stems", "format": "wavfloat"},
    {"name": "sixteen", "kind": "stems", "format": "flac16"},
]


def busy(folder: Path, *deliverables: dict[str, Any], **fields: Any) -> Path:
    """A voice over a bed, and hits that drive the limiter; gives the project's path."""
    frames = SECONDS * RATE_HZ
    sounds = {"dx": voice(frames, ((1.0, 3.0), (6.5, 9.0))), "mx": noise(frames, rms=0.05)}
    sounds["fx"] = 3.0 * clicks(frames, HITS_S)
    for name, sound in sounds.items():
        write_audio(folder / f"{name}.wav", sound, subtype="FLOAT")
    roles = {"dx": "dialogue", "mx": "music", "fx": "fx"}
    stems = [{"id": name.upper(), "role": role, "file": f"{name}.wav"} for name, role in roles.items()]
    mix = {"name": "mix", "target_lufs": -17.0, "max_limiting_db": 24.0}
    return write_project(folder / "p.json", stems, deliverables=[mix, *deliverables], **fields)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The receipt of a render with a busy limiter: for tests that only look."""
    folder = tmp_path_factory.mktemp("null")
    receipt = rendered(busy(folder, *STEMS))
    limiting = receipt.files[0].limiting
    assert limiting is not None
    assert limiting.max_reduction_db > 2.0
    assert len(limiting.spans) >= len(HITS_S)
    return folder / "out" / "p.receipt.json"


def copied(receipt: Path, folder: Path) -> Path:
    shutil.copytree(receipt.parent, folder / "out")
    return folder / "out" / receipt.name


def test_every_set_of_parts_adds_up_away_from_the_limiters_spans(played: Path) -> None:
    result = nulltest(played)
    assert result.passed
    assert [null.deliverable for null in result.nulls] == ["stems", "dme", "float", "sixteen"]
    assert [len(null.parts) for null in result.nulls] == [3, 3, 3, 3]
    files = {file.path: file for file in read_document(played, Receipt).files}
    assert files["p_stems_FX.wav"].format == "wavfloat", "the hits are over full scale: not everything is dithered"
    for null, step in zip(result.nulls, (2**-23, 2**-23, 2**-23, 2**-15), strict=True):
        dithered = sum(files[path].format != "wavfloat" for path in (null.parent, *null.parts))
        limit_dbfs = max(20 * math.log10(0.6 * step * math.sqrt(dithered)), -140.0)
        assert null.limit_dbfs == pytest.approx(limit_dbfs, abs=0.01)
    for null in result.nulls:
        assert null.parent == "p_mix.wav"
        assert 0.2 < null.judged_share < 0.95
        assert null.limit_dbfs - 5.0 < null.residual_dbfs <= null.limit_dbfs, "dither is there, and nothing else"


def test_the_command_says_yes_and_ends_with_0(played: Path, capsys: Said) -> None:
    assert main(["nulltest", str(played)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count(" yes\n") == 4
    assert "NO" not in out
    assert main(["nulltest", str(played), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["schema"], told["passed"], told["receipt"]) == ("stemmix.nulltest/1", True, "p.receipt.json")


def test_a_part_that_is_off_by_a_hundredth_of_a_decibel_is_found_out(
    played: Path, tmp_path: Path, capsys: Said
) -> None:
    receipt = copied(played, tmp_path)
    path = receipt.parent / "p_stems_MX.wav"
    soundfile.write(path, read_audio(path) * 10 ** (0.01 / 20), RATE_HZ, subtype="PCM_24")
    assert main(["nulltest", str(receipt)]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert (out.count(" NO\n"), out.count(" yes\n")) == (1, 3)
    assert [null.deliverable for null in nulltest(receipt).nulls if not null.passed] == ["stems"]


def test_a_click_that_no_mean_over_the_whole_would_show_is_found_out(played: Path, tmp_path: Path) -> None:
    receipt = copied(played, tmp_path)
    path = receipt.parent / "p_stems_MX.wav"
    samples = read_audio(path)
    samples[len(samples) // 2, 0] += 40 * 2**-23
    soundfile.write(path, samples, RATE_HZ, subtype="PCM_24")
    (null,) = (null for null in nulltest(receipt).nulls if not null.passed)
    assert null.deliverable == "stems"
    assert null.residual_dbfs <= null.limit_dbfs
    assert null.peak_dbfs > null.peak_limit_dbfs


def test_a_file_at_another_rate_is_not_the_one_that_was_written(played: Path, tmp_path: Path) -> None:
    receipt = copied(played, tmp_path)
    path = receipt.parent / "p_stems_MX.wav"
    soundfile.write(path, read_audio(path), 44_100, subtype="PCM_24")
    with pytest.raises(StemError, match=r"p_stems_MX\.wav: is sampled at 44100 Hz, not at the 48000 Hz of the receipt"):
        nulltest(receipt)


def test_a_part_that_is_late_by_a_sample_is_found_out(played: Path, tmp_path: Path) -> None:
    receipt = copied(played, tmp_path)
    path = receipt.parent / "p_dme_D.wav"
    samples = read_audio(path)
    samples[1:] = samples[:-1].copy()
    soundfile.write(path, samples, RATE_HZ, subtype="PCM_24")
    assert [null.deliverable for null in nulltest(receipt).nulls if not null.passed] == ["dme"]


def test_what_the_limiter_did_would_be_found_out_if_it_were_not_listed(played: Path, tmp_path: Path) -> None:
    receipt = copied(played, tmp_path)
    document = read_document(receipt, Receipt)
    master, *parts = document.files
    assert master.limiting is not None
    hidden = master.model_copy(update={"limiting": master.limiting.model_copy(update={"spans": ()})})
    receipt.write_text(canonical(document.model_copy(update={"files": (hidden, *parts)})))
    result = nulltest(receipt)
    assert not result.passed
    assert {null.judged_share for null in result.nulls} == {1.0}
    everywhere = master.limiting.model_copy(update={"spans": ((0, master.frames),)})
    hidden = master.model_copy(update={"limiting": everywhere})
    receipt.write_text(canonical(document.model_copy(update={"files": (hidden, *parts)})))
    assert not nulltest(receipt).passed, "where nothing was judged, nothing is proved"


def test_where_the_limiter_acted_everywhere_nothing_is_said_to_be_left(tmp_path: Path, capsys: Said) -> None:
    """There is nothing that could be judged: not shown to add up, and not shown to be off."""
    loud = noise(3 * RATE_HZ, rms=0.1)
    write_audio(tmp_path / "mx.wav", loud)
    stems = [{"id": "MX", "role": "music", "file": "mx.wav"}]
    mix = {"name": "mix", "target_lufs": -6.0, "max_limiting_db": 24.0}
    rendered(write_project(tmp_path / "p.json", stems, deliverables=[mix, {"name": "stems", "kind": "stems"}]))
    receipt = tmp_path / "out" / "p.receipt.json"
    (null,) = nulltest(receipt).nulls
    assert (null.judged_share, null.residual_dbfs, null.peak_dbfs, null.passed) == (0.0, None, None, False)
    assert main(["nulltest", str(receipt)]) == 1
    (row,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("p_mix.wav"))
    assert row.split()[3:] == ["0.0%", "-", "-140.0", "-", f"{null.peak_limit_dbfs:.1f}", "unknown"]


def test_without_a_limiter_all_is_judged_and_float_nulls_to_its_rounding(tmp_path: Path) -> None:
    mix = {"name": "mix", "target_lufs": -30.0, "format": "wavfloat"}
    rendered(scene(tmp_path, deliverables=[mix, {"name": "stems", "kind": "stems", "format": "wavfloat"}]))
    (null,) = nulltest(tmp_path / "out" / "scene.receipt.json").nulls
    assert (null.judged_share, null.limit_dbfs) == (1.0, -140.0)
    assert null.residual_dbfs <= -140.0


def test_split_files_and_film_order_are_put_together_as_their_labels_say(tmp_path: Path) -> None:
    """Master in film order, stems in WAVE order, groups as mono files."""
    deliverables = [
        {"name": "mix", "layout": "5.1", "target_lufs": -30.0, "order": "film"},
        {"name": "stems", "kind": "stems"},
        {"name": "dme", "kind": "stems", "by": "group", "split": True},
    ]
    rendered(scene(tmp_path, deliverables=deliverables))
    result = nulltest(tmp_path / "out" / "scene.receipt.json")
    assert [null.passed for null in result.nulls] == [True, True]
    swapped = tmp_path / "out" / "scene_dme_D.C.wav"
    shutil.copy(tmp_path / "out" / "scene_dme_D.LFE.wav", swapped)
    assert [null.passed for null in nulltest(tmp_path / "out" / "scene.receipt.json").nulls] == [True, False]


def test_lossy_parts_are_left_out_and_alone_are_refused(tmp_path: Path) -> None:
    lossy = {"name": "mp3s", "kind": "stems", "format": "mp3"}
    project = scene(tmp_path, deliverables=[{"name": "mix"}, {"name": "stems", "kind": "stems"}, lossy])
    rendered(project)
    receipt = tmp_path / "out" / "scene.receipt.json"
    assert [null.deliverable for null in nulltest(receipt).nulls] == ["stems"]
    rendered(edited(project, lambda document: document["deliverables"].pop(1)))
    with pytest.raises(ProjectError, match=r"lists no printed stems that could add up to a master: they are lossy$"):
        nulltest(receipt)


def test_a_receipt_without_parts_is_refused_with_3(tmp_path: Path, capsys: Said) -> None:
    rendered(scene(tmp_path, deliverables=[{"name": "mix"}]))
    receipt = tmp_path / "out" / "scene.receipt.json"
    for path, said in (
        (receipt, "lists no printed stems that could add up to a master\n"),
        (tmp_path / "scene.json", "expected a stemmix.receipt"),
        (tmp_path / "none.json", "there is no such file"),
    ):
        assert main(["nulltest", str(path)]) == 3
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert said in err


@pytest.mark.parametrize("name", ["p_mix.wav", "p_stems_DX.wav"])
def test_a_file_that_is_not_there_ends_with_4(played: Path, tmp_path: Path, name: str, capsys: Said) -> None:
    receipt = copied(played, tmp_path)
    (receipt.parent / name).unlink()
    assert main(["nulltest", str(receipt)]) == 4
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"stemmix: error: {receipt.parent / name}: does not exist\n")


def test_a_file_of_another_length_or_width_is_not_the_one_that_was_written(played: Path, tmp_path: Path) -> None:
    receipt = copied(played, tmp_path)
    path = receipt.parent / "p_stems_FX.wav"
    samples = read_audio(path)
    soundfile.write(path, samples[:-1], RATE_HZ, subtype="PCM_24")
    with pytest.raises(StemError, match=r"p_stems_FX\.wav: is 767999 samples long, not the 768000 of the receipt"):
        nulltest(receipt)
    soundfile.write(path, samples[:, :1], RATE_HZ, subtype="PCM_24")
    with pytest.raises(StemError, match=r"p_stems_FX\.wav: has 1 channels"):
        nulltest(receipt)
