#!/usr/bin/python3
"""hostile_upload.py - a client that lies to the real zcpd about the bytes of a file. TAP.

    hostile_upload.py sealed | raw | holes  (a daemon: ROOT, PORT, HOSTKEY, T: helpers.bash)
"""
import os
import sys

import wire
from evil_client import BIG, ROOT, case, run
from stream import send_fin
from wire import EAGER, Meta

meta = Meta('f', 0o644, len(BIG))


def sent(then, flags=EAGER):
    def f(c):
        c.s.put('OPEN', id=1, flags=flags, meta=meta, path=b'new')
        if not flags & EAGER:
            c.answer(1)
        then(c.s)
        c.s.put('DONE', id=1)
        return c.answer(1)
    return f


def sealed():
    part = BIG[:1000]
    for what, then in (
        ('a SEGMENT of no bytes', lambda s: s.put('SEGMENT', id=1, length=0, carry=1)), ('a SEGMENT of 2^32-1 bytes', lambda s: s.put('SEGMENT', id=1, length=0xffffffff, carry=1)),
        ('a SEGMENT of 16 MiB and a byte', lambda s: s.put('SEGMENT', id=1, length=(16 << 20) + 1, carry=1)),
        ('a SEGMENT beyond the size', lambda s: s.send_segment(1, 0, BIG + b'x')), ('a SEGMENT behind the end', lambda s: s.send_segment(1, len(BIG), b'x')),
        ('a SEGMENT at 2^63', lambda s: s.send_segment(1, 1 << 63, b'x')), ('a SEGMENT at 2^64-1', lambda s: s.send_segment(1, (1 << 64) - 1, b'x')),
        ('a SEGMENT carried in no known way', lambda s: s.put('SEGMENT', id=1, length=4, carry=7)),
        ('a raw SEGMENT where sealed was agreed', lambda s: s.send_segment(1, 0, BIG, carry=wire.CARRY_RAW)),
        ('SEGMENT_END of another request', lambda s: s.send_segment(1, 0, BIG, end_id=2)), ('SEGMENT_END with another length', lambda s: s.send_segment(1, 0, BIG, end_length=3)),
        ('SEGMENT_END with another offset', lambda s: s.send_segment(1, 0, BIG, end_offset=3)), ('tags where there are none', lambda s: s.send_segment(1, 0, BIG, tags=bytes(64))),
        ('DONE in the middle of a segment', lambda s: s.put('SEGMENT', id=1, length=9, carry=1)),
        ('a contents record that is too long', lambda s: (s.put('SEGMENT', id=1, length=4, carry=1), s.put_plain(b'12345', contents=True))),
        ('a contents record that is too short', lambda s: (s.put('SEGMENT', id=1, length=4, carry=1), s.put_plain(b'123', contents=True))),
        ('an empty contents record', lambda s: (s.put('SEGMENT', id=1, length=4, carry=1), s.put_plain(b'', contents=True))),
        ('DONE without contents', lambda s: None), ('DONE after a part', lambda s: s.send_segment(1, 0, part)),
        ('a part left out', lambda s: s.send_segment(1, 1000, BIG[1000:])), ('a part that comes twice', lambda s: (s.send_segment(1, 0, part), s.send_segment(1, 0, part))),
        ('DONE that says given up', lambda s: (s.send_contents(1, BIG), s.put('DONE', id=1, flags=wire.SENT_GIVEN_UP))),
        ('DONE that says the source shrank', lambda s: (s.send_contents(1, BIG), s.put('DONE', id=1, flags=wire.SENT_SHRANK))),
        ('contents for another request', lambda s: s.send_contents(9, BIG)),
        ('contents beside the segment', lambda s: s.put_plain(b'evil', contents=True)),
    ):
        case(what, sent(then))
        case(what + ', after the OK', sent(then, flags=0))

    def unopened(c):
        c.s.send_contents(9, BIG)
        c.s.put('DONE', id=9)
        return c.stat(b'big')
    case('contents without an OPEN are thrown away, or end the stream', unopened, ('ok', 'closed', 'error'))

    def cut(at):
        def f(c):
            c.s.put('OPEN', id=1, flags=EAGER, meta=meta, path=b'new')
            sealed = c.s.tx.seal(wire.encode('SEGMENT', id=1, length=len(BIG), carry=1))
            for i in range(0, len(BIG), wire.CONTENTS_MAX):
                sealed += c.s.tx.seal(BIG[i:i + wire.CONTENTS_MAX], contents=True)
            c.s.raw(sealed[:at])
            send_fin(c.s.sock)
            c.s.get()
        return f
    for at in (1, 30, 60, 100000, 300000):
        case('cut %d bytes into the contents' % at, cut(at))


def raw():
    def tags(then):
        def f(c):
            if c.s.carry != wire.CARRY_RAW:
                raise wire.WireError('raw was not granted')
            return sent(then)(c)
        return f
    for what, size in (('no tags', lambda tag: 0), ('a tag too few', lambda tag: tag), ('a tag too many', lambda tag: 3 * tag), ('half a tag too many', lambda tag: 5 * tag // 2)):
        def then(s):
            s.send_segment(1, 0, BIG, tags=bytes(size(s.tx.mac.tag)))
        case('raw contents with ' + what, tags(then), want='auto')

    def resent(c):
        c.s.put('OPEN', id=1, flags=EAGER, meta=meta, path=b'new')
        c.s.send_segment(1, 0, BIG, tamper=lambda d: d[:9] + b'!' + d[10:])
        c.s.put('DONE', id=1)
        m = c.answer(1, 'RESEND')
        if (m.offset, m.length) != (0, 262144):
            raise wire.WireError(repr(m))
        c.s.send_segment(1, 0, BIG[:262144], carry=wire.CARRY_SEALED)
        c.s.put('DONE', id=1)
        return c.answer(1)
    case('a raw chunk with a wrong tag is asked for again; sealed, it is right', resent, ('ok',), new={b'new': ('f', BIG)}, want='auto')

    def never(c):
        c.s.put('OPEN', id=1, flags=EAGER, meta=meta, path=b'new')
        c.s.send_segment(1, 0, BIG, tamper=lambda d: d[:9] + b'!' + d[10:])
        for _ in range(5):
            c.s.put('DONE', id=1)
            c.answer(1, 'RESEND')
        raise wire.WireError('asked five times')
    case('a raw chunk that never becomes right is given up', never, want='auto')


def holes():
    size, zeros = len(BIG), {b'new': ('f', bytes(len(BIG)))}

    def hole(s, offset, length, id_=1):
        s.put('HOLE', id=id_, offset=offset, length=length)
    for flags in (0, wire.SPARSE):
        case('a file that is all hole, flags %d' % flags, sent(lambda s: hole(s, 0, size), flags=EAGER | flags), ('ok',), new=zeros)
        case('a file of many holes, flags %d' % flags, sent(lambda s: [hole(s, at, min(512, size - at)) for at in range(0, size, 512)], flags=EAGER | flags), ('ok',), new=zeros)
    for what, then in (
        ('a HOLE of no bytes', lambda s: hole(s, 0, 0)), ('a HOLE beyond the size', lambda s: hole(s, 0, size + 1)),
        ('a HOLE as long as there can be', lambda s: hole(s, 0, (1 << 63) - 1)), ('a HOLE of 2^64-1 bytes', lambda s: hole(s, 0, (1 << 64) - 1)),
        ('a HOLE at 2^63', lambda s: hole(s, 1 << 63, 1)), ('a HOLE at 2^64-1', lambda s: hole(s, (1 << 64) - 1, 2)),
        ('a HOLE that leaves bytes out', lambda s: hole(s, 4096, 4096)), ('a HOLE that comes twice', lambda s: (hole(s, 0, 4096), hole(s, 0, 4096))),
        ('a HOLE that overlaps the one before', lambda s: (hole(s, 0, 8192), hole(s, 4096, 8192))),
        ('a HOLE over a segment', lambda s: (s.send_segment(1, 0, BIG[:100000]), hole(s, 4096, 4096))),
        ('a segment in a HOLE', lambda s: (hole(s, 0, 8192), s.send_segment(1, 4096, BIG[:100000]))),
        ('a HOLE in the middle of a segment', lambda s: (s.put('SEGMENT', id=1, length=4, carry=1), hole(s, 0, 4))),
        ('a HOLE behind the end', lambda s: (hole(s, 0, size), hole(s, size, 1))), ('too few of them', lambda s: hole(s, 0, size - 1)),
        ('the HOLE of another request', lambda s: hole(s, 0, size, 9)),
    ):
        case(what, sent(then))
        case(what + ', after the OK', sent(then, flags=wire.SPARSE))

    def nowhere(c):
        c.s.put_many(*[('HOLE', dict(id=i % 7, offset=0, length=1 << 62)) for i in range(20000)])
        return c.stat(b'big')
    case('twenty thousand HOLEs of files that are not open are passed over', nowhere, ('ok',))

    def refused(c):
        c.s.put('OPEN', id=1, flags=EAGER | wire.SPARSE, meta=meta, path=b'none/new')
        hole(c.s, 0, size)
        c.s.put('DONE', id=1)
        return c.answer(1)
    case('a HOLE of a file that was refused', refused, ('error',))

    def resent(c):
        c.s.put('OPEN', id=1, flags=EAGER, meta=meta, path=b'new')
        c.s.send_segment(1, 0, BIG, tamper=lambda d: d[:9] + b'!' + d[10:])
        c.s.put('DONE', id=1)
        c.answer(1, 'RESEND')
        hole(c.s, 0, 262144)
        c.s.put('DONE', id=1)
        return c.answer(1)
    case('a HOLE in the place of a damaged chunk', resent, ('closed',), want='auto')

    def largest(c):
        c.s.put('OPEN', id=1, flags=wire.SPARSE, meta=Meta('f', 0o644, (1 << 63) - 1), path=b'new')
        c.answer(1)
        hole(c.s, 0, (1 << 63) - 1)
        c.s.put('DONE', id=1)
        return c.answer(1)
    if limited():
        case('a file of 2^63-1 bytes, all of it a hole', largest, ('error',))
    for at, n in ((0, 100), (199, 1), (150, 51), (1 << 40, 5)):
        def beside(c):
            aside = c.open_aside(b'new', Meta('f', 0o644, 9 << 20), flags=wire.SPARSE)
            id_ = c.begin_range(b'new', aside.run, 100, 100)
            hole(c.s, at, n, id_)
            c.s.put('DONE', id=id_)
            return c.answer(id_)
        case('a HOLE beside its range: %d+%d' % (at, n), beside, ('closed',))

    def claims(c):
        """What was said to be a hole is one, whatever came there before."""
        m = Meta('f', 0o644, 9 << 20)
        aside = c.open_aside(b'new', m, flags=wire.SPARSE)
        c.send_range(b'new', aside.run, 0, BIG)
        id_ = c.begin_range(b'new', aside.run, 0, 9 << 20)
        hole(c.s, 0, 9 << 20, id_)
        c.s.put('DONE', id=id_)
        c.answer(id_)
        return c.commit(b'new', aside.run, m)
    case('a range that comes twice, the second time as a HOLE', claims, ('ok',), new={b'new': ('f', bytes(9 << 20))})


def limited():
    """Has this file system a largest file that is smaller than the largest number?"""
    with open(os.path.join(ROOT, 'limit'), 'wb') as f:
        try:
            f.truncate((1 << 63) - 1)
            return False
        except OSError:
            return True
        finally:
            os.unlink(f.name)


run({'sealed': sealed, 'raw': raw, 'holes': holes}, sys.argv[1])
