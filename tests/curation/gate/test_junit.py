"""What CI servers read: well-formed, counted right, and harmless whatever a release says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.gate.junit import junit_xml, write_junit
from curation.gate.verdict import Check, Verdict, compare, skipped

HOSTILE = "]]></failure><x a='\"&amp;\x00\x1b[31m\ufffe\ud800\u202egnp"

CHECKS = (
    compare("data.integrity", "data", "files not as in the manifest", 0, "==", 0),
    compare("data.labels", "data", "share", 0.31, "<=", 0.05, language="heb_Hebr", detail="עברית שאינה עברית"),
    compare("data.labels", "data", "share", 0.01, "<=", 0.05, language="amh_Ethi"),
    compare("data.leaks", "data", "share", float("nan"), "<=", 0.01, detail=HOSTILE),
    compare("mechanism.loss", "mechanism", "loss", 1.5, "<", 5.0),
    compare("signal.gain", "signal", "gain over TF-IDF", -0.1, ">", 0, severity="warn"),
    skipped("signal.baseline", "signal", "the baseline has no verdict"),
    Check("signal.training", "signal", "error", detail="ArithmeticError: the ruler is bent"),
)
VERDICT = Verdict({"name": "messages", "version": "1.0.0", "manifest_sha256": "0" * 64}, "", {}, 3, CHECKS, {}, ())

# The attributes that the schema of Jenkins' xUnit plugin has for each element; and which it wants.
ALLOWED = {
    "testsuites": {"name", "time", "tests", "failures", "errors", "disabled", "skipped"},
    "testsuite": {"name", "time", "tests", "failures", "errors", "skipped", "timestamp", "hostname", "id", "package"},
    "testcase": {"name", "classname", "time", "status", "group"},
    "properties": set(),
    "property": {"name", "value"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"type", "message"},
    "system-out": set(),
}
WANTED = {"testsuite": {"name", "tests", "failures", "errors"}, "testcase": {"name", "classname"}}
INSIDE = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase"},
    "testcase": {"properties", "skipped", "error", "failure", "system-out"},
    "properties": {"property"},
}


def parsed(verdict: Any) -> ElementTree.Element:
    root = ElementTree.fromstring(junit_xml(verdict).encode())
    for element in root.iter():
        assert set(element.attrib) <= ALLOWED[element.tag], element.tag
        assert set(element.attrib) >= WANTED.get(element.tag, set()), element.tag
        assert {child.tag for child in element} <= INSIDE.get(element.tag, set())
    for part in [root, *root.iter("testsuite")]:
        cases = list(part.iter("testcase"))
        assert int(part.attrib["tests"]) == len(cases)
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(part.attrib[name]) == sum(case.find(tag) is not None for case in cases)
    return root


def test_a_suite_for_each_kind_and_a_case_for_each_check() -> None:
    root = parsed(VERDICT.to_json())
    assert [suite.attrib["name"] for suite in root] == ["gate.data", "gate.mechanism", "gate.signal"]
    cases = [case.attrib["name"] for case in root.iter("testcase")]
    assert cases[:3] == ["data.integrity", "data.labels [heb_Hebr]", "data.labels [amh_Ethi]"]
    assert len(cases) == len(set(cases)) == len(CHECKS)
    numbers = {name: root.attrib[name] for name in ("tests", "failures", "errors", "skipped")}
    assert numbers == {"tests": "8", "failures": "2", "errors": "1", "skipped": "1"}


def test_what_each_case_says() -> None:
    cases = {case.attrib["name"]: case for case in parsed(VERDICT.to_json()).iter("testcase")}
    failure = cases["data.labels [heb_Hebr]"].find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "share: 0.31, must be <= 0.05; עברית שאינה עברית"
    assert failure.text == "עברית שאינה עברית"
    error = cases["signal.training"].find("error")
    assert error is not None
    assert error.attrib["message"] == "ArithmeticError: the ruler is bent"
    left_out = cases["signal.baseline"].find("skipped")
    assert left_out is not None
    assert left_out.attrib["message"] == "the baseline has no verdict"
    assert cases["signal.gain"].findtext("system-out") == "warning: gain over TF-IDF: -0.1, must be > 0.0"
    properties = {each.attrib["name"]: each.attrib["value"] for each in cases["mechanism.loss"].iter("property")}
    assert properties == {"metric": "loss", "value": "1.5", "op": "<", "threshold": "5.0", "severity": "block"}


def test_hostile_text_stays_text() -> None:
    text = junit_xml(VERDICT.to_json())
    assert not [char for char in text if char < " " and char not in "\n"]
    assert "\u202e" not in text
    cases = {case.attrib["name"]: case for case in parsed(VERDICT.to_json()).iter("testcase")}
    failure = cases["data.leaks"].find("failure")
    assert failure is not None
    assert failure.attrib["message"].startswith("share: no number, must be <= 0.01; ]]></failure><x a='\"&amp;\ufffd")


@given(st.text(st.characters(exclude_categories=())), st.sampled_from(["pass", "fail", "error", "skipped", "odd"]))
def test_any_text_gives_xml_that_can_be_read(text: str, status: str) -> None:
    check = dict.fromkeys(("id", "kind", "language", "metric", "op", "detail", "severity"), text)
    root = parsed({"release": {"name": text}, "checks": [check | {"status": status, "value": 1, "threshold": 2}]})
    assert Counter(element.tag for element in root.iter())["testcase"] == 1


@pytest.mark.parametrize("verdict", [{}, {"checks": None}, {"checks": [{}]}, {"schema": "gate-verdict/9", "new": [1]}])
def test_missing_and_unknown_fields_do_no_harm(verdict: dict[str, Any]) -> None:
    root = parsed(verdict)
    # A check without a status is no pass.
    assert root.attrib["errors"] == str(len(verdict.get("checks") or []))


def test_later_fields_are_shown() -> None:
    check = {"id": "data.x", "kind": "data", "status": "pass", "false_alarms": "0 of 20 clean runs", "else": {}}
    properties = [each.attrib for each in parsed({"checks": [check]}).iter("property")]
    assert {"name": "false_alarms", "value": "0 of 20 clean runs"} in properties


def test_the_file_is_the_text(tmp_path: Path) -> None:
    write_junit(VERDICT.to_json(), tmp_path / "junit.xml")
    assert (tmp_path / "junit.xml").read_text(encoding="utf-8") == junit_xml(VERDICT.to_json())
