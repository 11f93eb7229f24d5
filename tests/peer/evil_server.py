"""evil_server.py - what the hostile servers share: a server whose answers a case overrides, and a case.

Every case is a Server with something overridden. zcp must end (no hang, no crash) with one of the statuses said, and beside the
destination and beneath it stands nothing but what an honest copy would have put there.
"""
import os

import besides
import harness
import wire
from looks import contents_digest
from server import Server
from wire import Entry, Identity, Meta

room, tap = harness.Room(), harness.Tap()
DIR, FILE = Meta('d', 0o755), Meta('f', 0o644, 4)
OWN = [besides.owner(os.geteuid(), os.getegid())]
ROOT = Entry(0, 0, DIR, ext=OWN)
BIG = harness.content(700000, 'big')
DATA = b'evil'
OK_FILES = {b'tree/fine': ('f', DATA), b'tree': ('d', b''), b'f': ('f', BIG)}


class Evil(Server):
    """Lists `pages` for any LIST, gives DATA for every path of a tree and BIG for `f`."""
    pages = [[ROOT, Entry(0, 1, FILE, b'fine')]]

    def __init__(self, **settings):
        super().__init__(room.path, **settings)

    def besides(self, local, wanted=-1):
        return OWN if self.wants() & wanted & wire.SETUP_OWNERS else []

    def on_STAT(self, s, m):
        s.put('ATTR', id=m.id, meta=Meta('f', 0o644, len(BIG)) if m.path == b'f' else DIR, identity=Identity(1, 2))

    def on_LIST(self, s, m):
        if m.path == b'f':
            s.pages, s.count = iter([[Entry(0, 0, Meta('f', 0o644, len(BIG)))]]), 0
        else:
            s.pages, s.count = iter(self.pages), 0
        self.on_NEXT(s, m)

    def on_NEXT(self, s, m):
        page = next(s.pages, None)
        if page is None:
            return self.end(s, m)
        s.count += len(page)
        s.put('ENTRIES', id=m.id, entries=page)

    def end(self, s, m):
        s.put('END', id=m.id, entries=s.count)

    def read(self, path):
        data = BIG if path == b'f' else DATA
        return data, Meta('f', 0o644, len(data)), Identity(1, 2)


def digest_of(s, key, data):
    """HASH's, on this stream"""
    return contents_digest(s.tx.mac, key, data)


def case(what, server, args, statuses=(2,), right=OK_FILES, check=None, before=None):
    """args: zcp's, with DST for the destination. right: what may stand there. before(dst): what stands there already."""
    base = room.new()
    dst = os.path.join(base, 'dst')
    os.mkdir(dst)
    harness.write(os.path.join(base, 'outside'), b'as it was')
    if before:
        before(dst)
    server.start()
    r = harness.zcp(*[dst + '/' if a == 'DST' else a for a in args], port=server.port, key=server.key)
    server.stop()
    fine, why = harness.only_right(dst, right)
    beside = harness.snapshot(base)
    beside = {n: v for n, v in beside.items() if not n.startswith(b'dst')}
    good = r.status in statuses and fine and beside == {b'outside': ('f', b'as it was')}
    good = good and b'\x1b' not in r.text.encode() and '\a' not in r.text
    if check:
        good = good and check(server, r, dst)
    tap.ok(good, what, '%r\nwanted %s; %s\nbeside: %r\nserver: %s %s' % (r, statuses, why, list(beside), server.seen[-12:], server.errors))
    room.drop(base)


TREE = ('-r', '127.0.0.1:tree', 'DST')
ONE = ('--encrypt', '127.0.0.1:f', 'DST')
RAW = ('127.0.0.1:f', 'DST')


class Sends(Evil):
    """send_file as a function of (server, stream, id, item)"""
    def send_file(self, s, id_, item):
        self.sends(s, id_, item)


def run(groups, name):
    groups[name]()
    tap.end()
