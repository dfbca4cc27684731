"""Texts as attacks, and a reader of pages that sees what could act in one."""

import base64
import hashlib
import re
from html.parser import HTMLParser

from autoreward.core.visible import hidden

PAYLOADS = (
    '"><script>PWN</script>',
    "' onmouseover='PWN' x='",
    "<img src=http://127.0.0.1:9/PWN onerror=PWN>",
    "</style></title></textarea></script><svg/onload=PWN>",
    "--><iframe srcdoc=PWN></iframe><base href=//PWN>",
    "{{ 7*7 }}PWN{% raw %}",
    "\x1b]8;;http://127.0.0.1:9\x07PWN\x1b]8;;\x07\x1b[2J\x9b31m\x00",
    "[red]x[/red] [link=http://127.0.0.1:9]PWN[/link]",
    "\u202ePWN\u2066\u200b\U000e0041\ufe0f\u00ad\u2028\u2029\u061c",
    "../../../PWN",
    "x\r\nPWN\nimport os",
)
_OURS = re.compile(r"var\(|url\(data:image/webp;base64,[A-Za-z0-9+/=]*\)")
"""What styles in attributes may call: a color of the page, and a picture that it holds."""
OWN_TAGS = {("charset",), ("http-equiv", "content"), ("name", "content")}
"""Attributes of the tags about a page that are its own."""


class Watcher(HTMLParser):
    """Finds what could act in a page; links may lead into it, and below `base`, if one is given."""

    def __init__(self, base: str = "") -> None:
        super().__init__()
        self._own = ("#", "data:image/webp;base64,", *([base] if base else []))
        self.acting: list[str] = []
        self.scripts: list[str] = []
        self.policies: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        given = {name: value or "" for name, value in attrs}
        if tag == "script":
            self.scripts.append("")
            self.acting += [f"script {given}"] if given else []
        if tag == "meta" and given.get("http-equiv") == "Content-Security-Policy":
            self.policies.append(given["content"])
        if tag in ("iframe", "object", "embed", "base", "link", "form", "foreignobject", "use", "animate", "set"):
            self.acting.append(tag)
        if tag == "meta" and tuple(given) not in OWN_TAGS:
            self.acting.append(f"meta {given}")
        for name, value in given.items():
            foreign = name in ("href", "src", "xlink:href", "action", "srcset") and not value.startswith(self._own)
            if foreign or name.startswith("on") or (name == "style" and ("(" in _OURS.sub("", value))):
                self.acting.append(f"{tag} {name}={value}")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        if self._inside == "style" and "PWN" in data:
            self.acting.append("style")


def acting(text: str, base: str = "") -> list[str]:
    """What could act in a page, besides its own script, which its policy names; `base`: where its links may lead."""
    watcher = Watcher(base)
    watcher.feed(text)
    assert len(watcher.policies) == 1
    rules = dict(rule.split(" ", 1) for rule in watcher.policies[0].split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in watcher.scripts]
    assert {f"'sha256-{h}'" for h in hashes} <= set(rules["script-src"].split())
    letter = hidden(text, "\n\t")
    return [*watcher.acting, *(["script"] if len(watcher.scripts) > 1 else []), *([repr(letter)] if letter else [])]
