"""What keeps the layers apart: imports go down only, scripts are tiny, and every module has its tests."""

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ADDONS = ROOT / "addons"
PACKAGE = ADDONS / "residency"
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if p.name != "__init__.py")
SCRIPTS = sorted(ADDONS.glob("*.py"))

#: What is impure: the outside world, the clock, chance.
IMPURE = {
    "asyncio", "cryptography.hazmat.backends", "http", "io", "logging", "mitmproxy", "multiprocessing", "os", "pathlib", "random",
    "secrets", "shutil", "signal", "socket", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "tornado", "urllib.request",
}  # fmt: skip
#: Module → why no test names it.
UNNAMED: dict[str, str] = {
    "residency.core.identity.authorities": "a part of book and certificate; test_identity_certificate",
    "residency.core.identity.caller": "a value that the package hands on; test_identity_token and test_flowstate",
    "residency.core.identity.claims": "a part of token; test_identity_token",
    "residency.core.identity.signature": "a part of token; test_identity_token, test_identity_threats",
    "residency.core.identity.url": "a part of book and keys; test_identity_book, test_identity_discovery",
    "residency.core.identity.leaf": "a part of certificate; test_identity_certificate",
    "residency.core.saml.assertion": "a part of verify; test_saml_verify",
    "residency.core.saml.signature": "a part of verify; test_saml_verify",
    "residency.core.mask.detect.numbers": "a part of spec; test_mask_detect",
    "residency.core.mask.batch": "a part of compose; test_mask_formats",
    "residency.core.mask.formats.events": "a format; test_mask_formats",
    "residency.core.mask.formats.form": "a format; test_mask_formats, test_formats_readers",
    "residency.core.mask.formats.lines": "a format; test_mask_formats",
    "residency.core.mask.formats.media": "a part of formats; test_mask_formats",
    "residency.core.mask.formats.message": "a format; test_mask_protobuf",
    "residency.core.mask.formats.multipart": "a format; test_mask_formats, test_formats_readers",
    "residency.core.mask.formats.names": "a part of form, multipart and places; test_mask_formats, test_mask_places",
    "residency.core.mask.formats.percent": "a part of form and places; test_mask_formats, test_mask_places",
    "residency.core.mask.formats.wire": "a part of message; test_mask_protobuf",
    "residency.core.mask.find": "a part of engine; test_mask_engine, test_mask_job",
    "residency.core.mask.grammar": "a part of path; test_mask_path, test_mask_rfc9535",
    "residency.core.mask.cutter": "a part of frames; test_mask_stream",
    "residency.core.mask.lexemes": "a part of restore; test_mask_restore",
    "residency.core.mask.members": "a part of stream and restore; test_mask_stream",
    "residency.core.mask.pack": "a part of coding; test_mask_coding",
    "residency.core.mask.rounding": "a part of method; test_mask_method",
    "residency.core.mask.segments": "a part of path; test_mask_path, test_mask_rfc9535",
    "residency.core.mask.shape": "a part of swift; test_mask_swift",
    "residency.core.mask.course": "a part of swift; test_mask_swift",
    "residency.core.mask.edit": "a part of swift; test_mask_swift",
    "residency.core.mask.runs": "a part of swift; test_mask_swift",
    "residency.core.mask.spots": "a part of places; test_mask_places",
    "residency.core.mask.tokens": "a part of path; test_mask_path, test_mask_rfc9535",
    "residency.core.mask.tree": "values that path makes and walk reads; test_mask_path, test_mask_rfc9535",
    "residency.core.mask.unpack": "a part of coding; test_mask_coding",
    "residency.core.region.compile": "a part of atlas; test_region_format",
    "residency.core.region.entry": "a part of atlas; test_region_locate",
    "residency.core.region.matcher": "a part of atlas; test_region_locate",
}
#: Module → why it may import beside its layer.
ACROSS = {
    (
        "residency.cli.whoami",
        "residency.proxy.keys",
    ): "keys are fetched as the gateway fetches them",
    ("residency.cli.proof", "residency.proxy.keys"): "issuers are asked as the gateway asks them",
    ("residency.cli.proof", "residency.proxy.exchange"): "the same",
    ("residency.cli.proof", "residency.proxy.callers"): "the same",
}
LAYERS = {"errors": 0, "core": 1, "files": 2, "feeds": 2, "aws": 2, "proxy": 3, "cli": 3}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ADDONS).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it; ``from a import b`` gives ``a`` and ``a.b``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield str(node.module)
            yield from (f"{node.module}.{a.name}" for a in node.names)


def layer(module: str) -> int:
    parts = module.split(".")
    return LAYERS.get(parts[1], -1) if len(parts) > 1 else -1


@pytest.mark.parametrize("path", sorted((PACKAGE / "core").rglob("*.py")), ids=name_of)
def test_the_core_knows_nothing_of_the_outside(path: Path) -> None:
    assert {
        i for i in imports(path) if any(i == x or i.startswith(f"{x}.") for x in IMPURE)
    } == set()


@pytest.mark.parametrize("path", sorted((PACKAGE / "core").rglob("*.py")), ids=name_of)
def test_the_core_asks_neither_clock_nor_files_nor_environment(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = {ast.unparse(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}

    assert calls.isdisjoint(
        {
            "open",
            "print",
            "input",
            "datetime.datetime.now",
            "datetime.date.today",
            "date.today",
            "datetime.now",
        }
    )


@pytest.mark.parametrize("path", [p for p in PACKAGE.rglob("*.py") if p.parent != PACKAGE or p.stem in LAYERS], ids=name_of)  # fmt: skip
def test_imports_only_go_down(path: Path) -> None:
    here = layer(name_of(path))
    across = tuple(name for module, name in ACROSS if module == name_of(path))
    ours = [
        i
        for i in imports(path)
        if i.startswith("residency.") and not (across and i.startswith(across))
    ]

    assert [i for i in ours if layer(i) > here] == []
    assert [
        i for i in ours if layer(i) == here and i.split(".")[1] != name_of(path).split(".")[1]
    ] == [], "proxy and cli know nothing of each other"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.stem)
def test_a_script_is_tiny_and_names_the_addons(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))

    assert len(path.read_text(encoding="utf-8").splitlines()) <= 6
    assert [type(n).__name__ for n in tree.body] == ["Expr", "ImportFrom", "Assign"]
    assert all(i.startswith("residency.") for i in imports(path))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.stem)
def test_a_scripts_name_hides_no_other_module(path: Path) -> None:
    """mitmproxy 12.2.3 keeps a script's folder on ``sys.path`` for good."""
    installed = set(packages_distributions()) - {"residency"}

    assert path.stem not in set(sys.stdlib_module_names) | installed


def untested() -> set[str]:
    """Modules of core and proxy that no test imports and that no test file is called after."""
    files = [p for p in (ROOT / "tests").rglob("*.py") if p != Path(__file__)]
    named = {i for p in files for i in imports(p)}
    called = {f"{p.parent.name}_{p.stem.removeprefix('test_')}" for p in files}
    names = {name_of(p) for p in MODULES if layer(name_of(p)) in (LAYERS["core"], LAYERS["proxy"])}
    own = {n for n in names if n.removeprefix("residency.").replace(".", "_") in called}
    return {n for n in names - own - named if not n.startswith("residency.cli.")}


def test_every_module_has_its_tests_or_a_reason() -> None:
    assert untested() - UNNAMED.keys() == set()


def test_no_exemption_is_kept_longer_than_needed() -> None:
    assert UNNAMED.keys() - untested() == set()
    for module, name in ACROSS:
        assert name in set(imports(ADDONS / (module.replace(".", "/") + ".py")))
