#!/usr/bin/python3
"""hostile_client.py - a client that lies to the real zcpd: paths that climb, wrong numbers. TAP.

    hostile_client.py paths | numbers       (a daemon: ROOT, PORT, HOSTKEY, T: helpers.bash)
"""
import os
import sys

import wire
from client import Failed
from evil_client import BIG, OUT, ROOT, case, run
from wire import FETCH_RANGE, LOOK_FOLLOW, LOOK_RECURSE, Fail, Item, Meta


def paths():
    aside = b'.zcp-' + b'0123456789abcdef' * 2
    spelling = [b'../outside/secret', b'..', b'.', b'./d', b'd/.', b'd/..', b'd/../../outside/secret', b'd/../big', b'/d', b'/', b'//', b'd//small', b'd/small/', b'd/',
                os.fsencode(OUT) + b'/secret', b'/etc/passwd', b'n\0x', b'\0', b'd/' + b'x' * 256, b'x/' * 2047 + b'yy', b'x' * 4096, aside, aside + b'.j', b'd/' + aside,
                aside + b'/x']
    links = [b'abs/secret', b'abs/new', b'rel/secret', b'rel/new', b'up/outside/secret', b'up/x', b'proc/etc/passwd', b'proc/tmp/x', b'cwd/x', b'd/far/secret', b'loop/x']
    meta = Meta('f', 0o644, 4)
    for path in spelling + links:
        said = path if len(path) < 50 else path[:40] + b'...'
        for name, f in (
            ('STAT', lambda c: c.stat(path)), ('STAT of the link', lambda c: c.stat(path, 0)), ('LIST', lambda c: c.list(path)),
            ('FETCH', lambda c: c.fetch(path)), ('FETCH following', lambda c: c.fetch(path, flags=wire.FETCH_FOLLOW)),
            ('STORE', lambda c: c.store(path, b'evil')), ('OPEN', lambda c: c.store(path, BIG)),
            ('OPEN, waiting', lambda c: c.store_open(c.next_id(), path, BIG, Meta('f', 0o644, len(BIG)), 0)),
            ('MKDIR', lambda c: c.mkdir(path)), ('SYMLINK', lambda c: c.symlink(path, b'x')), ('SETMETA', lambda c: c.setmeta(path, meta)),
        ):
            case('%s %r' % (name, said), f)
    for path in (b'abs', b'abs-file', b'rel', b'rel-file', b'up', b'proc', b'loop', b'd/far'):
        for name, f in (('STAT', lambda c: c.stat(path)), ('FETCH', lambda c: c.fetch(path)), ('FETCH following', lambda c: c.fetch(path, flags=wire.FETCH_FOLLOW))):
            case('%s of a link that leaves the root: %r' % (name, path), f)
        case('STORE over a link that leaves the root replaces the link, or is refused: %r' % path, lambda c: c.store(path, b'evil'),
             ('ok', 'error', 'closed'), replaced=(path, 'f', b'evil'))
        case('MKDIR over it', lambda c: c.mkdir(path))
        case('SETMETA through it', lambda c: c.setmeta(path, Meta('d', 0o777)))
    for path in (b'd', b'd/e'):
        case('STORE over a directory', lambda c: c.store(path, b'evil'))
        case('SYMLINK over a directory', lambda c: c.symlink(path, b'/'))

    def listed(c):
        found = c.list(b'', LOOK_FOLLOW | LOOK_RECURSE)
        names = [n for n, e in found if e.what == 0]
        if any(b'secret' in n for n in names) or [n for n, e in found if n == b'up' and e.what == 0]:
            raise wire.WireError('the listing leaves the root: %r' % names)
        c.bye()
    case('a listing that follows links does not leave the root', listed, ('ok',))

    def both(c):
        c.symlink(b'trap', os.fsencode(OUT))
        return c.store(b'trap/new', b'evil')
    case('a link made first, then a file below it', both, new={b'trap': ('l', os.fsencode(OUT))})

    def both_dirs(c):
        c.symlink(b'trap', b'../outside')
        return c.mkdir(b'trap/dir2')
    case('a link made first, then a directory below it', both_dirs, new={b'trap': ('l', b'../outside')})

    def modes(c):
        c.store(b'suid', b'x', Meta('f', 0o7777), wire.KEEP_MODE)
        mode = os.stat(os.path.join(ROOT, 'suid')).st_mode & 0o7777
        if mode != 0o777:
            raise wire.WireError('mode %o' % mode)
    case('set-id and sticky bits are not taken over', modes, ('ok',), new={b'suid': ('f', b'x')})


def numbers():
    def answered(c):
        """A message the daemon passes over has no answer: the BYE behind it has."""
        c.s.put('BYE')
        m = c.s.get()
        return Failed(m.fail) if m.name in ('ERROR', 'END') and m.fail.status else m

    def put(name, **fields):
        def f(c):
            c.s.put(name, **fields)
            return answered(c)
        return f

    def raw(name, body):
        def f(c):
            c.s.put_plain(bytes([wire.TYPES[name]]) + body)
            return answered(c)
        return f
    item = Item(0, b'big')
    for what, f in (
        ('FETCH of nothing', put('FETCH', first=1, count=0)), ('FETCH that counts 65,535', put('FETCH', first=1, count=65535, items=[item])),
        ('FETCH that counts too few', put('FETCH', first=1, count=1, items=[item, item])), ('FETCH above 64 KiB', put('FETCH', first=1, items=[Item(0, b'x' * 4000)] * 20)),
        ('FETCH with a path that is cut', raw('FETCH', b'\1\0\0\0\1\0\0\xff\xffabc')),         ('a range at 2^63', put('FETCH', first=1, items=[Item(FETCH_RANGE, b'big', 1 << 63, 1)])), ('a range of 2^64-1', put('FETCH', first=1, items=[Item(FETCH_RANGE, b'big', 0, (1 << 64) - 1)])),
        ('a range beyond the end', put('FETCH', first=1, items=[Item(FETCH_RANGE, b'big', 1 << 40, 9)])),
        ('a range that wraps', put('FETCH', first=1, items=[Item(FETCH_RANGE, b'big', (1 << 63) - 1, (1 << 63) - 1)])),
        ('a STORE shorter than it says', put('STORE', id=1, meta=Meta('f', 0o644, 9), path=b'x', contents=b'a')),
        ('a STORE longer than it says', put('STORE', id=1, meta=Meta('f', 0o644, 1), path=b'x', contents=b'abc')),
        ('a STORE above 64 KiB', put('STORE', id=1, meta=Meta('f', 0o644, 70000), path=b'x', contents=bytes(70000))),
        ('a STORE of a directory', put('STORE', id=1, meta=Meta('d', 0o644, 0), path=b'x')), ('a STORE of mode 2^31', put('STORE', id=1, meta=Meta('f', 1 << 31, 0), path=b'x')),
        ('a STORE with nanoseconds of a second', put('STORE', id=1, meta=Meta('f', 0o644, 0, 0, 10**9), path=b'x')),
        ('an OPEN of 2^64-1 bytes', put('OPEN', id=1, meta=Meta('f', 0o644, (1 << 64) - 1), path=b'x')),
        ('an OPEN of 2^63-1 bytes', put('OPEN', id=1, meta=Meta('f', 0o644, (1 << 63) - 1), path=b'x')),
        ('an OPEN of a directory', put('OPEN', id=1, meta=Meta('d', 0o755, 5), path=b'x')), ('an OPEN with request id 0', put('OPEN', id=0, meta=Meta('f', 0o644, 5), path=b'x')),
        ('SYMLINK without a target', put('SYMLINK', id=1, meta=Meta('l'), path=b'x')), ('SYMLINK to a NUL', put('SYMLINK', id=1, meta=Meta('l'), path=b'x', target=b'a\0b')),
        ('an extension that is cut', raw('STAT', b'\1\0\0\0\0\1\0d\x05\0\1\xff\xff')), ('a STAT with bytes left over', raw('STAT', b'\1\0\0\0\0\1\0d\0\0zz')),
        ('SETUP of an engine that is none', put('SETUP', send_engine=77)), ('SETUP of a congestion control that is none', put('SETUP', cc=b'no-such-cc')),
        ('a congestion control\'s name of 200 bytes', put('SETUP', cc=b'c' * 200)),
    ):
        case(what, f)

    case('FETCH of ids beyond 2^32', put('FETCH', first=0xffffffff, items=[item, item]), ('ok', 'error', 'closed'))
    case('NEXT without a listing', put('NEXT', id=5), ('ok', 'closed'))
    case('DONE of nothing', put('DONE', id=5), ('ok', 'closed'))

    def flood(c):
        for k in range(200):
            c.s.put('OPEN', id=k + 1, meta=Meta('f', 0o644, 10), path=b'flood%d' % k)
        got = [c.s.get() for _ in range(200)]
        names = [m.name for m in got]
        if names.count('OK') > 16:
            raise wire.WireError('%d files are open' % names.count('OK'))
        return Failed(next(m.fail for m in got if m.name == 'ERROR'))
    case('200 OPENs: not more than 16 are granted', flood)

    def twice(c):
        for _ in range(2):
            c.s.put('OPEN', id=1, meta=Meta('f', 0o644, 10), path=b'twice')
        c.s.expect('OK')
        c.answer(1)
    case('two OPENs with one id', twice)

    def lists(c):
        for k in (1, 2):
            c.s.put('LIST', id=k, flags=LOOK_RECURSE, path=b'')
        while (m := c.s.expect('ENTRIES', 'END', 'ERROR')).name == 'ENTRIES':
            pass
        return Failed(getattr(m, 'fail', Fail()))
    case('two LISTs at once', lists)


run({'paths': paths, 'numbers': numbers}, sys.argv[1])
