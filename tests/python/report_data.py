"""The data that a page of `dynvert report` holds, decoded."""

import base64
import html.parser
import json

import numpy as np


class DataElement(html.parser.HTMLParser):
    """The text of <script id="data">, as a browser sees it."""

    def __init__(self):
        super().__init__()
        self.inside, self.text = False, ""

    def handle_starttag(self, tag, attributes):
        self.inside = tag == "script" and dict(attributes).get("id") == "data"

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.text += data


def column(packed):
    """Numbers as the page has them: float32 or uint32."""
    if "f4" in packed:
        return np.frombuffer(base64.b64decode(packed["f4"], validate=True), "<f4")
    if "u4" in packed:
        return np.frombuffer(base64.b64decode(packed["u4"], validate=True), "<u4")
    return packed


def read_page(path):
    with open(path, encoding="utf-8") as file:
        parser = DataElement()
        parser.feed(file.read())
    return json.loads(parser.text, object_hook=column)
