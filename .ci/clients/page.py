"""Reads the pages of docs/connect/: what stands there is what is run."""

import re

BLOCK = re.compile(r"^```(\S+)(?: +(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Page:
    def __init__(self, path, addresses):
        """`addresses` maps the example addresses of the page to the ones of this run, longest first."""
        self.path = path
        self.source = path.read_text(encoding="utf-8")
        self.addresses = addresses

    def real(self, text):
        for example, address in self.addresses:
            text = text.replace(example, address)
        return text

    def commands(self, word):
        """The shell blocks that contain `word`."""
        return [self.real(text) for language, _, text in BLOCK.findall(self.source) if language == "sh" and word in text]

    def files(self):
        """Blocks whose opening line names a file, as in ```js app.mjs."""
        return {name: self.real(text) for _, name, text in BLOCK.findall(self.source) if name}
