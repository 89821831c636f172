"""A folder of feeds holds what was imported, or is refused."""

import datetime
import json
from pathlib import Path

import pytest

from residency import feeds
from residency.core.address import read
from residency.core.region.feeds import Origin
from residency.errors import ConfigurationError
from tests.feeds import aws, google, mmdb

NOW = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)
COUNTRIES = {
    "3.5.0.0/16": {"country": {"iso_code": "DE"}, "registered_country": {"iso_code": "US"}},
    "9.0.0.0/8": {"country_code": "US"},
    "11.0.0.0/8": {"registered_country": {"iso_code": "US"}},
    "12.0.0.0/8": {"country": {"iso_code": ["x"]}},
    "13.0.0.0/8": {"country": {"names": {"en": "x"}}},
}


def put(folder: Path, *files: bytes) -> feeds.Manifest:
    given = {Path(f"/x/file-{i}"): (data, feeds.parse(data, "f")) for i, data in enumerate(files)}
    return feeds.write(folder, given, NOW)


def find(feed: feeds.Known, address: str) -> tuple[Origin, ...]:
    ip = read(address)
    assert ip
    return feed.find(ip)


def test_what_was_written_is_what_is_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "feeds"
    put(folder, aws(("3.5.0.0/16", "eu-central-1")), mmdb(COUNTRIES))
    found = feeds.load(folder)

    assert [f.name for f in found.feeds] == ["aws", "mmdb"]
    assert find(found.feeds[0], "3.5.1.1") == (Origin("aws", "eu-central-1"),)
    assert len(found.digest) == 64


def test_a_line_names_source_date_and_digest(tmp_path: Path) -> None:
    line = put(tmp_path, aws(("3.5.0.0/16", "eu-central-1"))).feeds["aws"]

    assert (line.source, line.published, line.imported, line.ranges) == ("file-0", "2026-11-20-10-00-00", NOW, 1)  # fmt: skip
    assert line.file == f"aws-{line.sha256[:12]}.json"


def test_a_new_file_takes_the_place_of_the_old_one_and_leaves_the_others(tmp_path: Path) -> None:
    put(tmp_path, aws(("3.5.0.0/16", "eu-central-1")), google(("34.80.0.0/15", "asia-east1")))
    before = feeds.load(tmp_path)
    put(tmp_path, aws(("3.5.0.0/16", "us-east-1")))
    after = feeds.load(tmp_path)

    assert find(after.feeds[0], "3.5.1.1") == (Origin("aws", "us-east-1"),)
    assert after.digest != before.digest
    assert len(list(tmp_path.iterdir())) == 3


def test_the_same_file_again_stays(tmp_path: Path) -> None:
    for _ in range(2):
        put(tmp_path, aws(("3.5.0.0/16", "eu-central-1")))

    assert feeds.load(tmp_path).digest


def test_what_the_manifest_does_not_name_is_not_read(tmp_path: Path) -> None:
    put(tmp_path, aws(("3.5.0.0/16", "eu-central-1")))
    (tmp_path / "google-000000000000.json").write_bytes(google(("34.80.0.0/15", "asia-east1")))

    assert [f.name for f in feeds.load(tmp_path).feeds] == ["aws"]


def test_a_folder_that_is_broken_off_while_writing_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, aws(("3.5.0.0/16", "eu-central-1")))
    replace = Path.replace

    def fail(self: Path, target: Path) -> Path:
        if target.name == feeds.MANIFEST:
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        put(tmp_path, aws(("3.5.0.0/16", "us-east-1")))
    monkeypatch.undo()

    assert find(feeds.load(tmp_path).feeds[0], "3.5.1.1") == (Origin("aws", "eu-central-1"),)
    assert not list(tmp_path.glob(".*"))


def test_a_file_that_was_changed_or_lost_is_refused_with_every_fault(tmp_path: Path) -> None:
    made = put(
        tmp_path, aws(("3.5.0.0/16", "eu-central-1")), google(("34.80.0.0/15", "asia-east1"))
    )
    (tmp_path / made.feeds["aws"].file).write_bytes(aws(("3.5.0.0/16", "us-east-1")))
    (tmp_path / made.feeds["google"].file).unlink()
    with pytest.raises(ConfigurationError) as e:
        feeds.load(tmp_path)

    assert "is not the file that was imported" in str(e.value)
    assert "cannot be read" in str(e.value)


def test_a_feed_under_another_ones_name_is_refused(tmp_path: Path) -> None:
    made = put(tmp_path, aws(("3.5.0.0/16", "eu-central-1")))
    text = json.loads((tmp_path / feeds.MANIFEST).read_text())
    text["feeds"] = {"google": text["feeds"]["aws"]}
    (tmp_path / feeds.MANIFEST).write_text(json.dumps(text))

    assert made.feeds
    with pytest.raises(ConfigurationError, match="is no google"):
        feeds.load(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2}', '{"feeds": {"aws": {"file": "../../etc/passwd"}}}', '{"more": 1}'])  # fmt: skip
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / feeds.MANIFEST).write_text(text)
    with pytest.raises(ConfigurationError, match="manifest"):
        feeds.load(tmp_path)


def test_a_folder_without_feeds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has no feeds"):
        feeds.load(tmp_path / "none")


# Geolocation


@pytest.mark.parametrize(
    ("address", "country"),
    [("3.5.1.1", "DE"), ("9.1.1.1", "US"), ("11.1.1.1", ""), ("12.1.1.1", ""), ("13.1.1.1", ""), ("8.8.8.8", ""), ("2606:4700::1", "")],
)  # fmt: skip
def test_the_country_of_an_address_and_never_that_of_its_registration(
    address: str, country: str
) -> None:
    feed = feeds.parse(mmdb(COUNTRIES), "f")

    assert find(feed, address) == ((Origin(country=country),) if country else ())


def test_a_database_without_countries_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="without countries"):
        feeds.parse(mmdb(COUNTRIES, kind="GeoLite2-ASN".replace("Lite", "")), "f")


@pytest.mark.parametrize("at", [0, 5, 40, 200, -60, -30, -1])
def test_a_broken_database_is_refused_or_says_nothing(at: int) -> None:
    data = bytearray(mmdb(COUNTRIES))
    data[at] ^= 0xFF
    try:
        feed = feeds.parse(bytes(data), "f")
    except ConfigurationError:
        return
    for address in ("3.5.1.1", "9.1.1.1", "255.255.255.255", "::1"):
        find(feed, address)


def test_a_marker_alone_is_no_database() -> None:
    with pytest.raises(ConfigurationError, match="MMDB"):
        feeds.parse(b"\xab\xcd\xefMaxMind.com", "f")
