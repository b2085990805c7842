"""Speech made by a program: eSpeak NG speaks, libsndfile (through the extra `voices`) makes small MP3 of it."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

from survey.errors.common import SpeechMissing

PROGRAM = "espeak-ng"
WORDS_A_MINUTE = 160
SMALLNESS = 0.97  # of 1: about 13 kbit/s on average, consonants up to 6 kHz
ONES = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")


def speech_maker() -> tuple[str, Callable[[str, str], bytes]]:
    """The name of the program with its version, and what makes an MP3 from words in a language."""
    program = shutil.which(PROGRAM)
    if program is None:
        raise SpeechMissing(PROGRAM)
    try:
        import soundfile  # an extra: no server needs it
    except ImportError as error:
        raise SpeechMissing("soundfile") from error
    told = _run([program, "--version"]).decode()
    name = re.search(r"text-to-speech: ([\w.]+)", told)
    return f"eSpeak NG {name[1] if name else '?'}", lambda words, lang: _mp3(soundfile, _spoken(program, words, lang))


def _spoken(program: str, words: str, lang: str) -> bytes:
    """A WAV file of the words."""
    try:
        return _run([program, "-v", lang, "-s", str(WORDS_A_MINUTE), "--stdout", "--", readable(words, lang)])
    except subprocess.CalledProcessError as error:
        raise SpeechMissing(f"{PROGRAM} -v {lang}") from error


def _run(command: list[str]) -> bytes:
    return subprocess.run(command, check=True, capture_output=True).stdout  # noqa: S603 - our own command


def _mp3(soundfile: Any, wav: bytes) -> bytes:
    samples, rate = soundfile.read(io.BytesIO(wav), dtype="float32")
    made = io.BytesIO()
    with soundfile.SoundFile(
        made, "w", rate, 1, format="MP3", compression_level=SMALLNESS, bitrate_mode="AVERAGE"
    ) as file:
        file.write(samples)
    return made.getvalue()


def readable(words: str, lang: str) -> str:
    """The words as the program says them best: ranges as ranges, Vietnamese numbers spelled, slashes as a breath."""
    words = re.sub(r"(\d)\s*[-–]\s*(\d)", r"\1 đến \2" if lang == "vi" else r"\1 to \2", words)
    words = re.sub(r"(?<=\w)/(?=\w)", " " if lang == "vi" else " or ", words).replace(" - ", ", ")
    return re.sub(r"\b\d{1,2}\b", lambda found: vietnamese(int(found[0])), words) if lang == "vi" else words


def vietnamese(number: int) -> str:
    """A number below 100 in Vietnamese words."""
    tens, ones = divmod(number, 10)
    if tens == 0:
        return ONES[ones]
    last = {0: "", 5: " lăm", 1: " mốt" if tens > 1 else " một"}.get(ones, f" {ONES[ones]}")
    return (f"{ONES[tens]} mươi" if tens > 1 else "mười") + last
