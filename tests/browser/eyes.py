"""What a page looks like, as a browser has computed it: contrasts, and what does not fit."""

from typing import Any

from tests.browser.chromium import Tab

__all__ = ["faint", "sticking_out", "texts"]

CONTRASTS = r"""
(() => {
  const read = colour => {
    const parts = (colour || '').match(/^rgba?\(([^)]*)\)$/);
    if (!parts) return null;
    const [r, g, b, a = 1] = parts[1].split(/[\s,/]+/).map(Number);
    return {r, g, b, a};
  };
  const over = (front, back) => ({
    r: front.r * front.a + back.r * (1 - front.a),
    g: front.g * front.a + back.g * (1 - front.a),
    b: front.b * front.a + back.b * (1 - front.a),
    a: 1,
  });
  const light = ({r, g, b}) => {
    const [x, y, z] = [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const canvas = read(getComputedStyle(document.documentElement).backgroundColor);
  const scheme = matchMedia('(prefers-color-scheme: dark)').matches ? {r: 18, g: 18, b: 18, a: 1}
    : {r: 255, g: 255, b: 255, a: 1};
  const isShape = it => it instanceof SVGGeometryElement;
  const behind = (x, y) => {
    const stack = document.elementsFromPoint(x, y);
    const layers = [];
    for (const each of stack) {
      if (each instanceof SVGTextContentElement) continue;
      const style = getComputedStyle(each);
      const colour = isShape(each) ? read(style.fill) : read(style.backgroundColor);
      if (!colour || colour.a === 0) continue;
      layers.push(colour);
      if (colour.a === 1) break;
    }
    let back = canvas && canvas.a ? canvas : scheme;
    for (const layer of layers.reverse()) back = over(layer, back);
    return back;
  };
  const seen = [], unseen = ['STYLE', 'TITLE', 'DESC', 'OPTION'];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, element = node.parentElement;
    if (!node.textContent.trim() || unseen.includes(element.tagName.toUpperCase())) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = [...range.getClientRects()].find(r => r.width > 0 && r.height > 0);
    const style = getComputedStyle(element);
    if (!box || style.visibility !== 'visible') continue;
    const svg = element instanceof SVGElement;
    const colour = read(svg ? style.fill : style.color);
    if (!colour) continue;
    const back = behind(box.x + box.width / 2, box.y + box.height / 2);
    const front = over(colour, back);
    const [low, high] = [light(front), light(back)].sort((one, other) => one - other);
    const size = parseFloat(style.fontSize), bold = Number(style.fontWeight) >= 700;
    seen.push({text: node.textContent.trim().slice(0, 60), contrast: (high + 0.05) / (low + 0.05),
      large: size >= 24 || (bold && size >= 18.66)});
  }
  return seen;
})()
"""
STICKING_OUT = r"""
(() => {
  const width = document.documentElement.clientWidth;
  const out = [...document.body.querySelectorAll('*')].filter(each => {
    const box = each.getBoundingClientRect();
    return box.width > 0 && (box.right > width + 1 || box.left < -1);
  });
  const named = each => `${each.tagName}.${each.getAttribute('class')}: ${each.textContent.slice(0, 40)}`;
  return {page: document.scrollingElement.scrollWidth - width, which: out.slice(0, 10).map(named)};
})()
"""
AA, AA_OF_LARGE = 4.5, 3
"""WCAG 2.2, success criterion 1.4.3."""


def texts(tab: Tab) -> list[dict[str, Any]]:
    """All that can be read, each with its contrast with what is behind it. The whole page has to be in view."""
    tab.resize(1280, tab.evaluate("document.scrollingElement.scrollHeight") + 50)
    read: list[dict[str, Any]] = tab.evaluate(CONTRASTS)
    return read


def faint(tab: Tab) -> list[str]:
    """Texts that some people cannot read."""
    return [
        f"{each['text']}: {each['contrast']:.2f}"
        for each in texts(tab)
        if each["contrast"] < (AA_OF_LARGE if each["large"] else AA)
    ]


def sticking_out(tab: Tab) -> list[str]:
    """What is not within the page's width: that for which somebody would have to scroll to the side."""
    found: dict[str, Any] = tab.evaluate(STICKING_OUT)
    return [f"the page, by {found['page']} px"] * (found["page"] > 0) + found["which"]
