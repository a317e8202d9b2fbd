"""Captions in XMP sidecars, as photo programs read them, without touching whatever else a sidecar holds.

Written are `dc:description`, which photo programs show as the caption, and `Iptc4xmpCore:AltTextAccessibility`, the alternative
text for those who cannot see the picture (IPTC Photo Metadata Standard, since 2021.1). Both are language alternatives: one text a
language, and the first again as `x-default` (XMP specification part 1, section 8.2.2.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lxml import etree

from mmembed.errors import InvalidData
from mmembed.generate.outputs.journal import replace_file

_X, _RDF = "adobe:ns:meta/", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DC, _IPTC = "http://purl.org/dc/elements/1.1/", "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_DEFAULT = "x-default"
DESCRIPTION, ALT_TEXT = f"{{{_DC}}}description", f"{{{_IPTC}}}AltTextAccessibility"
_PREFIXES = {DESCRIPTION: {"dc": _DC}, ALT_TEXT: {"Iptc4xmpCore": _IPTC}}
_NEW = f"""<x:xmpmeta xmlns:x="{_X}" x:xmptk="mmembed">
 <rdf:RDF xmlns:rdf="{_RDF}">
  <rdf:Description rdf:about="" xmlns:dc="{_DC}" xmlns:Iptc4xmpCore="{_IPTC}"/>
 </rdf:RDF>
</x:xmpmeta>
"""


def beside(picture: Path) -> Path:
    """`photo.jpg.xmp`, as digiKam, darktable and Immich name it: a raw file and a JPEG of one shot have one each."""
    return picture.with_name(picture.name + ".xmp")


def instead(picture: Path) -> Path:
    """`photo.xmp`, as Adobe's programs name it, one for all files of the shot."""
    return picture.with_suffix(".xmp")


def read(sidecar: Path) -> dict[str, dict[str, str]]:
    """Texts by language of DESCRIPTION and of ALT_TEXT; empty ones if there is no file.

    Raises:
        InvalidData: the file is no XMP.
    """
    if not sidecar.exists():
        return {DESCRIPTION: {}, ALT_TEXT: {}}
    root = _parsed(sidecar)
    return {name: {language: item.text or "" for language, item in _items(_alternatives(root, name)).items()} for name in _PREFIXES}


def write(sidecar: Path, texts: Mapping[str, str], again: bool = False) -> None:
    """Put texts, language → text, into both properties of a sidecar, which is made if there is none.

    A text that is there already in a language stays, whoever wrote it, unless `again`. All else in the file stays in any case.

    Raises:
        InvalidData: the file is no XMP, or cannot be written.
    """
    root = _parsed(sidecar) if sidecar.exists() else etree.ElementTree(etree.fromstring(_NEW))
    for name in _PREFIXES:
        holder = _alternatives(root, name)
        if holder is None:
            holder = etree.SubElement(etree.SubElement(_description(root, sidecar), name, nsmap=_PREFIXES[name]), f"{{{_RDF}}}Alt")
        _merge(holder, texts, again)
    etree.indent(root, " ")
    replace_file(sidecar, etree.tostring(root, encoding="UTF-8", xml_declaration=sidecar.exists() and _has_declaration(sidecar)))


def _merge(holder: Any, texts: Mapping[str, str], again: bool) -> None:
    items = _items(holder)
    default = items.get(_DEFAULT)
    for language, text in texts.items():
        if language in items and not again:
            continue
        if language in items:
            if default is not None and default.text == items[language].text:
                default.text = text
            items[language].text = text
            continue
        items[language] = _added(holder, language, text)
    if default is None and texts:
        first = next(iter(texts))
        holder.insert(0, _added(holder, _DEFAULT, items[first].text))


def _added(holder: Any, language: str, text: str) -> Any:
    item = etree.SubElement(holder, f"{{{_RDF}}}li")
    item.set(_LANG, language)
    item.text = text
    return item


def _items(holder: Any) -> dict[str, Any]:
    """The entries of a language alternative by language; two codes that differ in case only are the same."""
    if holder is None:
        return {}
    return {(item.get(_LANG) or _DEFAULT).lower(): item for item in holder.findall(f"{{{_RDF}}}li")}


def _alternatives(root: Any, name: str) -> Any:
    """The `rdf:Alt` of a property, or None. One written as plain text or as an attribute, which is allowed, is made into one."""
    for description in root.iter(f"{{{_RDF}}}Description"):
        if (text := description.attrib.pop(name, None)) is not None:
            _added(etree.SubElement(etree.SubElement(description, name), f"{{{_RDF}}}Alt"), _DEFAULT, text)
        found = description.find(name)
        if found is None:
            continue
        holder = found.find(f"{{{_RDF}}}Alt")
        if holder is None:
            text, found.text = (found.text or "").strip(), None
            others = [item for kind in ("Bag", "Seq") for item in found.iterfind(f"{{{_RDF}}}{kind}/{{{_RDF}}}li")]
            for child in list(found):
                found.remove(child)
            holder = etree.SubElement(found, f"{{{_RDF}}}Alt")
            if text or others:
                _added(holder, _DEFAULT, text or others[0].text or "")
        return holder
    return None


def _description(root: Any, sidecar: Path) -> Any:
    found = next(root.iter(f"{{{_RDF}}}Description"), None)
    if found is None:
        frame = next(root.iter(f"{{{_RDF}}}RDF"), None)
        if frame is None:
            raise InvalidData(f"{sidecar} holds no RDF, so it is no XMP; it was left as it is.")
        found = etree.SubElement(frame, f"{{{_RDF}}}Description")
        found.set(f"{{{_RDF}}}about", "")
    return found


def _parsed(sidecar: Path) -> Any:
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_blank_text=False)
        return etree.parse(str(sidecar), parser)
    except (etree.XMLSyntaxError, OSError) as error:
        raise InvalidData(f"{sidecar} cannot be read as XMP ({error}); it was left as it is.") from error


def _has_declaration(sidecar: Path) -> bool:
    return sidecar.read_bytes()[:64].lstrip(b"\xef\xbb\xbf").startswith(b"<?xml ")
