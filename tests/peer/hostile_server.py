#!/usr/bin/python3
"""hostile_server.py - a server that lies to the real zcp: evil names, wrong numbers, messages out of turn. TAP.

    hostile_server.py names | listings | files | records | refusals
"""
import os
import sys

import wire
from evil_server import DATA, DIR, FILE, OK_FILES, ONE, ROOT, BIG, TREE, Evil, Sends, case, run
from stream import Closed
from wire import SENT_INLINE, Entry, Fail, Identity, Meta


def names():
    aside = b'.zcp-' + b'0123456789abcdef' * 2
    evil = [b'../x', b'/etc/x', b'', b'.', b'..', b'a/b', b'/', b'a/', aside, aside + b'.j', b'n\0x', b'\0', b'x' * 256, b'x' * 70000]
    for name in evil:
        for what, meta in (('file', FILE), ('directory', DIR), ('link', Meta('l', 0o777, 1))):
            e = Entry(0, 1, meta, name, b't' if what == 'link' else b'')
            case('a %s named %r' % (what, name[:40]), Evil(pages=[[ROOT, Entry(0, 1, FILE, b'fine'), e]]), (('-a',) + TREE))
    case('a root with a name', Evil(pages=[[Entry(0, 0, DIR, b'../x')]]), TREE)
    failed = Entry(1, 1, Meta('o'), b'\x1b]0;evil\a\n', b'', Fail(3, 1, 2))
    case('control characters in a name that failed are not printed', Evil(pages=[[ROOT, failed, Entry(0, 1, FILE, b'fine')]]), TREE, (3, 23))


def listings():
    def tree(*more):
        return [[ROOT, Entry(0, 1, FILE, b'fine'), *more]]
    sub, link = Entry(0, 1, DIR, b'd'), Entry(0, 1, Meta('l', 0o777, 3), b'd', b'/tmp')
    right = {**OK_FILES, b'tree/d': ('d', b'')}
    for what, pages in (
        ('a doubled name', tree(Entry(0, 1, FILE, b'fine'))), ('a directory and a file of one name', tree(sub, Entry(0, 1, FILE, b'd'))),
        ('a link and a directory of one name', tree(link, sub, Entry(0, 2, FILE, b'x'))), ('a directory and a link of one name', tree(sub, link)),
        ('a doubled name on another page', tree() + [[Entry(0, 1, FILE, b'fine')]]), ('a child of a file', tree(Entry(0, 2, FILE, b'x'))),
        ('a child of a link', tree(link, Entry(0, 2, FILE, b'x'))), ('a parent not listed yet', tree(Entry(0, 3, FILE, b'x'), sub)),
        ('a parent of 2^32-1', tree(Entry(0, 0xffffffff, FILE, b'x'))), ('a second root', tree(ROOT)), ('no root', [[Entry(0, 1, FILE, b'x')]]),
        ('a parent of 0 that is not the root', tree(Entry(0, 0, FILE, b'x'))),
        ('a type that is none', tree(Entry(0, 1, Meta('x'), b'x'))), ('a size of 2^63', tree(Entry(0, 1, Meta('f', 0o644, 1 << 63), b'x'))),
        ('nanoseconds of a second and more', tree(Entry(0, 1, Meta('f', 0o644, 4, 0, 10**9), b'x'))),
        ('an entry that failed with status 0', tree(Entry(1, 1, FILE, b'x'))), ('an entry that is fine with status 3', tree(Entry(0, 1, FILE, b'x', b'', Fail(3)))),
        ('an empty listing', []), ('a page of one empty list', [[]]),
    ):
        case(what, Evil(pages=pages), ('-a',) + TREE, right=right)

    case('a link without a target', Evil(pages=tree(Entry(0, 1, Meta('l'), b'x'))), ('-a',) + TREE, (2, 23))
    case('thousands of empty pages', Evil(pages=tree() + [[]] * 5000), ('-a',) + TREE, (0, 2))

    class Counts(Evil):
        def end(self, s, m):
            s.put('END', id=m.id, entries=self.says(s.count))
    case('END counts one entry more than came', Counts(says=lambda n: n + 1), TREE)
    case('END counts 0', Counts(says=lambda n: 0), TREE)

    class Unasked(Evil):
        def on_LIST(self, s, m):
            s.pages, s.count = iter(()), 0
            for _ in range(3):
                s.put('ENTRIES', id=m.id, entries=[ROOT])
    case('pages that nobody asked for', Unasked(), TREE)

    class WrongId(Evil):
        def on_LIST(self, s, m):
            s.put('ENTRIES', id=m.id + 7, entries=[ROOT])
    case('a page of another request', WrongId(), TREE)

    class Cut(Evil):
        def on_LIST(self, s, m):
            s.put_plain(wire.encode('ENTRIES', id=m.id, entries=[ROOT, Entry(0, 1, FILE, b'fine')])[:-3])
    case('a page cut in the middle of an entry', Cut(), TREE)

    class Large(Evil):
        def on_LIST(self, s, m):
            s.put('ENTRIES', id=m.id, entries=[ROOT] + [Entry(0, 1, FILE, b'%0250d' % k) for k in range(1000)])
    case('a page of more than 256 KiB', Large(), TREE)
    deep = [ROOT] + [Entry(0, k, DIR, b'd') for k in range(1, 1200)]
    case('1,200 directories in each other', Evil(pages=[deep]), TREE, (2, 23), right={b'tree' + b'/d' * k: ('d', b'') for k in range(1201)})
    dirs = [ROOT] + [Entry(0, k, DIR, b'n' * 255) for k in range(1, 20)]
    case('a path of more than 4,095 bytes', Evil(pages=[dirs]), TREE, (2, 23), right={b'tree' + (b'/' + b'n' * 255) * k: ('d', b'') for k in range(20)})


def files():
    big, small = Meta('f', 0o644, len(BIG)), Meta('f', 0o644, 4)
    head = dict(identity=Identity(1, 2))
    for what, sends, statuses in (
        ('FILE for another request', lambda s, i, _: s.put('FILE', id=i + 9, flags=SENT_INLINE, meta=small, contents=DATA, **head), (2,)),
        ('FILE for request 0', lambda s, i, _: s.put('FILE', id=0, flags=SENT_INLINE, meta=small, contents=DATA, **head), (2,)),
        ('an inline FILE shorter than it says', lambda s, i, _: s.put('FILE', id=i, flags=SENT_INLINE, meta=big, contents=DATA, **head), (2,)),
        ('an inline FILE longer than it says', lambda s, i, _: s.put('FILE', id=i, flags=SENT_INLINE, meta=small, contents=DATA * 2, **head), (2,)),
        ('an inline FILE above 64 KiB', lambda s, i, _: s.put('FILE', id=i, flags=SENT_INLINE, meta=Meta('f', 0o644, 100000), contents=bytes(100000), **head), (2,)),
        ('contents in a FILE that is not inline', lambda s, i, _: s.put('FILE', id=i, meta=big, contents=DATA, **head), (2,)),
        ('a FILE that is a directory', lambda s, i, _: s.put('FILE', id=i, flags=SENT_INLINE, meta=Meta('d', 0o755, 0), **head), (2,)),
        ('a FILE that is a link', lambda s, i, _: s.put('FILE', id=i, flags=SENT_INLINE, meta=Meta('l', 0o755, 0), **head), (2,)),
        ('a FILE of mode 0177777', lambda s, i, _: s.put('FILE', id=i, flags=SENT_INLINE, meta=Meta('f', 0o177777, 4), contents=DATA, **head), (2,)),
        ('OK in the place of FILE', lambda s, i, _: s.put('OK', id=i), (2,)),
        ('DONE in the place of FILE', lambda s, i, _: s.put('DONE', id=i), (2,)),
        ('SEGMENT in the place of FILE', lambda s, i, _: s.send_segment(i, 0, DATA), (2,)),
        ('ATTR in the place of FILE', lambda s, i, _: s.put('ATTR', id=i, meta=small), (2,)),
        ('a client\'s message', lambda s, i, _: s.put('STAT', id=i, path=b'x'), (2,)),
        ('an ERROR that says all is well', lambda s, i, _: s.put('ERROR', id=i), (2,)),
        ('an ERROR of an unknown kind', lambda s, i, _: s.put('ERROR', id=i, fail=Fail(255, 255, 65535)), tuple(range(1, 256))),
        ('an ERROR for another request', lambda s, i, _: s.put('ERROR', id=i + 1, fail=Fail(3, 1, 2)), (2,)),
        ('BYE in the place of FILE', lambda s, i, _: s.put('BYE'), (2, 10)),
        ('a type that is none', lambda s, i, _: s.put_plain(b'\x63abc'), (2,)),
        ('an empty typed record', lambda s, i, _: s.put_plain(b''), (2,)),
        ('contents out of turn', lambda s, i, _: s.put_plain(DATA, contents=True), (2,)),
        ('a source that shrank', lambda s, i, _: s.put('FILE', id=i, flags=SENT_INLINE | wire.SENT_SHRANK, meta=small, contents=DATA, **head), (24,)),
    ):
        case(what, Sends(sends=sends), ONE, statuses, right={})

    def set_id(s, i, _):
        s.put('FILE', id=i, flags=SENT_INLINE, meta=Meta('f', 0o6755, 4), contents=DATA, **head)
    case('set-id bits are not taken over, with -p', Sends(sends=set_id), ('-p',) + ONE, (0,), right={b'f': ('f', DATA)},
         check=lambda _, __, dst: os.stat(os.path.join(dst, 'f')).st_mode & 0o7777 == 0o755)

    def huge(s, i, _):
        s.put('FILE', id=i, meta=Meta('f', 0o644, 1 << 62), **head)
        s.send_segment(i, 0, DATA)
        s.put('DONE', id=i, flags=wire.SENT_GIVEN_UP)
    case('a file of 2^62 bytes', Sends(sends=huge), ONE, (2, 11, 23, 24, 44), right={})


def records():
    def word(value, body=b''):
        class W(Evil):
            def send_file(self, s, id_, item):
                s.raw(value.to_bytes(4, 'little') + body)
        return W()
    for value in (0, 1, 15, 31, 0x40000000, 0x20000080, 0x01000020, 0x00ffffff, 0x80ffffff, 0x80000000, 0x7fffffff, 0xffffffff):
        case('a record word of %#x' % value, word(value, bytes(200)), ONE, (2, 43), right={})

    class Again(Evil):
        def send_file(self, s, id_, item):
            sealed = s.tx.seal(wire.encode('FILE', id=id_, flags=SENT_INLINE, meta=Meta('f', 0o644, 4), contents=DATA))
            s.raw(sealed + sealed)
    case('a record that comes twice', Again(), ('-r', '127.0.0.1:tree', 'DST'), (43, 2, 0))

    class Skips(Evil):
        def send_file(self, s, id_, item):
            s.tx.seal(b'\x15')
            super().send_file(s, id_, item)
    case('a record left out', Skips(), ONE, (43,), right={})

    class Says(Evil):
        def send_file(self, s, id_, item):
            s.put_plain(wire.encode('FILE', id=id_, flags=SENT_INLINE, meta=Meta('f', 0o644, 4), contents=DATA), skipped=True)
    case('a record left out, and the next one says so', Says(), ONE, (0,), right={b'f': ('f', DATA)})

    class Plain(Evil):
        def send_file(self, s, id_, item):
            plain = wire.encode('FILE', id=id_, flags=SENT_INLINE, meta=Meta('f', 0o644, 4), contents=DATA)
            s.raw((len(plain) + s.suite.tag).to_bytes(4, 'little') + plain + bytes(s.suite.tag))
    case('a record that is not sealed', Plain(), ONE, (43,), right={})

    class Closes(Evil):
        """Closes before the n-th answer."""
        def serve(self, sock):
            self.left = self.after
            super().serve(sock)

        def welcome(self, s):
            put = s.put

            def counted(*a, **k):
                if self.left == 0:
                    raise Closed('as planned')
                self.left -= 1
                put(*a, **k)
            s.put = counted
            super().welcome(s)
    for n in range(8):
        case('closed before answer %d' % (n + 1), Closes(after=n), ONE, tuple(range(0 if n > 6 else 1, 47)))

    class NoBye(Evil):
        def on_BYE(self, s, m):
            raise Closed('as planned')
    case('everything, but no BYE: not a success', NoBye(), ONE, (10, 2))


def refusals():
    class Refuses(Evil):
        def welcome(self, s):
            s.put('REFUSED', fail=self.fail)
            raise Closed('refused')
    for status in (40, 46, 4, 3, 44):
        case('REFUSED with %d' % status, Refuses(fail=Fail(status, 16 if status == 40 else 0)), ONE, (status,), right={})
    case('REFUSED that says all is well', Refuses(fail=Fail()), ONE, (2,), right={})
    case('REFUSED of an unknown kind', Refuses(fail=Fail(255, 255, 9)), ONE, tuple(range(1, 256)), right={})

    class Says(Evil):
        def welcome(self, s):
            s.put_plain(self.plain)
    for what, plain in (('WELCOME with 65,535 exports', b'\x28\x01\0\xff\xff\0\0'), ('WELCOME carried in no known way', wire.encode('WELCOME', carry=9)),
                        ('WELCOME not carried', wire.encode('WELCOME')), ('OK in the place of WELCOME', wire.encode('OK', id=0)),
                        ('BYE in the place of WELCOME', wire.encode('BYE')), ('an extension that is cut', b'\x28\x01\0\0\0\x03\0\x01\x09\0')):
        case(what, Says(plain=plain), ONE, (2, 10) if 'BYE' in what else (2,), right={})

    class Later(Evil):
        def welcome(self, s):
            s.put('WELCOME', carry=s.carry, reason=s.reason, exports=[(b'', 3)], ext=[(77, b'of a later version'), (78, b'')])
    case('WELCOME with fields of a later version: they are skipped', Later(), ONE, (0,))

    class Waits(Evil):
        def send_file(self, s, id_, item):
            for _ in range(100):
                s.put('WAIT')
            super().send_file(s, id_, item)
    case('a hundred WAITs: they are skipped', Waits(), ONE, (0,))

    class Unknown(Evil):
        def on_SETUP(self, s, m):
            s.put('ERROR', id=0, fail=Fail(4, 20))
    case('SETUP is refused', Unknown(), ONE, (4,), right={})


run({'names': names, 'listings': listings, 'files': files, 'records': records, 'refusals': refusals}, sys.argv[1])
