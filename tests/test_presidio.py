"""The real presidio-analyzer behind ``detect: [presidio:…]``, in an environment of its own (slow: pip gets it once).

No spaCy model is on PyPI, so what needs one (PERSON, LOCATION, NRP, …) cannot be tried here. Presidio's own patterns,
checksums and context words need no model: a pipeline that cuts words is enough.
"""

import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
HOME = ROOT / ".cache" / "presidio"

pytestmark = pytest.mark.slow

#: Answers each (entity, text) on standard input with the spans in it, and whether anything asked for the network.
PROGRAM = r"""
import json, logging, socket, sys
import spacy
from spacy.language import Language
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import SpacyNlpEngine
from residency.core.mask.detect import presidio

asked = []
def refused(*of, **_more):
    asked.append(str(of[:1]))
    raise OSError("no network here")
socket.getaddrinfo = socket.socket.connect = refused
logging.disable()

@Language.component("words")
def words(doc):
    for token in doc:
        token.lemma_ = token.lower_
    return doc

class Words(SpacyNlpEngine):
    def load(self):
        self.nlp = {"en": spacy.blank("en")}
        self.nlp["en"].add_pipe("words")

def load(language):
    presidio.stay_local()
    engine = Words(models=[{"lang_code": language, "model_name": "none"}])
    return AnalyzerEngine(nlp_engine=engine, supported_languages=[language])

analyzer = load("en")
found = [
    [text[a:b] for a, b in presidio.presidio(entity, lambda _: analyzer).spans(text)]
    for entity, text in json.load(sys.stdin)
]
try:
    presidio.presidio("PERSON")
    refusal = ""
except ValueError as e:
    refusal = str(e)
print(json.dumps({"found": found, "asked": asked, "refusal": refusal}))
"""
CASES = [
    ("EMAIL_ADDRESS", "write to bob@example.co.uk, or bob@nowhere.invalid", ["bob@example.co.uk"]),
    ("CREDIT_CARD", "4111 1111 1111 1111 and 4111 1111 1111 1112", ["4111 1111 1111 1111"]),
    ("IBAN_CODE", "DE89370400440532013000, DE89370400440532013001", ["DE89370400440532013000"]),
    ("CRYPTO", "pay 16Yeky6GMjeNkAiNcBY7ZhrLoMSgg1BoyZ now", ["16Yeky6GMjeNkAiNcBY7ZhrLoMSgg1BoyZ"]),
    ("MEDICAL_LICENSE", "the DEA certificate is BB1388568", ["BB1388568"]),
    ("US_ITIN", "ITIN 911-70-1234", ["911-70-1234"]),
    ("IP_ADDRESS", "from 192.168.0.1", ["192.168.0.1"]),
    ("US_DRIVER_LICENSE", "my driver license is H12234567", ["H12234567"]),
    ("US_DRIVER_LICENSE", "the order is H12234567", []),
    ("EMAIL_ADDRESS", "nothing of the kind", []),
]  # fmt: skip


def python() -> Path:
    """An interpreter that has presidio-analyzer."""
    found = HOME / "bin" / "python"
    if not (HOME / "ready").exists():
        venv.create(HOME, clear=True, with_pip=True)
        subprocess.run(
            [found, "-m", "pip", "install", "--quiet", "presidio-analyzer>=2.2.360,<3"],
            check=True, capture_output=True,
        )  # fmt: skip
        (HOME / "ready").touch()
    return found


@pytest.fixture(scope="module")
def answer() -> dict[str, Any]:
    done = subprocess.run(
        [python(), "-c", PROGRAM], input=json.dumps([case[:2] for case in CASES]),
        env={"PYTHONPATH": str(ROOT / "addons"), "HOME": str(HOME)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def test_what_presidio_finds_by_itself_our_detector_finds(
    answer: dict[str, Any],
) -> None:
    """With check digits, and with the words around: a licence's number is one only where a licence is spoken of."""
    assert answer["found"] == [wanted for *_, wanted in CASES]


def test_presidio_asks_nobody_anything(answer: dict[str, Any]) -> None:
    """Its e-mail recognizer would fetch the public suffix list, at the first address that it sees."""
    assert answer["asked"] == []


def test_a_model_that_is_not_there_is_not_fetched(answer: dict[str, Any]) -> None:
    assert "python -m spacy download en_core_web_lg" in answer["refusal"]


def test_without_presidio_its_detectors_are_a_fault() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from residency.core.mask.detect import presidio; presidio.presidio('PERSON')"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert "is not installed" in done.stderr
