#!/usr/bin/python3
"""hostile_looks.py - a client that lies to the real zcpd where it asks what is there: LOOKS, HASH, FETCH of a directory. TAP.

    hostile_looks.py looks | digests        (a daemon: ROOT, PORT, HOSTKEY, ZCPD, T: helpers.bash)
"""
import os
import sys

import harness
import wire
from client import Failed
from evil_client import BIG, OUT, OUTWARD, ROOT, SECRET, SPELLING, THROUGH, case, outcome, run, said, status, tap
from wire import FETCH_FOLLOW, FETCH_RANGE, LOOK_EXTRAS, LOOK_FOLLOW, Item, Look, number, put_str


def raw(name, body):
    def f(c):
        c.s.put_plain(bytes([wire.TYPES[name]]) + body)
        return c.answer(1, 'LOOKED', 'DIGEST')
    return f


def body(count, *items, dir_=b''):
    """LOOKS; items: (shared, rest)"""
    return number(1, 4) + b'\0' + number(count, 2) + put_str(dir_) + b''.join(b'\0' + number(shared, 2) + put_str(rest) for shared, rest in items)


def looks():
    one = (0, b'big')
    for what, b in (
        ('of nothing', body(0)), ('that counts 0 of 1', body(0, one)), ('that counts 1 of 0', body(1)), ('that counts 2 of 1', body(2, one)),
        ('that counts 1 of 2', body(1, one, one)),
        ('that counts 65,535', body(65535, one)), ('of 257 names', body(257, *[one] * 257)), ('of 6,000 names', body(6000, *[one] * 6000)),
        ('of a name without a byte', body(1, (0, b''))), ('of a second name without a byte', body(2, one, (0, b''))), ('that shares with no name', body(1, (1, b'x'))),
        ('that shares 4 bytes of 3', body(2, one, (4, b'x'))), ('that shares 65,535 bytes', body(2, one, (65535, b'x'))),
        ('of a name of 4,096 bytes', body(1, (0, b'x' * 4096))), ('of a name that grows to 4,096 bytes', body(2, (0, b'x' * 4000), (4000, b'y' * 96))),
        ('of a name that doubles 30 times', body(30, *[(min(2047 << k, 65535), b'x' * 2047) for k in range(30)])),
        ('of a name with a NUL', body(1, (0, b'b\0g'))), ('of a NUL', body(1, (0, b'\0'))), ('of a NUL behind what is shared', body(2, one, (3, b'\0'))),
        ('of a directory with a NUL', body(1, one, dir_=b'd\0')), ('of a directory of 4,096 bytes', body(1, one, dir_=b'x' * 4096)),
        ('with a byte left over', body(1, one) + b'\0'), ('with bytes left over', body(1, one) + bytes(4)), ('above 64 KiB', body(17, *[(0, b'x' * 4000)] * 17)),
        ('of a directory that is longer than it', number(1, 4) + b'\0\1\0\xff\xff' + b'x' * 9), ('of a name that is longer than it', body(1) + b'\0\0\0\xff\x0fbig'),
    ):
        case('LOOKS ' + what, raw('LOOKS', b), ('closed',))
    whole = body(2, one, (2, b'gger'), dir_=b'd')
    for n in range(len(whole)):
        case('LOOKS torn after %d bytes' % n, raw('LOOKS', whole[:n]), ('closed',))
    unknown = number(1, 4) + b'\xfe' + number(1, 2) + put_str(b'') + b'\xfe' + number(0, 2) + put_str(b'big')
    case('LOOKS with flags of a later version', raw('LOOKS', unknown), ('ok',))

    def not_there(dir_, names, flags=0):
        """Each between two that are there. What was said of it."""
        def f(c):
            got = c.looks(dir_, names, flags=flags)
            there = [n for n, i in zip(names, got) if i.what == wire.LOOKED_THERE and n not in (b'big', b'd/small')]
            if there or got[0].what != wire.LOOKED_THERE or got[-1].what != wire.LOOKED_THERE:
                raise wire.WireError('there: %r; the first and last: %r, %r' % (there, got[0], got[-1]))
            if any(i.link for i in got):
                raise wire.WireError('targets: %r' % got)
            return got
        return f
    for flags in (0, LOOK_FOLLOW):
        case('LOOKS of names that climb, and of such as no file has, flags %d' % flags, not_there(b'', [b'big'] + SPELLING + [b'd/small'], flags), ('ok',))
        case('LOOKS through links that lead out, flags %d' % flags, not_there(b'', [b'big'] + THROUGH + [b'd/small'], flags), ('ok',))
    case('LOOKS of links that lead out, followed', not_there(b'', [b'big'] + OUTWARD + [b'd/small'], LOOK_FOLLOW), ('ok',))

    def below(dir_, names):
        def f(c):
            got = c.looks(dir_, names)
            if any(i.what == wire.LOOKED_THERE for i in got):
                raise wire.WireError('below %r: %r' % (dir_, got))
        return f
    for dir_ in SPELLING + THROUGH + OUTWARD + [b'big', b'd/small']:
        case('LOOKS below %r' % said(dir_), below(dir_, [b'secret', b'small', b'big', b'etc/passwd', b'x' * 255, b'../big']), ('ok',))
    case('LOOKS of a path that is too long with its directory', below(b'x/' * 1900 + b'x', [b'y' * 255, b'y' * 254, b'y/' * 1000 + b'y']), ('ok',))

    def back_and_forth(c):
        """The directory is kept open between names: none is taken for another."""
        got = c.looks(b'd', [b'small', b'far/secret', b'small', b'e/small', b'small', b'../big', b'small'])
        if [i.what == wire.LOOKED_THERE for i in got] != [True, False] * 3 + [True]:
            raise wire.WireError('%r' % got)
    case('LOOKS of names in turn here and elsewhere', back_and_forth, ('ok',))

    def many(c):
        for k in range(64):
            c.s.put('LOOKS', id=k + 1, items=wire.looks([b'big'] * 256))
        for k in range(64):
            m = c.answer(k + 1, 'LOOKED')
            if [i.what for i in m.items] != [1] * 256:
                raise wire.WireError('%r' % m)
    case('64 LOOKS at once, of 256 names each', many, ('ok',))
    case('a thousand LOOKS of one name', lambda c: [c.looks(b'', [b'big']) for _ in range(1000)] and None, ('ok',))
    case('an item of LOOKS that names the served directory', raw('LOOKS', body(1, (0, b''), dir_=b'd')), ('closed',))


def digests():
    os.mkfifo(os.path.join(ROOT, 'fifo'))
    os.symlink('fifo', os.path.join(ROOT, 'to-fifo'))
    os.symlink('/dev/zero', os.path.join(ROOT, 'zero'))
    xattrs = wire.SETUP_XATTRS | wire.SETUP_ACLS
    everything = xattrs | wire.SETUP_OWNERS
    for path in SPELLING + THROUGH + OUTWARD + [b'd', b'', b'fifo', b'to-fifo', b'zero', b'none', b'd/small/x', b'n\0x', b'\0', b'x' * 4096]:
        allowed = ('closed',) if b'\0' in path or len(path) > 4095 else ('error',)
        for flags in (0, LOOK_FOLLOW):
            case('HASH of %r, flags %d' % (said(path), flags), status((3, 4, 11), lambda c: c.hash(path, flags=flags)), allowed)
            case('HASH of the extras of %r, flags %d' % (said(path), flags), status((3, 4, 11), lambda c: c.hash(path, flags=flags | LOOK_EXTRAS)), allowed, wants=xattrs)
        if path in (b'd', b''):
            continue
        for flags in (0, FETCH_FOLLOW):
            case('FETCH of the extras of %r, flags %d' % (said(path), flags), status((3, 4, 11), lambda c: c.extras_of(path, flags)), allowed, wants=everything)
    for path in (b'd', b''):
        case('FETCH of the extras of %r where none were asked for' % path, status((3, 4), lambda c: c.extras_of(path)), ('error',))
        case('FETCH of the extras of %r where links were asked for' % path, status((3, 4), lambda c: c.extras_of(path)), ('error',), wants=wire.SETUP_LINKS)
        case('FETCH of the directory %r' % path, status((3, 4), lambda c: c.fetch(path)), ('error',), wants=everything)
        case('FETCH of a range of the directory %r' % path, status((3, 4), lambda c: c.fetch_items([Item(FETCH_RANGE, path, 0, 1)])), ('error',), wants=everything)
        case('FETCH of the extras of %r from 2^63 on' % path, lambda c: c.fetch_items([Item(FETCH_RANGE, path, 1 << 63, 0)]), ('ok', 'error', 'closed'), wants=everything)
        case('FETCH of the extras of %r, sealed' % path, lambda c: c.extras_of(path, wire.FETCH_SEALED) and None, ('ok',), wants=everything)

    def hash_body(offset=0, length=0, path=b'big', ext=b'\0\0', flags=b'\0', key=bytes(32)):
        return number(1, 4) + flags + number(offset, 8) + number(length, 8) + key + put_str(path) + ext
    for what, b in (('at 2^63', hash_body(1 << 63)), ('at 2^64-1', hash_body((1 << 64) - 1)), ('of 2^63 bytes', hash_body(0, 1 << 63)),
        ('of 2^64-1 bytes', hash_body(0, (1 << 64) - 1)),
                    ('that ends at 2^63', hash_body((1 << 63) - 5, 5)), ('that ends beyond 2^64', hash_body((1 << 64) - 5, 10)),
                    ('with an ext that is cut', hash_body(ext=b'\5\0\1\xff\xff')),
                    ('with a key of 31 bytes', hash_body(key=bytes(31), path=b'')), ('with a byte left over', hash_body() + b'x')):
        case('HASH ' + what, raw('HASH', b), ('closed',))
    for what, b in (('that ends at 2^63-1', hash_body((1 << 63) - 6, 5)), ('at 2^63-1', hash_body((1 << 63) - 1)),
        ('with flags of a later version', hash_body(flags=b'\xf0'))):
        case('HASH ' + what, raw('HASH', b), ('ok',) if 'flags' in what else ('ok', 'error'))
    whole = hash_body()
    for n in harness.sample('hash', range(len(whole)), 20):
        case('HASH torn after %d bytes' % n, raw('HASH', whole[:n]), ('closed',))

    def no_oracle(c):
        """Nothing of what lies outside: a digest of a file that is not served would tell who guesses its bytes."""
        for path in THROUGH + OUTWARD:
            try:
                c.hash(path, flags=LOOK_FOLLOW, key=bytes(32))
            except Failed:
                continue
            raise wire.WireError('%r has a digest' % path)
        if not c.has_contents(b'big', BIG):
            raise wire.WireError('the digest of what is served is wrong')
    case('HASH is no oracle for files outside', no_oracle, ('ok',))
    endless()
    for name in ('fifo', 'to-fifo', 'zero'):
        os.unlink(os.path.join(ROOT, name))
    tap.ok(SECRET == harness.read(os.path.join(OUT, 'secret')), 'the secret is as it was')


def endless():
    """A file that takes long to read (too long for a case, which reads what is there), for a client that does not want it any more: CANCEL, and then it goes away."""
    path = os.path.join(ROOT, 'endless')
    for bits in range(62, 40, -1):          # the largest that this file system has
        try:
            with open(path, 'wb') as f:
                f.truncate(1 << bits)
            break
        except OSError:
            continue
    size = os.path.getsize(path)

    def begun(c):
        c.s.put('HASH', id=1, key=bytes(32), path=b'endless')
        m = c.s.get(waits=True)             # at work: it says so
        if m.name != 'WAIT':
            raise wire.WireError('%r' % m)
        c.s.put('CANCEL', id=1)
        c.s.put('REMOVE', id=2, path=b'endless2')
    did, value = outcome(begun)
    os.unlink(path)
    tap.ok(did == 'ok', 'HASH of a file of %d bytes says WAIT' % size, value)
    tap.ok(harness.wait_children(int(os.environ['ZCPD'])), '... and ends when the client has gone')


run({'looks': looks, 'digests': digests}, sys.argv[1])
