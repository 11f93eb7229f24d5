#!/usr/bin/python3
"""hostile_looked.py - a server that lies to the real zcp about what is there: LOOKED, DIGEST, and OK to what is set, linked and removed. TAP.

    hostile_looked.py looked | digests_up | digests_down | oks
"""
import os
import shutil
import sys

import evil_server
import harness
import wire
from evil_server import ONE, Evil, room, run, tap
from server import Server
from stream import Closed, send_fin
from wire import LOOKED_FAILED, LOOKED_MISSING, LOOKED_THERE, Fail, Looked, Meta

DATA = harness.content(3000, 'looked')
NAMES = [b'a', b'b', b'sub/c', b'sub/large']
# the words of a broken protocol, whichever it was
WORDS = ('not in the protocol', 'out of its bounds', 'breaks its rules')


class There(Server):
    """Serves a copy of what is uploaded, honestly; keeps what is asked of it."""

    def __init__(self, **settings):
        self.removed = []
        super().__init__(room.new(), **settings)

    def on_REMOVE(self, s, m):
        self.removed.append(m.path)
        super().on_REMOVE(s, m)


def revoked(s, m, _):
    """As a daemon ends the stream of a key that was taken away. To close over what the client still sends would be a reset, which it may meet before it reads this."""
    s.put('ERROR', id=m.id, fail=Fail(40, 34))
    send_fin(s.sock)
    try:
        while s.sock.recv(1 << 16):
            pass
    except ConnectionError:
        pass                    # the client's own reset
    raise Closed('as planned')


def source():
    base = room.new()
    top = os.path.join(base, 'tree')
    os.makedirs(os.path.join(top, 'sub/empty'))
    for name in NAMES:
        harness.write(os.path.join(os.fsencode(top), name), DATA * (30 if name == b'sub/large' else 1))
    os.symlink('a', os.path.join(top, 'link'))
    os.link(os.path.join(top, 'a'), os.path.join(top, 'sub/hard'))
    return base, top


def upload(what, server, args=('-a',), statuses=(2,), stale=(), check=None, words=WORDS):
    """stale: names that are older there, where a link is missing, too. The source never changes; what is broken has one of the words; what is not ends with all there."""
    base, top = source()
    there = os.path.join(os.fsdecode(server.root), 'tree')
    shutil.copytree(top, there, symlinks=True, dirs_exist_ok=True)
    for name in stale:
        os.utime(os.path.join(os.fsencode(there), name), (1, 1))
    if stale:
        os.unlink(os.path.join(there, 'link'))
    before, times = harness.snapshot(base), [os.lstat(os.path.join(w, n)).st_mtime_ns for w, d, f in sorted(os.walk(base)) for n in sorted(d + f)]
    server.start()
    r = harness.zcp(*args, top, '127.0.0.1:', port=server.port, key=server.key)
    server.stop()
    kept = harness.snapshot(base) == before and times == [os.lstat(os.path.join(w, n)).st_mtime_ns for w, d, f in sorted(os.walk(base)) for n in sorted(d + f)]
    good = r.status in statuses and kept and '\x1b' not in r.text and (r.status != 2 or any(w in r.text for w in words))
    if check:
        good = good and check(server, r)
    tap.ok(good, what, '%r\nwanted %s; the source is as it was: %s\nserver: %s %s, removed %s' % (r, statuses, kept, server.seen[-20:], server.errors, server.removed))
    for path in (base, os.fsdecode(server.root)):
        room.drop(path)


class Looks(There):
    """says(server, stream, message, items): what is put in the place of LOOKED"""

    def on_LOOKS(self, s, m):
        put, items = s.put, []
        s.put = lambda name, **fields: items.extend(fields['items'])
        super().on_LOOKS(s, m)
        s.put = put
        self.says(s, m, items)


def says(f):
    return Looks(says=f)


def looked():
    def put(**changes):
        def f(s, m, items):
            s.put('LOOKED', **{**dict(id=m.id, items=items), **{k: v(m, items) for k, v in changes.items()}})
        return f
    for what, f in (
        ('LOOKED of one item less', put(items=lambda m, i: i[:-1])), ('LOOKED of one more', put(items=lambda m, i: i + i[-1:])),
        ('LOOKED of none', put(items=lambda m, i: [])),
        ('LOOKED that counts one more than it has', put(count=lambda m, i: len(i) + 1)), ('LOOKED that counts one less', put(count=lambda m, i: len(i) - 1)),
        ('LOOKED that counts 65,535', put(count=lambda m, i: 65535)), ('LOOKED of 257 items', put(items=lambda m, i: [Looked()] * 257)),
        ('LOOKED of 60,000 items', put(items=lambda m, i: [Looked()] * 60000)), ('LOOKED of 72,455 bytes', put(items=lambda m, i: [Looked()] * (72455 - 6))),
        ('LOOKED of another request', put(id=lambda m, i: m.id + 1)), ('LOOKED of the request before', put(id=lambda m, i: m.id - 1)),
        ('LOOKED of request 0', put(id=lambda m, i: 0)),
        ('LOOKED twice', lambda s, m, i: (put()(s, m, i), put()(s, m, i))), ('LOOKED without end', lambda s, m, i: [put()(s, m, i) for _ in range(3000)]),
        ('LOOKED cut in an item', lambda s, m, i: s.put_plain(wire.encode('LOOKED', id=m.id, items=i)[:-3])),
        ('LOOKED with a byte left over', lambda s, m, i: s.put_plain(wire.encode('LOOKED', id=m.id, items=i) + b'\0')),
        ('OK in the place of LOOKED', lambda s, m, i: s.put('OK', id=m.id)), ('ATTR in its place', lambda s, m, i: s.put('ATTR', id=m.id)),
        ('DIGEST in its place', lambda s, m, i: s.put('DIGEST', id=m.id)), ('ASIDE in its place', lambda s, m, i: s.put('ASIDE', id=m.id)),
        ('ENTRIES in its place', lambda s, m, i: s.put('ENTRIES', id=m.id)), ('END in its place', lambda s, m, i: s.put('END', id=m.id)),
        ('FILE in its place', lambda s, m, i: s.put('FILE', id=m.id)), ('RESEND in its place', lambda s, m, i: s.put('RESEND', id=m.id, length=1)),
        ('LOOKS in its place', lambda s, m, i: s.put('LOOKS', id=m.id, items=wire.looks([b'a']))), ('BYE in its place', lambda s, m, i: s.put('BYE')),
        ('ERROR in its place', lambda s, m, i: s.put('ERROR', id=m.id, fail=Fail(11, 1, 5))),
    ):
        upload(what, says(f), statuses=(2, 10) if 'BYE' in what else (2,))
        upload(what + ', to an upload of several streams', says(f), ('-a', '-j', '3'), statuses=(2, 10) if 'BYE' in what else (2,))
    upload('ERROR in its place: the key was taken away', says(revoked), statuses=(40,))

    named()

    def one(item):
        return put(items=lambda m, i: [item] + i[1:])
    fine = Meta('f', 0o644, 5)
    for what, item in (
        ('an item that is neither', Looked(4)), ('an item of kind 255', Looked(255)), ('a type that is none', Looked(LOOKED_THERE, Meta('x'))),
        ('a size of 2^63', Looked(LOOKED_THERE, Meta('f', 0o644, 1 << 63))),
        ('nanoseconds of a second', Looked(LOOKED_THERE, Meta('f', 0o644, 5, 0, 10**9))),
        ('a target of 256 bytes', Looked(LOOKED_THERE, Meta('l'), b'x' * 256)), ('a target with a NUL', Looked(LOOKED_THERE, Meta('l'), b'a\0b')),
        ('a failure with status 0', Looked(LOOKED_FAILED)),
    ):
        upload('LOOKED: ' + what, says(one(item)))
    # what only the server can know is its own loss: it is copied, or is not, and the job ends well
    for what, item in (('a target of what is no link', Looked(LOOKED_THERE, fine, b'target')), ('a link without a target', Looked(LOOKED_THERE, Meta('l'))),
                       ('a target with control characters', Looked(LOOKED_THERE, Meta('l'), b'\x1b]0;evil\a')), ('a device', Looked(LOOKED_THERE, Meta('o'))),
                       ('mode 07777, size 2^63-1, time 2^62', Looked(LOOKED_THERE, Meta('f', 0o7777, (1 << 63) - 1, 1 << 62))),
                       ('a directory', Looked(LOOKED_THERE, Meta('d'))),
                       ('nothing', Looked()), ('a failure of an unknown kind', Looked(LOOKED_FAILED, fail=Fail(255, 255, 65535)))):
        upload('LOOKED of each: ' + what, says(lambda s, m, i: s.put('LOOKED', id=m.id, items=[item] * m.count)), statuses=(0,),
            check=lambda server, r: server.seen.count('STORE') >= 3)
    upload('LOOKED: all is there as it is here', says(put()), statuses=(0,), check=lambda server, r: 'STORE' not in server.seen)

    class Unasked(There):
        def on_STORE(self, s, m):
            s.put('LOOKED', id=m.id, items=[Looked()])
    upload('LOOKED in the place of OK', Unasked(), ('-r',))

    class Early(There):
        def on_SETUP(self, s, m):
            super().on_SETUP(s, m)
            s.put('LOOKED', id=1, items=[Looked()])
    upload('LOOKED before anything was asked', Early())
    upload('LOOKED before anything was asked, without -a', Early(), ('-r',))

    def closes(s, m, i):
        raise Closed('as planned')
    upload('closed in the place of LOOKED', says(closes), statuses=(10,))
    upload('a hundred WAITs before LOOKED', says(lambda s, m, i: ([s.put('WAIT') for _ in range(100)], put()(s, m, i))), statuses=(0,))


def named():
    """A download of what a list names: the same lies."""
    base = room.new()
    names = harness.write(os.path.join(base, 'list'), b'a\nsub/b\nsub/c/d\n')

    class Names(Evil):
        def on_LOOKS(self, s, m):
            self.says(s, m, [Looked(LOOKED_THERE, evil_server.DIR if n in (b'sub', b'sub/c') else evil_server.FILE) for n in wire.names_of(m.items)])
    right = {b'sub': ('d', b''), b'sub/c': ('d', b''), **{n: ('f', evil_server.DATA) for n in (b'a', b'sub/b', b'sub/c/d')}}

    def down(what, f, statuses=(2,), all_there=False):
        evil_server.case(what + ', to a download of names', Names(says=f), ('-r', '--files-from=' + names, '127.0.0.1:tree', 'DST'), statuses, right=right,
                         check=lambda server, r, dst: (r.status != 2 or any(w in r.text for w in WORDS)) and (not all_there or set(harness.snapshot(dst)) == set(right)))
    down('LOOKED', lambda s, m, i: s.put('LOOKED', id=m.id, items=i), (0,), True)
    for what, f in (
        ('LOOKED of one less', lambda s, m, i: s.put('LOOKED', id=m.id, items=i[1:])), ('LOOKED of one more', lambda s, m, i: s.put('LOOKED', id=m.id, items=i + i[:1])),
        ('LOOKED of another request', lambda s, m, i: s.put('LOOKED', id=m.id + 9, items=i)), ('LOOKED twice',
        lambda s, m, i: [s.put('LOOKED', id=m.id, items=i) for _ in range(2)]),
        ('LOOKED without end', lambda s, m, i: [s.put('LOOKED', id=m.id, items=i) for _ in range(3000)]), ('ERROR in its place',
        lambda s, m, i: s.put('ERROR', id=m.id, fail=Fail(11, 1, 5))),
        ('FILE in its place', lambda s, m, i: s.put('FILE', id=m.id, flags=wire.SENT_INLINE)), ('OK in its place', lambda s, m, i: s.put('OK', id=m.id)),
        ('ATTR in its place', lambda s, m, i: s.put('ATTR', id=m.id)), ('ENTRIES in its place', lambda s, m, i: s.put('ENTRIES', id=m.id, entries=[evil_server.ROOT])),
        ('a link where none was asked for', lambda s, m, i: s.put('LOOKED', id=m.id, items=[Looked(LOOKED_THERE, Meta('l'), b'/etc')] * len(i))),
    ):
        down(what, f)
    for what, item in (('nothing', Looked()), ('a failure', Looked(LOOKED_FAILED, fail=Fail(255, 255, 65535))), ('a device', Looked(LOOKED_THERE, Meta('o')))):
        down('LOOKED of each: ' + what, lambda s, m, i: s.put('LOOKED', id=m.id, items=[item] * len(i)), tuple(range(1, 256)))
    down('ERROR in its place: the key was taken away', revoked, (40,))


class Hashes(There):
    """says(stream, message, fields): what is put in the place of DIGEST"""

    def on_HASH(self, s, m):
        put, fields = s.put, {}
        s.put = lambda name, **given: fields.update(given)
        super().on_HASH(s, m)
        s.put = put
        self.says(s, m, fields)


class HashesEvil(Evil):
    """... of what Evil has: BIG as f, DATA as everything else"""

    def on_HASH(self, s, m):
        data, meta, identity = self.read(m.path)
        self.says(s, m, dict(id=m.id, meta=meta, identity=identity, length=len(data), digest=evil_server.digest_of(s, m.key, data)))


def digest(**changes):
    return lambda s, m, fields: s.put('DIGEST', **{**fields, **{k: v(fields) for k, v in changes.items()}})


NO_DIGESTS = (
    ('DIGEST of another request', digest(id=lambda f: f['id'] + 1)), ('DIGEST of the request before', digest(id=lambda f: f['id'] - 1)),
    ('DIGEST of request 0', digest(id=lambda f: 0)),
    ('DIGEST twice', lambda s, m, f: (s.put('DIGEST', **f), s.put('DIGEST', **f))), ('DIGEST without end', lambda s, m, f: [s.put('DIGEST', **f) for _ in range(3000)]),
    ('a digest of 31 bytes', lambda s, m, f: s.put_plain(wire.encode('DIGEST', **f)[:-1])), ('a digest of 33 bytes',
    lambda s, m, f: s.put_plain(wire.encode('DIGEST', **f) + b'x')),
    ('a digest of 4,096 bytes', lambda s, m, f: s.put_plain(wire.encode('DIGEST', **f) + b'x' * 4064)), ('no digest at all',
    lambda s, m, f: s.put_plain(wire.encode('DIGEST', **f)[:-32])),
    ('DIGEST of a type that is none', digest(meta=lambda f: Meta('x'))), ('DIGEST of a size of 2^63', digest(meta=lambda f: Meta('f', 0o644, 1 << 63))),
    ('LOOKED in its place', lambda s, m, f: s.put('LOOKED', id=m.id, items=[Looked()])), ('OK in its place', lambda s, m, f: s.put('OK', id=m.id)),
    ('FILE in its place', lambda s, m, f: s.put('FILE', id=m.id, flags=wire.SENT_INLINE)), ('ATTR in its place', lambda s, m, f: s.put('ATTR', id=m.id)),
    ('DONE in its place', lambda s, m, f: s.put('DONE', id=m.id)), ('HASH in its place', lambda s, m, f: s.put('HASH', id=m.id, path=b'a')), ('END in its place',
    lambda s, m, f: s.put('END', id=m.id)),
)
OTHERS = (
    ('another digest', digest(digest=lambda f: bytes(32))), ('of a byte more', digest(length=lambda f: f['length'] + 1)), ('of no bytes', digest(length=lambda f: 0)),
    ('of 2^64-1 bytes', digest(length=lambda f: (1 << 64) - 1)), ('of a file of another size', digest(meta=lambda f: f['meta']._replace(size=f['meta'].size + 1))),
    ('of an empty file', digest(meta=lambda f: f['meta']._replace(size=0))), ('of a file of 2^63-1 bytes', digest(meta=lambda f: f['meta']._replace(size=(1 << 63) - 1))),
)


def digests_up():
    args = ('-a', '--checksum')
    for what, f in NO_DIGESTS:
        upload(what, Hashes(says=f), args)
    for what, f in OTHERS:
        upload('DIGEST: %s: all are copied' % what, Hashes(says=f), args, (0,), check=lambda server, r: server.seen.count('STORE') + server.seen.count('OPEN') == len(NAMES) + 1)
    for what, f in (('of a directory', digest(meta=lambda f: f['meta']._replace(type='d'))), ('as it is', digest())):
        upload('DIGEST: ' + what, Hashes(says=f), args, (0,))
    upload('DIGEST that never is', Hashes(says=lambda s, m, f: s.put('ERROR', id=m.id, fail=Fail(11, 1, 5))), args, (0,),
           check=lambda server, r: server.seen.count('STORE') + server.seen.count('OPEN') == len(NAMES) + 1)
    upload('a hundred WAITs before DIGEST', Hashes(says=lambda s, m, f: ([s.put('WAIT') for _ in range(100)], s.put('DIGEST', **f))), args, (0,),
        check=lambda server, r: 'STORE' not in server.seen)
    upload('ERROR in its place: the key was taken away', Hashes(says=revoked), args, (40,))

    class Unasked(There):
        def on_STORE(self, s, m):
            s.put('DIGEST', id=m.id)
    upload('DIGEST in the place of OK', Unasked(), ('-r',))
    upload('DIGEST of attributes that differ for ever', Hashes(says=lambda s, m, f: s.put('DIGEST', **{**f, 'digest': bytes(32) if m.flags & wire.LOOK_EXTRAS else f['digest']})),
           args + ('-X',), (0,), check=lambda server, r: server.seen.count('SETMETA') >= len(NAMES) and 'STORE' not in server.seen)


def digests_down():
    """What is there already stays, or is replaced by all of what the server has."""
    old = harness.content(len(evil_server.BIG), 'old')
    opts = ('--checksum',) + ONE

    def down(what, f, statuses=(2,), now=(old,), args=opts):
        evil_server.case(what, HashesEvil(says=f), args, statuses, right={b'f': ('f', now[0])},
                         before=lambda dst: harness.write(os.path.join(dst, 'f'), old), check=lambda server, r, dst: os.listdir(dst) == ['f'] and (r.status != 2 or any(w in r.text for w in WORDS)))
    for what, f in NO_DIGESTS:
        down(what, f)
    for what, f in OTHERS + (('of a directory', digest(meta=lambda f: f['meta']._replace(type='d'))), ('as it is', digest())):
        down('DIGEST: %s: it is copied' % what, f, (0,), (evil_server.BIG,))
    down('ERROR in its place', lambda s, m, f: s.put('ERROR', id=m.id, fail=Fail(11, 1, 5)), (11,))
    down('ERROR in its place: the key was taken away', revoked, (40,))
    down('ERROR that says all is well', lambda s, m, f: s.put('ERROR', id=m.id), (2, 11))

    def same(s, m, f):
        """Says of another file that it has the bytes which are here."""
        s.put('DIGEST', **{**f, 'digest': evil_server.digest_of(s, m.key, old)})
    down('DIGEST of the bytes that are here: they stay', same, (0,))

    class Unasked(evil_server.Sends):
        pass
    evil_server.case('DIGEST in the place of FILE', Unasked(sends=lambda s, i, _: s.put('DIGEST', id=i)), ONE, right={})
    evil_server.case('LOOKED in the place of FILE', Unasked(sends=lambda s, i, _: s.put('LOOKED', id=i, items=[Looked()])), ONE, right={})
    evil_server.case('ASIDE in the place of FILE', Unasked(sends=lambda s, i, _: s.put('ASIDE', id=i)), ONE, right={})


class Says(There):
    """OK with these fields to requests of one kind."""

    def do(self, s, id_, f, *args):
        if self.seen[-1] != self.to:
            return super().do(s, id_, f, *args)
        f(*args)
        s.put('OK', **{**dict(id=id_, engine=4), **self.fields})


def oks():
    args = ('-aH', '--delete')

    def answered(what, to, statuses=(2,), times=1, **fields):
        class Answers(Says):
            def do(self, s, id_, f, *a):
                for _ in range(times if self.seen[-1] == to else 1):
                    super().do(s, id_, f if _ == 0 else lambda *x: 0, *a)
        server = Answers(to=to, fields=fields)
        os.makedirs(os.path.join(os.fsdecode(server.root), 'tree/sub'))
        for name in ('old', 'sub/old'):
            harness.write(os.path.join(os.fsdecode(server.root), 'tree', name), b'old')
        upload('%s to %s' % (what, to), server, args, statuses, check=lambda sv, r: r.status != 0 or (to in sv.seen and not os.path.exists(os.path.join(os.fsdecode(sv.root), 'tree/old'))),
               stale=NAMES + [b'sub/hard'])
    for to in ('STORE', 'MKDIR', 'SYMLINK', 'SETMETA', 'LINK', 'REMOVE'):
        for flags in (wire.OK_EXISTED, wire.OK_NO_XATTRS | wire.OK_NO_ACLS, 0xf8, 0xff):
            answered('OK with flags %d' % flags, to, (0,), flags=flags)
        answered('OK by engine 255', to, (0,), engine=255)
        answered('OK of another request', to, (2,), id=0x7fffffff)
        answered('OK of request 0', to, (2,), id=0)
        answered('OK twice', to, (2,), times=2)


if __name__ == '__main__':
    run({'looked': looked, 'digests_up': digests_up, 'digests_down': digests_down, 'oks': oks}, sys.argv[1])
