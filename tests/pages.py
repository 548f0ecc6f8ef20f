"""Reads a page of the board as strictly as nobody else does: balanced, of known elements only, and without a script."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

__all__ = ["Element", "read_page"]

VOID = {"col", "input"}
EVERYWHERE = {"class", "title", "role"}
SHAPE = {"x", "y", "width", "height", "rx"}
ALLOWED: dict[str, set[str]] = {
    **{
        tag: set()
        for tag in ["div", "style", "ul", "li", "span", "b", "code", "p", "h2", "h3", "bdi", "dl", "dt", "dd"]
    },
    **{tag: set() for tag in ["table", "colgroup", "thead", "tbody", "tr", "td", "label", "form", "title", "desc"]},
    "a": {"href", "target", "rel"},
    "col": {"style"},
    "th": {"scope", "aria-sort"},
    "input": {"name", "value", "placeholder"},
    "select": {"name"},
    "option": {"value", "selected"},
    "cwdb-action": {"action", "display", "endpoint", "confirmation"},
    "svg": {"xmlns", "viewbox", "width", "preserveaspectratio"},
    "g": {"transform"},
    "rect": SHAPE,
    "line": {"x1", "x2", "y1", "y2"},
    "circle": {"cx", "cy", "r"},
    "path": {"d"},
    "text": {"x", "y", "text-anchor"},
}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    children: list["Element | str"] = field(default_factory=list)

    def all(self, tag: str, kind: str = "") -> list["Element"]:
        """Those below it with this tag, and with this class if one is given."""
        return [
            each for each in self._below() if each.tag == tag and (not kind or kind in (each["class"] or "").split())
        ]

    def _below(self) -> Iterator["Element"]:
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child._below()

    @property
    def text(self) -> str:
        """What can be read there, on one line; without the titles and what is not shown."""
        said = [
            child if isinstance(child, str) else child.text
            for child in self.children
            if isinstance(child, str) or child.tag not in ("style", "title", "desc", "cwdb-action")
        ]
        return " ".join(" ".join(said).split())

    def __getitem__(self, name: str) -> str | None:
        return self.attributes.get(name)

    def next_to(self, other: "Element") -> "Element | str | None":
        """What stands right behind another one, whose parent this is somewhere above."""
        for each in [self, *self._below()]:
            for before, after in zip(each.children, each.children[1:], strict=False):
                if before is other:
                    return after
        return None

    def bare(self) -> list[Any]:
        """To be compared: without blanks between elements, and without the style sheet."""
        children = [
            child.bare() if isinstance(child, Element) else " ".join(child.split())
            for child in self.children
            if isinstance(child, Element) or child.strip()
        ]
        return [self.tag, dict(sorted(self.attributes.items())), [] if self.tag == "style" else children]

    def shape(self) -> list[Any]:
        """Elements and names of attributes, without what they say."""
        return [
            self.tag,
            sorted(self.attributes),
            [child.shape() for child in self.children if isinstance(child, Element)],
        ]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("page", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._begin(tag, attrs)
        if tag not in VOID:
            self.open.append(self.open[-1].children[-1])  # type: ignore[arg-type]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._begin(tag, attrs)

    def _begin(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED, f"<{tag}> is not allowed"
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        assert set(names) <= ALLOWED[tag] | EVERYWHERE, f"<{tag}> has {set(names) - ALLOWED[tag] - EVERYWHERE}"
        element = Element(tag, dict(attrs))
        if tag == "a" and "href" in names:
            assert re.match(r"https://[a-z0-9.-]+\.console\.(aws\.amazon\.com|amazonaws)", element["href"] or "")
        if tag == "col":
            assert re.fullmatch(r"width:\d{1,2}%", element["style"] or "")
        self.open[-1].children.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> ends <{self.open[-1].tag}>"
        ended = self.open.pop()
        if tag == "cwdb-action":
            assert isinstance(json.loads("".join(map(str, ended.children))), dict)

    def handle_data(self, data: str) -> None:
        if data:
            self.open[-1].children.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"a declaration: {decl}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"an instruction: {data}")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"a declaration: {data}")


def read_page(html: str) -> Element:
    """Raises AssertionError for whatever a page may not have."""
    html.encode()  # Nothing in it that could not be sent.
    assert "\x00" not in html
    reader = _Reader()
    reader.feed(html)
    reader.close()
    (root,) = reader.open
    return root
