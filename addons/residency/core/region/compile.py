"""Catalogue files → entries in a matcher, with every fault at its place."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from residency.core.document import Document, Path, fit
from residency.core.faults import Faults
from residency.core.places import Jurisdictions, Places
from residency.core.region.cases import Answer, Case, join
from residency.core.region.catalogue import CaseModel, CatalogueFile, EntryModel, ReadModel
from residency.core.region.conditions import condition
from residency.core.region.destination import Evidence
from residency.core.region.entry import Entry
from residency.core.region.matcher import Matcher
from residency.core.region.pattern import PathPattern, PatternError, Template, names, shape
from residency.core.region.reading import Read, steps
from residency.core.region.says import sayings
from residency.core.region.tables import Table, spread


@dataclass(frozen=True, slots=True)
class Context:
    """What an entry is compiled with."""

    document: Document
    file: CatalogueFile
    provider: str
    table: Table
    named: Jurisdictions
    faults: Faults

    def fault(self, path: Path, message: str, mend: str = "") -> None:
        self.faults.add(self.document.fault(path, message, mend))


def compile_all(
    documents: Sequence[Document],
    tables: Mapping[str, Table],
    named: Jurisdictions,
    faults: Faults,
) -> tuple[Matcher, tuple[Entry, ...]]:
    """A matcher over every entry of *documents*, and the entries in file order."""
    matcher, entries, ids = Matcher(), [], set[str]()
    for document in documents:
        file = fit(document, CatalogueFile, faults)
        if file is None:
            continue
        context = Context(document, file, "", Table(), named, faults)
        _expressions(context)
        for i, model in enumerate(file.entries):
            path: Path = ("entries", i)
            if model.id in ids:
                context.fault((*path, "id"), "is another entry's id", "choose another")
            ids.add(model.id)
            there = _whose(context, model, tables, path)
            entry = _entry(there, model, path)
            entries.append(entry)
            for j, host in enumerate(model.hosts):
                try:
                    matcher.add(host, entry, there.table, model.partitions)
                except PatternError as e:
                    context.fault((*path, "hosts", j), str(e))
    return matcher, tuple(entries)


def _whose(
    context: Context, model: EntryModel, tables: Mapping[str, Table], path: Path
) -> Context:
    """*context* with the entry's provider, and the table whose codes the entry's are."""
    provider = model.provider or context.file.provider
    if provider is None:
        context.fault(path, "has no provider, and the file none for all", "add provider")
    if model.table is not None and model.table not in tables:
        context.fault((*path, "table"), "is no provider of rules/places")
    table = tables.get(model.table or provider or "", Table())
    return replace(context, provider=provider or "?", table=table)


def _entry(context: Context, model: EntryModel, path: Path) -> Entry:
    shapes = {
        name: _shapes(context, texts, (*path, "shapes", name))
        for name, texts in model.shapes.items()
    }
    shaped = {
        name: tuple(dict.fromkeys(p for s in patterns for p in s.groupindex if p != name))
        for name, patterns in shapes.items()
    }
    path_names = tuple(dict.fromkeys(n for text in model.paths for n in names(text)))
    known = {n for text in model.hosts for n in names(text)} | set(path_names) | set(model.read)
    known |= {n for group in shaped.values() for n in group}
    for name in model.shapes.keys() - known:
        context.fault((*path, "shapes", name), "is no position of this entry")
    cases, used = _cases(context, model.where, (*path, "where"), known)
    also, added = _cases(context, model.also, (*path, "also"), known)
    used |= added
    kinds = dict.fromkeys(path_names, "path") | {n: _kind(r) for n, r in model.read.items()}
    used |= {name for name, parts in shaped.items() if used & set(parts)}
    return Entry(
        id=model.id,
        provider=context.provider,
        service=_template(context, model.service, (*path, "service"), known),
        function=_template(context, model.function, (*path, "function"), known),
        paths=_paths(context, model.paths, (*path, "paths")),
        path_names=path_names,
        positions=frozenset(known),
        reads=tuple(_read(context, n, r, (*path, "read", n)) for n, r in model.read.items()),
        shapes=shapes,
        shaped=shaped,
        cases=cases,
        also=also,
        deploys=_deploys(context, model),
        says=sayings(model.says, context.table, context.document, (*path, "says"), context.faults),
        evidence=(
            Evidence("catalogue", model.id, model.source),
            *(Evidence(kinds[n], n, model.id) for n in sorted(used) if n in kinds),
        ),
        source=model.source,
        as_of=model.as_of or context.file.as_of,
        confidence=model.confidence or context.file.confidence,
    )


def _expressions(context: Context) -> None:
    for name, text in context.file.made_of.items():
        try:
            good = re.compile(text).groups == 0
        except re.error:
            good = False
        if not good:
            context.fault(
                ("made_of", name), "is no regular expression without groups", "write (?:…)"
            )


def _kind(model: ReadModel) -> str:
    return "body" if model.body is not None else "header" if model.header is not None else "query"


def _read(context: Context, position: str, model: ReadModel, path: Path) -> Read:
    if model.body is None:
        header = model.header.lower() if model.header is not None else None
        return Read(position, "query" if header is None else "header", header or model.query or "")
    try:
        return Read(position, "body", steps=steps(model.body), take=model.take)
    except PatternError as e:
        context.fault((*path, "body"), str(e))
        return Read(position, "body")


def _paths(context: Context, texts: list[str], path: Path) -> tuple[PathPattern, ...]:
    found = []
    for i, text in enumerate(texts):
        try:
            found.append(PathPattern.parse(text))
        except PatternError as e:
            context.fault((*path, i), str(e))
    return tuple(found)


def _shapes(context: Context, texts: str | list[str], path: Path) -> tuple[re.Pattern[str], ...]:
    if isinstance(texts, str):
        if texts not in context.file.shapes:
            context.fault(path, "is not under the file's shapes")
        texts = context.file.shapes.get(texts, [])
    found = []
    for text in texts:
        try:
            found.append(shape(text, context.file.made_of))
        except PatternError as e:
            context.fault(path, str(e))
    return tuple(found)


def _template(context: Context, text: str, path: Path, known: set[str]) -> Template:
    for name in names(text):
        if name not in known:
            context.fault(path, f"{{{name}}} is no position of this entry")
    try:
        return Template.parse(text)
    except PatternError as e:
        context.fault(path, str(e))
        return Template()


def _cases(
    context: Context, listed: str | list[str | CaseModel], path: Path, known: set[str]
) -> tuple[tuple[Case, ...], set[str]]:
    """The cases, and the positions that they depend on."""
    cases: list[Case] = []
    for i, where in enumerate([listed] if isinstance(listed, str) else listed):
        here: Path = path if isinstance(listed, str) else (*path, i)
        if not isinstance(where, str):
            cases.append(_case(context, where, here))
            continue
        if where not in context.file.cases:
            context.fault(here, "is not under the file's cases")
        shared = enumerate(context.file.cases.get(where, []))
        cases += [_case(context, case, ("cases", where, j)) for j, case in shared]
    used = {case.by for case in cases if case.by}
    for case in cases:
        for test in (*case.when, *case.unless):
            used |= {test.position, *test.same}
    for name in sorted(used - known):
        context.fault(path, f"{name} is no position of this entry")
    return tuple(cases), used


def _deploys(context: Context, model: EntryModel) -> bool:
    """Whether a pin needs a deployment type, as the region alone does not say where it runs."""
    listed = [model.where] if isinstance(model.where, str) else model.where
    shared = [c for w in listed if isinstance(w, str) for c in context.file.cases.get(w, [])]
    own = [c for c in listed if not isinstance(c, str)]
    return any(case.pin == "deployment" for case in (*own, *shared))


def _case(context: Context, model: CaseModel, path: Path) -> Case:
    when, unless = (
        tuple(
            condition(name, test, context.document, (*path, key, name), context.faults)
            for name, test in tests.items()
        )
        for key, tests in (("when", model.when), ("unless", model.unless))
    )
    if model.regions is not None:
        return _regions(context, Case(when, unless), model.regions, (*path, "regions"))
    if model.jurisdiction is not None:
        if model.jurisdiction not in context.named.members:
            context.fault((*path, "jurisdiction"), "is not in rules/places/jurisdictions.yaml")
        places = Places(context.named.members.get(model.jurisdiction, frozenset()))
        return Case(when, unless, Answer(places, note=model.note))
    if model.places is not None:
        places = spread(model.places, context.document, (*path, "places"), context.faults)
        return Case(when, unless, Answer(places, pin=bool(model.pin), note=model.note))
    return Case(when, unless, Answer(conflict=model.conflict or "conflict"))


def _regions(context: Context, case: Case, listed: list[str], path: Path) -> Case:
    codes = context.table.means("")
    fixed, positions = [], []
    for i, text in enumerate(listed):
        if text[:1] == "{":
            positions.append(text[1:-1])
        elif text in codes:
            fixed.append(codes[text])
        else:
            context.fault((*path, i), f"is no region of {context.provider}")
    if len(positions) > 1:
        context.fault(path, "has more than one {position}", "keep one")
    if not positions:
        return Case(case.when, case.unless, join(fixed) if fixed else Answer())
    answers = {
        code: join([*fixed, answer]) for code, answer in context.table.means(positions[0]).items()
    }
    return Case(case.when, case.unless, by=positions[0], answers=answers)
