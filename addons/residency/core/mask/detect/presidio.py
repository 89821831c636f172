"""Detectors by Microsoft Presidio, the optional extra ``presidio``: names and places as a language model sees them.

Presidio knows what it sees by statistics, and its time is its own: neither is bounded or exact as the other detectors
are. The spaCy model has to be installed beside it. Presidio would download one that is missing, at the first call and
unasked; here that is refused.
"""

import functools
import importlib
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

#: Below this Presidio itself is rather unsure.
SCORE = 0.5
#: By language: the spaCy model that is asked for.
MODELS = {
    "en": "en_core_web_lg",
    "de": "de_core_news_lg",
    "es": "es_core_news_lg",
    "fr": "fr_core_news_lg",
    "it": "it_core_news_lg",
    "nl": "nl_core_news_lg",
    "pl": "pl_core_news_lg",
    "pt": "pt_core_news_lg",
}


class Result(Protocol):
    """One finding of Presidio's."""

    start: int
    end: int


class Analyzer(Protocol):
    """The part of ``presidio_analyzer.AnalyzerEngine`` (2.2) that is used."""

    def analyze(
        self, text: str, language: str, entities: list[str], *, score_threshold: float
    ) -> Sequence[Result]: ...

    def get_supported_entities(self, language: str) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Presidio:
    """What Presidio recognizes as one kind of entity, such as PERSON, in texts of one language."""

    entity: str
    language: str
    analyzer: Analyzer = field(repr=False, compare=False)
    whole: bool = True

    @property
    def spec(self) -> str:
        return f"presidio:{self.entity}:{self.language}"

    @property
    def kind(self) -> str:
        return self.entity.lower()

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        found = self.analyzer.analyze(text, self.language, [self.entity], score_threshold=SCORE)
        last = 0
        # Of overlapping findings the first and longest stands; what it leaves of another is still another's.
        for one in sorted(found, key=lambda r: (r.start, -r.end)):
            start = max(one.start, last)
            if start < one.end:
                yield start, one.end
                last = one.end


def presidio(argument: str, load: Callable[[str], Analyzer] | None = None) -> Presidio:
    """The detector of ``presidio:ENTITY[:LANGUAGE]``, with its model loaded: seconds, once for each language.

    Raises:
        ValueError: Presidio or its model is not installed, or it knows no such entity.
    """
    entity, _, language = argument.partition(":")
    analyzer = (load or _load)(language or "en")
    known = sorted(analyzer.get_supported_entities(language or "en"))
    if entity not in known:
        raise ValueError(
            f"Presidio recognizes no {entity!a} here; write one of {', '.join(known)}"
        )
    return Presidio(entity, language or "en", analyzer)


def stay_local() -> None:
    """Keep Presidio's e-mail recognizer from fetching the public suffix list, and from writing it to the disk.

    tldextract 5.4, which it asks, carries a copy, and takes it where it is told of no address to fetch another from.
    """
    tldextract: Any = importlib.import_module("tldextract.tldextract")
    tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())


@functools.cache
def _load(language: str) -> Analyzer:
    if language not in MODELS:
        raise ValueError(
            f"no model for the language {language!a}; write one of {', '.join(MODELS)}"
        )
    if not importlib.util.find_spec("presidio_analyzer"):
        raise ValueError("Presidio is not installed; pip install 'mitmproxy-residency[presidio]'")
    model = MODELS[language]
    if not importlib.util.find_spec(model):
        raise ValueError(f"the model {model} is not installed; python -m spacy download {model}")
    stay_local()
    analyzers = importlib.import_module("presidio_analyzer")
    engines = importlib.import_module("presidio_analyzer.nlp_engine")
    models = [{"lang_code": language, "model_name": model}]
    engine = engines.NlpEngineProvider(
        nlp_configuration={"nlp_engine_name": "spacy", "models": models}
    ).create_engine()
    made = analyzers.AnalyzerEngine(nlp_engine=engine, supported_languages=[language])
    return cast("Analyzer", made)
