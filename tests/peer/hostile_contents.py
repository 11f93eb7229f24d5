#!/usr/bin/python3
"""hostile_contents.py - a server that lies to the real zcp about the bytes of a file, down and up. TAP.

    hostile_contents.py segments | holes | tags | uploads
"""
import os
import sys

import harness
import wire
from evil_server import BIG, DATA, OK_FILES, ONE, RAW, Evil, Sends, case, room, run
from wire import SENT_INLINE, Fail, Identity, Meta


def segments():
    def with_file(then, size=len(BIG)):
        def send(s, i, item):
            s.put('FILE', id=i, meta=Meta('f', 0o644, size), identity=Identity(1, 2))
            then(s, i)
        return send
    part = BIG[:100000]
    bad = [
        ('a SEGMENT of no bytes', lambda s, i: s.put('SEGMENT', id=i, length=0, carry=1)),
        ('a SEGMENT of 2^32-1 bytes', lambda s, i: s.put('SEGMENT', id=i, length=0xffffffff, carry=1)),
        ('a SEGMENT of 16 MiB and a byte', lambda s, i: s.put('SEGMENT', id=i, length=(16 << 20) + 1, carry=1)),
        ('a SEGMENT beyond the file\'s size', lambda s, i: s.send_segment(i, 0, BIG + b'x')),
        ('a SEGMENT that starts beyond the file', lambda s, i: s.send_segment(i, len(BIG), b'x')),
        ('a SEGMENT at 2^63', lambda s, i: s.send_segment(i, 1 << 63, b'x')),
        ('a SEGMENT at 2^64-1', lambda s, i: s.send_segment(i, (1 << 64) - 1, b'x')),
        ('a SEGMENT that leaves bytes out', lambda s, i: s.send_segment(i, 65536, part)),
        ('a SEGMENT that comes twice', lambda s, i: (s.send_segment(i, 0, part), s.send_segment(i, 0, part))),
        ('a SEGMENT of another request', lambda s, i: s.send_segment(i + 1, 0, part)),
        ('a SEGMENT carried in no known way', lambda s, i: s.put('SEGMENT', id=i, length=4, carry=3)),
        ('a SEGMENT carried not at all', lambda s, i: s.put('SEGMENT', id=i, length=4, carry=0)),
        ('a raw SEGMENT where sealed was agreed', lambda s, i: s.send_segment(i, 0, part, carry=wire.CARRY_RAW)),
        ('SEGMENT_END of another request', lambda s, i: s.send_segment(i, 0, part, end_id=i + 1)),
        ('SEGMENT_END with another offset', lambda s, i: s.send_segment(i, 0, part, end_offset=1)),
        ('SEGMENT_END with another length', lambda s, i: s.send_segment(i, 0, part, end_length=5)),
        ('tags where there are none', lambda s, i: s.send_segment(i, 0, part, tags=bytes(32))),
        ('DONE in the middle of a segment', lambda s, i: (s.put('SEGMENT', id=i, length=4, carry=1), s.put('DONE', id=i))),
        ('a contents record that is too long', lambda s, i: (s.put('SEGMENT', id=i, length=4, carry=1), s.put_plain(b'12345', contents=True))),
        ('a contents record that is too short', lambda s, i: (s.put('SEGMENT', id=i, length=4, carry=1), s.put_plain(b'123', contents=True), s.put('WAIT'), s.put('WAIT'))),
        ('an empty contents record', lambda s, i: (s.put('SEGMENT', id=i, length=4, carry=1), s.put_plain(b'', contents=True), s.put('WAIT'), s.put('WAIT'))),
        ('DONE for another request', lambda s, i: (s.send_contents(i, BIG), s.put('DONE', id=i + 1))),
        ('a second DONE', lambda s, i: (s.send_contents(i, BIG), s.put('DONE', id=i), s.put('DONE', id=i))),
    ]
    for what, then in bad:
        case(what, Sends(sends=with_file(then)), ONE, (2,), right=OK_FILES if 'second' in what else {})
    short = [
        ('DONE at once', lambda s, i: s.put('DONE', id=i)),
        ('DONE after a part', lambda s, i: (s.send_segment(i, 0, part), s.put('DONE', id=i))),
        ('DONE that says given up', lambda s, i: (s.send_segment(i, 0, part), s.put('DONE', id=i, flags=wire.SENT_GIVEN_UP))),
        ('DONE that says failed', lambda s, i: (s.send_contents(i, BIG), s.put('DONE', id=i, flags=wire.SENT_FAILED, fail=Fail(11, 1, 5)))),
        ('DONE that says the source shrank', lambda s, i: (s.send_contents(i, BIG), s.put('DONE', id=i, flags=wire.SENT_SHRANK))),
        ('ERROR after a part', lambda s, i: (s.send_segment(i, 0, part), s.put('ERROR', id=i, fail=Fail(11, 1, 5)))),
    ]
    for what, then in short:
        case(what + ': nothing is published', Sends(sends=with_file(then)), ONE, (2, 11, 23, 24), right={})
    case('a source that only grew is published, and said', Sends(sends=with_file(lambda s, i: (s.send_contents(i, BIG), s.put('DONE', id=i, flags=wire.SENT_GREW)))),
         ONE, (24,), check=lambda _, __, dst: os.path.exists(os.path.join(dst, 'f')))


def holes():
    size, most = len(BIG), (1 << 63) - 1

    def with_file(then, says=size):
        def send(s, i, item):
            s.put('FILE', id=i, flags=wire.SENT_SPARSE, meta=Meta('f', 0o644, says), identity=Identity(1, 2))
            then(s, i)
        return send

    def hole(s, i, offset, length):
        s.put('HOLE', id=i, offset=offset, length=length)
    zeros = {**OK_FILES, b'f': ('f', bytes(size))}
    case('a file that is all hole', Sends(sends=with_file(lambda s, i: (hole(s, i, 0, size), s.put('DONE', id=i)))), ONE, (0,), right=zeros)
    case('holes that were not announced', Sends(sends=lambda s, i, item: (s.put('FILE', id=i, meta=Meta('f', 0o644, size), identity=Identity(1, 2)),
                                                                          hole(s, i, 0, size), s.put('DONE', id=i))), ONE, (0,), right=zeros)
    for what, then in (
        ('a HOLE of no bytes', lambda s, i: hole(s, i, 0, 0)), ('a HOLE beyond the size', lambda s, i: hole(s, i, 0, size + 1)),
        ('a HOLE as long as there can be', lambda s, i: hole(s, i, 0, most)), ('a HOLE of 2^64-1 bytes', lambda s, i: hole(s, i, 0, (1 << 64) - 1)),
        ('a HOLE at 2^63', lambda s, i: hole(s, i, 1 << 63, 1)), ('a HOLE at 2^64-1', lambda s, i: hole(s, i, (1 << 64) - 1, 2)),
        ('a HOLE that leaves bytes out', lambda s, i: hole(s, i, 4096, 4096)), ('a HOLE that comes twice', lambda s, i: (hole(s, i, 0, 4096), hole(s, i, 0, 4096))),
        ('a HOLE that overlaps the one before', lambda s, i: (hole(s, i, 0, 8192), hole(s, i, 4096, 8192))),
        ('a HOLE over a segment', lambda s, i: (s.send_segment(i, 0, BIG[:100000]), hole(s, i, 4096, 4096))),
        ('a segment in a HOLE', lambda s, i: (hole(s, i, 0, 8192), s.send_segment(i, 4096, BIG[:100000]))),
        ('a HOLE of another request', lambda s, i: hole(s, i + 1, 0, size)), ('a HOLE in the middle of a segment', lambda s, i: (
            s.put('SEGMENT', id=i, length=4, carry=1), hole(s, i, 0, 4))),
        ('a HOLE behind the end', lambda s, i: (hole(s, i, 0, size), hole(s, i, size, 1))),
        ('too few of them', lambda s, i: (hole(s, i, 0, size - 1), s.put('DONE', id=i))),
    ):
        case(what, Sends(sends=with_file(then)), ONE, (2,), right={})
    case('a HOLE where nobody asked for files', Sends(sends=lambda s, i, item: hole(s, i, 0, size)), ONE, (2,), right={})
    case('a HOLE in a file that is inside its record', Sends(sends=lambda s, i, item: (
        s.put('FILE', id=i, flags=SENT_INLINE, meta=Meta('f', 0o644, 4), identity=Identity(1, 2), contents=DATA), hole(s, i, 0, 4))), ONE, (2,), right={b'f': ('f', DATA)})
    case('a HOLE for who writes into a device', Sends(sends=with_file(lambda s, i: (hole(s, i, 0, size), s.put('DONE', id=i)))), ('--encrypt', '127.0.0.1:f', '/dev/null'), (2,), right={})
    case('a file of 2^63-1 bytes, all of it a hole', Sends(sends=with_file(lambda s, i: (hole(s, i, 0, most), s.put('DONE', id=i)), most)), ONE, (0, 11, 23, 44),
         right={}, check=lambda _, r, dst: r.status or os.stat(os.path.join(dst, 'f')).st_size == most)

    class Again(Evil):
        """A chunk is damaged, and comes again as a hole."""
        def send_contents(self, s, id_, data, carry, offset):
            if carry == wire.CARRY_SEALED:
                return hole(s, id_, offset, len(data))
            s.send_segment(id_, offset, data, carry=carry, tamper=flip)
    case('a HOLE in the place of a damaged chunk', Again(), RAW, (2,), right={})
    case('more than a thousand HOLEs', Sends(sends=with_file(lambda s, i: s.put_many(*[('HOLE', dict(id=i, offset=k * 512, length=512)) for k in range(1367)],
                                                                                    ('HOLE', dict(id=i, offset=1367 * 512, length=size - 1367 * 512)), ('DONE', dict(id=i))))),
         ONE, (0,), right=zeros)


def flip(data):
    return data[:5] + bytes([data[5] ^ 1]) + data[6:]


def tags():
    class Raw(Evil):
        """One machine, proved: raw. The first `bad` answers have a wrong byte on the way."""
        bad, sealed_too = 1, False

        def send_contents(self, s, id_, data, carry, offset):
            self.asked = getattr(self, 'asked', []) + [(carry, offset, len(data))]
            if len(self.asked) > self.bad:
                return s.send_contents(id_, data, 1 << 20, carry, offset)
            s.send_segment(id_, offset, data, carry=wire.CARRY_RAW if self.sealed_too else carry, tamper=flip)

    case('raw contents, nothing wrong', Raw(bad=0), RAW, (0,), check=lambda sv, r, dst: sv.asked == [(2, 0, len(BIG))])
    case('one chunk with a wrong tag is asked for again, sealed', Raw(), RAW, (0,),
         check=lambda sv, r, dst: sv.asked == [(2, 0, len(BIG)), (1, 0, 262144)] and harness.read(os.path.join(dst, 'f')) == BIG)
    case('raw again where sealed was asked', Raw(bad=99, sealed_too=True), RAW, (2, 43), right={}, check=lambda sv, r, dst: len(sv.asked) <= 3)

    class Refuses(Raw):
        def send_file(self, s, id_, item):
            if item.flags & wire.FETCH_SEALED:
                self.asked.append('again')
                return s.put('FILE', id=id_, meta=Meta('f', 0o644, len(BIG)), identity=Identity(1, 2)) or s.put('DONE', id=id_, flags=wire.SENT_GIVEN_UP)
            super().send_file(s, id_, item)
    case('a chunk that is never sent again: asked at most twice, then 43', Refuses(), RAW, (43,), right={}, check=lambda sv, r, dst: 2 <= len(sv.asked) <= 3)

    class Part(Raw):
        def send_file(self, s, id_, item):
            if not item.flags & wire.FETCH_SEALED:
                return super().send_file(s, id_, item)
            self.asked.append((item.offset, item.length))
            s.put('FILE', id=id_, meta=Meta('f', 0o644, len(BIG)), identity=Identity(1, 2))
            s.send_segment(id_, item.offset, BIG[item.offset:item.offset + 65536], carry=wire.CARRY_SEALED)
            s.put('DONE', id=id_, flags=wire.SENT_GIVEN_UP)
    case('a chunk of which only a part is sent again mends no more than that part', Part(), RAW, (43,), right={},
         check=lambda sv, r, dst: sv.asked[1:] == [(0, 262144), (65536, 196608)])

    class Other(Raw):
        def read(self, path):
            data, meta, _ = super().read(path)
            return data, meta, Identity(1, 2 + len(getattr(self, 'asked', [])))
    case('a chunk from another file than the first', Other(), RAW, (24,), right={})

    def tagged(**twist):
        class T(Evil):
            def send_contents(self, s, id_, data, carry, offset):
                s.send_segment(id_, offset, data, **twist)
        return T()
    case('no tags', tagged(tags=b''), RAW, (2,), right={})
    case('a tag too few', tagged(tags=bytes(64)), RAW, (2,), right={})
    case('a tag too many', tagged(tags=bytes(128)), RAW, (2,), right={})
    case('half a tag', tagged(tags=bytes(95)), RAW, (2,), right={})

    class Grants(Evil):
        def welcome(self, s):
            s.put('WELCOME', carry=wire.CARRY_RAW, reason=4)
            s.carry = wire.CARRY_RAW
    case('WELCOME grants raw to who chose sealed: no raw byte is taken', Grants(), ONE, (2,), right={})

    class Seals(Evil):
        def welcome(self, s):
            s.carry = wire.CARRY_SEALED
            super().welcome(s)
    case('WELCOME seals where raw was chosen: it works', Seals(), RAW, (0,))


def uploads():
    up = harness.write(os.path.join(room.path, 'up'), BIG)
    large = harness.write(os.path.join(room.path, 'large'), BIG * 2)
    tiny = harness.write(os.path.join(room.path, 'tiny'), DATA)

    class Store(Evil):
        def on_STAT(self, s, m):
            if not m.path:
                return super().on_STAT(s, m)
            s.put('ERROR', id=m.id, fail=Fail(3, 1, 2))

        def publish(self, *_):
            pass

    def evil(**handlers):
        return type('S', (Store,), {'on_' + n: staticmethod(f) for n, f in handlers.items()})()
    for what, src, server, statuses in (
        ('nothing wrong', up, evil(), (0,)), ('nothing wrong, above 1 MiB', large, evil(), (0,)), ('nothing wrong, inline', tiny, evil(), (0,)),
        ('OK for another request', tiny, evil(STORE=lambda s, m: s.put('OK', id=m.id + 1)), (2,)),
        ('FILE in the place of OK', tiny, evil(STORE=lambda s, m: s.put('FILE', id=m.id, flags=SENT_INLINE)), (2,)),
        ('two OKs', tiny, evil(STORE=lambda s, m: s.put_many(('OK', dict(id=m.id)), ('OK', dict(id=m.id)))), (2,)),
        ('ERROR for a file', tiny, evil(STORE=lambda s, m: s.put('ERROR', id=m.id, fail=Fail(44, 1, 28))), (44,)),
        ('RESEND of an inline file', tiny, evil(STORE=lambda s, m: s.put('RESEND', id=m.id, offset=0, length=4)), (2,)),
        ('RESEND beyond the file', up, evil(DONE=lambda s, m: s.put('RESEND', id=m.id, offset=len(BIG), length=9)), (2,)),
        ('RESEND at 2^63', up, evil(DONE=lambda s, m: s.put('RESEND', id=m.id, offset=1 << 63, length=9)), (2,)),
        ('RESEND of no bytes', up, evil(DONE=lambda s, m: s.put('RESEND', id=m.id, offset=0, length=0)), (2,)),
        ('RESEND of another request', up, evil(DONE=lambda s, m: s.put('RESEND', id=m.id + 3, offset=0, length=9)), (2,)),
        ('RESEND without end', up, evil(DONE=lambda s, m: s.put('RESEND', id=m.id, offset=0, length=9)), (2, 43)),
        ('ERROR for a file that waits for its OK', large, evil(OPEN=lambda s, m: s.put('ERROR', id=m.id, fail=Fail(45, 10))), (45,)),
        ('BYE in the middle', large, evil(OPEN=lambda s, m: s.put('BYE')), (2, 10)),
    ):
        case('upload: ' + what, server, ('--encrypt', src, '127.0.0.1:up'), statuses, right={})


run({'segments': segments, 'holes': holes, 'tags': tags, 'uploads': uploads}, sys.argv[1])
