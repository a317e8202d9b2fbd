"""XMP sidecars: what others wrote stays, what photo programs look for is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from mmembed.errors import InvalidData
from mmembed.generate.outputs import xmp

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"

LIGHTROOM = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core 7.0">
 <!-- a comment -->
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/"
   xmlns:dc="http://purl.org/dc/elements/1.1/" xmp:Rating="4" crs:Exposure2012="+0.35">
   <dc:subject><rdf:Bag><rdf:li>Urlaub</rdf:li></rdf:Bag></dc:subject>
   %s
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
HUMAN = "<dc:description><rdf:Alt><rdf:li xml:lang='x-default'>Oma in Rom</rdf:li></rdf:Alt></dc:description>"


def sidecar(folder: Path, description: str = "") -> Path:
    path = folder / "a.jpg.xmp"
    path.write_text(LIGHTROOM % description, encoding="utf-8")
    return path


def entries(path: Path, name: str) -> list[tuple[str | None, str | None]]:
    """In the order of the file."""
    found = etree.parse(str(path)).getroot().find(f".//{name}/{RDF}Alt")
    return [(item.get(LANG), item.text) for item in found]


def test_a_new_sidecar(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg.xmp"
    assert xmp.read(path) == {xmp.DESCRIPTION: {}, xmp.ALT_TEXT: {}}
    xmp.write(path, {"de": "Ein Hund & <eine> Katze", "ar": "كلب"})
    for name in (xmp.DESCRIPTION, xmp.ALT_TEXT):
        assert entries(path, name) == [("x-default", "Ein Hund & <eine> Katze"), ("de", "Ein Hund & <eine> Katze"), ("ar", "كلب")]
    text = path.read_text(encoding="utf-8")
    assert "<Iptc4xmpCore:AltTextAccessibility" in text
    assert 'xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"' in text
    assert 'rdf:about=""' in text


def test_names() -> None:
    assert xmp.beside(Path("/p/a.jpg")) == Path("/p/a.jpg.xmp")
    assert xmp.instead(Path("/p/a.jpg")) == Path("/p/a.xmp")


def test_what_others_wrote_stays(tmp_path: Path) -> None:
    path = sidecar(tmp_path)
    before = etree.parse(str(path)).getroot().find(f".//{RDF}Description")
    xmp.write(path, {"en": "A dog."})
    after = etree.parse(str(path)).getroot().find(f".//{RDF}Description")
    assert dict(after.attrib) == dict(before.attrib)
    assert [item.text for item in after.iterfind(f".//{RDF}Bag/{RDF}li")] == ["Urlaub"]
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<?xpacket begin=") and text.rstrip().endswith('<?xpacket end="w"?>')
    assert "<!-- a comment -->" in text
    assert [file.name for file in tmp_path.iterdir()] == ["a.jpg.xmp"]


@pytest.mark.parametrize(
    "description",
    [
        HUMAN,
        "<dc:description>Oma in Rom</dc:description>",
        "<dc:description><rdf:Bag><rdf:li>Oma in Rom</rdf:li></rdf:Bag></dc:description>",
    ],
)
def test_a_persons_description_stays_the_default(tmp_path: Path, description: str) -> None:
    path = sidecar(tmp_path, description)
    xmp.write(path, {"en": "A dog."})
    assert entries(path, xmp.DESCRIPTION) == [("x-default", "Oma in Rom"), ("en", "A dog.")]
    assert entries(path, xmp.ALT_TEXT) == [("x-default", "A dog."), ("en", "A dog.")]


def test_a_description_written_as_an_attribute_counts(tmp_path: Path) -> None:
    path = sidecar(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace('xmp:Rating="4"', 'xmp:Rating="4" dc:description="Oma"'), encoding="utf-8")
    assert xmp.read(path)[xmp.DESCRIPTION] == {"x-default": "Oma"}
    xmp.write(path, {"en": "A dog."})
    assert entries(path, xmp.DESCRIPTION) == [("x-default", "Oma"), ("en", "A dog.")]


def test_a_language_that_is_there_is_replaced_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg.xmp"
    xmp.write(path, {"en": "One."})
    xmp.write(path, {"en": "Two.", "de": "Zwei."})
    assert entries(path, xmp.ALT_TEXT) == [("x-default", "One."), ("en", "One."), ("de", "Zwei.")]
    xmp.write(path, {"en": "Two."}, again=True)
    assert entries(path, xmp.ALT_TEXT) == [("x-default", "Two."), ("en", "Two."), ("de", "Zwei.")]


@pytest.mark.parametrize("content", ["", "<x:xmpmeta", "<html></html>", "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"])
def test_what_is_no_xmp_is_refused_and_left(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.jpg.xmp"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidData, match="left as it is"):
        xmp.write(path, {"en": "A dog."})
    assert path.read_text(encoding="utf-8") == content
