"""The description of a data file for archives: DDI Codebook 2.5, in Vietnamese and English."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from xml.etree import ElementTree as ET

from survey.codebook import NAMES, Variable, heads, variables
from survey.datafile import Words
from survey.instrument import Instrument

SPACE = "ddi:codebook:2_5"
LANGUAGES = ("vi", "en")


@dataclass(frozen=True)
class Study:
    """What an archive asks of a wave beside its questionnaire."""

    code: str
    audience: str
    period: tuple[date, date]
    collected: tuple[date, date]
    cases: int


def describe(study: Study, instrument: Instrument) -> bytes:
    """The XML of a wave's answers: what was asked, of whom, when, and how each variable is coded."""
    root = ET.Element("codeBook", {"xmlns": SPACE, "version": "2.5", "xml:lang": "vi"})
    part = ET.SubElement(root, "stdyDscr")
    title = ET.SubElement(ET.SubElement(part, "citation"), "titlStmt")
    _say(title, "titl", instrument.title, first="titl", second="parTitl")
    ET.SubElement(title, "IDNo").text = study.code
    summary = ET.SubElement(ET.SubElement(part, "stdyInfo"), "sumDscr")
    for tag, days in (("timePrd", study.period), ("collDate", study.collected)):
        for event, day in zip(("start", "end"), days, strict=True):
            ET.SubElement(summary, tag, {"event": event, "date": day.isoformat()})
    ET.SubElement(summary, "anlyUnit").text = study.audience
    kind = ET.SubElement(ET.SubElement(root, "fileDscr"), "fileTxt")
    ET.SubElement(ET.SubElement(kind, "dimensns"), "caseQnty").text = str(study.cases)
    data = ET.SubElement(root, "dataDscr")
    for name, words in heads(instrument).items():
        var = ET.SubElement(data, "var", {"ID": f"v_{name}", "name": name})
        _say(var, "labl", words)
        ET.SubElement(var, "varFormat", {"type": "character" if name in NAMES else "numeric"})
    for one in variables(instrument):
        _variable(data, one)
    ET.indent(root, " ")
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _variable(data: ET.Element, one: Variable) -> None:
    var = ET.SubElement(data, "var", {"ID": f"v_{one.name}", "name": one.name})
    _say(var, "labl", one.label)
    question = ET.SubElement(var, "qstn")
    _say(question, "qstnLit", one.label)
    for number, words in one.values:
        category = ET.SubElement(var, "catgry", {"missing": "Y"} if number < 0 else {})
        ET.SubElement(category, "catValu").text = str(number)
        _say(category, "labl", words)
    ET.SubElement(var, "varFormat", {"type": "numeric"})


def _say(parent: ET.Element, name: str, words: Words, *, first: str = "", second: str = "") -> None:
    for language, tag in zip(LANGUAGES, (first or name, second or name), strict=True):
        ET.SubElement(parent, tag, {"xml:lang": language}).text = words(language)
