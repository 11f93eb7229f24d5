#!/usr/bin/python3
"""hostile_upload.py - a client that lies to the real zcpd about the bytes of a file. TAP.

    hostile_upload.py sealed | raw          (a daemon: ROOT, PORT, HOSTKEY, T: helpers.bash)
"""
import sys

import wire
from evil_client import BIG, case, run
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


run({'sealed': sealed, 'raw': raw}, sys.argv[1])
