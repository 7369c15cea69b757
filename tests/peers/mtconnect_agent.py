"""The MTConnect agent of PyPI (mtconnect 0.3.3) behind the standard library's HTTP server. Arguments: port, device file.

It was written for Pythons whose XML elements had ``getchildren``; those of lxml still have it, so lxml stands in for
``xml.etree.ElementTree`` in this process. Lines on stdin, ``id value``, are pushed; each is acknowledged with ``ok``.
"""

from __future__ import annotations

import sys
import threading
import xml.etree
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import lxml.etree

xml.etree.ElementTree = sys.modules["xml.etree.ElementTree"] = lxml.etree

from mtconnect.agent import MTConnect  # noqa: E402

agent = MTConnect(loc=sys.argv[2], hostname=f"http://127.0.0.1:{sys.argv[1]}")
lock = threading.Lock()


def number(query, name):
    return int(query[name][0]) if name in query else None


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        with lock:
            if parts.path == "/sample":
                said = agent.sample(start=number(query, "from"), count=number(query, "count"))
            elif parts.path in ("/probe", "/current"):
                said = getattr(agent, parts.path[1:])()
            else:
                self.send_error(404)
                return
        body = said.get_xml()
        body = body if isinstance(body, bytes) else str(body).encode()
        self.send_response(said.get_status())
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", flush=True)  # noqa: T201
for line in sys.stdin:
    key, _, value = line.strip().partition(" ")
    with lock:
        item = agent.item_dict[key]
        agent.push_data(key, float(value) if item.category == "SAMPLE" and value != "UNAVAILABLE" else value)
    print("ok", flush=True)  # noqa: T201
