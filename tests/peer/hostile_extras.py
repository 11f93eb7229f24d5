#!/usr/bin/python3
"""hostile_extras.py - what files have besides, as no honest peer would send it: to the real zcp, and to the real zcpd. TAP.

    hostile_extras.py to_zcp | to_zcpd      (to_zcpd: a daemon: ROOT, PORT, HOSTKEY, T: helpers.bash)
"""
import os
import sys

import besides
import wire
from besides import attribute, owner
from wire import EXTRA_ACL, EXTRA_DEFAULT_ACL, EXTRA_OWNER, EXTRA_XATTR, SENT_INLINE, Entry, Identity, Meta

ROOT_USER = os.geteuid() == 0
ALL = wire.SETUP_XATTRS | wire.SETUP_ACLS
FINE = attribute(b'user.fine', b'1')


def acl(*entries, version=2):
    return wire.number(version, 4) + b''.join(wire.number(tag, 2) + wire.number(perm, 2) + wire.number(id_, 4) for tag, perm, id_ in entries)


BASE = (1, 7, 0), (4, 5, 0), (0x20, 0, 0)
LISTED = (1, 7, 0), (2, 7, 7), (4, 5, 0), (0x10, 7, 0), (0x20, 0, 0)
NAMES = [b'security.capability', b'security.selinux', b'trusted.x', b'system.posix_acl_access', b'user.', b'user', b'x', b'', b'user.a\0b', b'USER.x', b'\x1b]0;evil\a']
# (what, ext, what may be missed): none of it is set, what is fine beside it is
ATTRIBUTES = [('an attribute named %r' % n, [FINE, attribute(n, b'evil')]) for n in NAMES] + [
    ('an attribute without a byte', [(EXTRA_XATTR, b''), FINE]), ('an attribute whose name is longer than it', [(EXTRA_XATTR, b'\xffuser.x'), FINE]),
]
LISTS = [(what, [FINE, (EXTRA_ACL, value)]) for what, value in (
    ('an ACL of no bytes', b''), ('an ACL of three', b'\2\0\0'), ('an ACL of a head', acl()), ('an ACL of version 1', acl(*BASE, version=1)),
    ('an ACL that is cut', acl(*BASE)[:-1]), ('an ACL without an owner', acl(*BASE[1:])), ('an ACL without a mask', acl(BASE[0], (2, 7, 7), *BASE[1:])),
    ('an ACL with a tag that is none', acl(*BASE, (0x40, 7, 0))), ('an ACL with permission 0xffff', acl((1, 0xffff, 0), *BASE[1:])),
    ('an ACL out of order', acl(*BASE, (2, 7, 7))), ('an ACL with others twice', acl(*BASE, BASE[2])), ('an ACL for user -1', acl(BASE[0], (2, 7, 0xffffffff), *LISTED[2:])),
    ('an ACL of 7,000 users', acl(BASE[0], *((2, 7, k) for k in range(7000)), *LISTED[2:])),
)]
OWNERS = [(what, [(EXTRA_OWNER, value)] if value is not None else []) for what, value in (
    ('no owner', None), ('an owner of no bytes', b''), ('owner -1', owner(0xffffffff, 0)[1]), ('group -1', owner(0, 0xffffffff)[1]), ('an owner that is cut', owner(0, 0)[1][:-1]),
    ('an owner with a byte left over', owner(0, 0)[1] + b'x'), ('an owner with a name of 33 bytes', owner(0, 0, b'n' * 33)[1]), ('an owner with a NUL', owner(0, 0, b'a\0b')[1]),
)]
BIG = [(EXTRA_XATTR, b'\x06user.x' + b'v' * (60000 - 3 - 7))]


def has(path, *names):
    return sorted(n for n in os.listxattr(path) if n.startswith('user.')) == sorted(names) and besides.get(path, besides.ACCESS) is None


def to_zcp():
    from evil_server import DATA, DIR, FILE, ONE, ROOT, Evil, Sends, case

    def sends(ext, mode=0o6755):
        return Sends(sends=lambda s, i, _: s.put('FILE', id=i, flags=SENT_INLINE, meta=Meta('f', mode, 4), identity=Identity(1, 2), ext=ext, contents=DATA))

    def plain(ext_bytes):
        body = wire.encode('FILE', id=7, flags=SENT_INLINE, meta=FILE, identity=Identity(1, 2), contents=DATA)
        head = len(body) - 2 - len(DATA)
        return Sends(sends=lambda s, i, _: s.put_plain(body[:1] + wire.number(i, 4) + body[5:head] + wire.put_str(ext_bytes) + DATA))
    there, opts = {b'f': ('f', DATA)}, ('-X', '-A') + ONE

    def mode_is(want):
        return lambda _, r, dst: os.stat(os.path.join(dst, 'f')).st_mode & 0o7777 == want

    for what, ext in ATTRIBUTES:
        case(what, sends(ext), opts, (23,), right=there, check=lambda _, r, dst: has(os.path.join(dst, 'f'), 'user.fine'))
    for what, ext in LISTS:
        case(what, sends(ext, 0o770), opts, (23,), right=there, check=lambda _, r, dst: has(os.path.join(dst, 'f'), 'user.fine') and mode_is(0o700)(_, r, dst))
    for what, ext in OWNERS:
        case(what, sends(ext), ('-a',) + ONE, (23,) if ROOT_USER else (0,), right=there, check=mode_is(0o755))
    case('set-id bits with an owner, and no -a', sends([owner(0, 0)]), ('-p',) + ONE, (0,), right=there, check=mode_is(0o755))
    case('... with -a: as root they are what was asked for', sends([owner(0, 0)]), ('-a',) + ONE, (0,), right=there, check=mode_is(0o6755 if ROOT_USER else 0o755))
    case('an ext that nobody asked for is passed over', sends([FINE, (EXTRA_ACL, acl(*LISTED))]), ONE, (0,), right=there, check=lambda _, r, dst: has(os.path.join(dst, 'f')))
    case('tags of a later version, and of other things', sends([(99, b'later'), (wire.EXTRA_LINKS, b'x'), FINE, (0, b'')]), opts, (0,), right=there,
         check=lambda _, r, dst: has(os.path.join(dst, 'f'), 'user.fine'))
    case('60,000 bytes', sends(BIG), opts, (0, 23), right=there)
    case('60,001 bytes', sends([(EXTRA_XATTR, BIG[0][1] + b'v')]), opts, (2, 43), right={})
    for what, raw in (('a length beyond the end', b'\x02\xff\xff'), ('half a head', b'\x02\0'), ('65,535 bytes of zeros', bytes(65535))):
        case('an ext with ' + what, plain(raw), opts, (2, 43), right={})

    def tree(*entries):
        return Evil(pages=[[ROOT, *entries]])
    opts, right = ('-a', '-X', '-A', '127.0.0.1:tree', 'DST'), {b'tree': ('d', b''), b'tree/d': ('d', b''), b'tree/l': ('l', b'nowhere'), b'tree/fine': ('f', DATA)}
    whole = [owner(os.geteuid(), os.getegid())]
    for what, ext in ATTRIBUTES + LISTS + [('a default ACL that is none', [FINE, (EXTRA_DEFAULT_ACL, b'x')])]:
        case('a directory with ' + what, tree(Entry(0, 1, DIR, b'd', ext=whole + ext)), opts, (23,), right=right,
             check=lambda _, r, dst: has(os.path.join(dst, 'tree/d'), 'user.fine'))
    for what, ext in OWNERS:
        case('a link with ' + what, tree(Entry(0, 1, Meta('l', 0o777, 7), b'l', b'nowhere', ext=ext)), opts, (23,) if ROOT_USER else (0,), right=right)
    case('60,000 bytes for each of four directories', tree(*(Entry(0, 1, DIR, b'd%d' % k, ext=[(99, b'%d' % k + bytes(59990))]) for k in range(4)),
                                                         Entry(0, 1, DIR, b'd')), ('-rX', '127.0.0.1:tree', 'DST'), (0,),
         right={**right, **{b'tree/d%d' % k: ('d', b'') for k in range(4)}})
    lost = Entry(1, 1, Meta('o'), b'd', fail=wire.Fail(11, 43))
    case('a directory whose extras cannot be told, once and again', tree(Entry(0, 1, DIR, b'd'), lost, lost), ('-rX', '127.0.0.1:tree', 'DST'), (23,), right=right)
    case('the same of one that was never named', tree(lost), ('-rX', '127.0.0.1:tree', 'DST'), (23, 11), right=right)
    from evil_server import tap
    tap.end()


def to_zcpd():
    from evil_client import BIG as CONTENTS, OUT, ROOT, case, furnish, honest, tap
    from client import Failed

    furnish()
    os.mkfifo(os.path.join(ROOT, 'fifo'))
    meta = Meta('f', 0o644)

    def stored(ext, want, flags=0, data=b'evil', wants=ALL, mode=None):
        """OK's flags, and what the file has then."""
        def f(c):
            c.store(b'new', data, meta, flags, ext)
            path = os.path.join(ROOT, 'new')
            st = os.stat(path)
            if c.ok.flags != want or not has(path, *['user.fine'] * (FINE in ext and bool(wants))) or st.st_uid != os.geteuid():
                raise wire.WireError('flags %d, %r' % (c.ok.flags, os.listxattr(path)))
        return f, {'allowed': ('ok',), 'new': {b'new': ('f', data)}, 'wants': wants}

    def check(what, both):
        case(what, both[0], **both[1])
    for what, ext in ATTRIBUTES:
        check(what, stored(ext, wire.OK_NO_XATTRS))
        check(what + ', in segments', stored(ext, wire.OK_NO_XATTRS, data=CONTENTS))
    for what, ext in LISTS:
        check(what, stored(ext, wire.OK_NO_ACLS))
        check(what + ', in segments', stored(ext, wire.OK_NO_ACLS, data=CONTENTS))
    check('an owner: zcpd gives nothing away', stored([owner(4711, 4711), FINE], 0))
    check('an ext that SETUP did not speak of is passed over', stored([FINE, (EXTRA_ACL, acl(*LISTED))], 0, wants=0))
    check('tags of a later version', stored([(99, b'later'), FINE, (0, b'')], 0))

    def flood(c):
        for k in range(20):
            c.s.put('OPEN', id=k + 1, meta=Meta('f', 0o644, 10), path=b'flood%d' % k, ext=[(99, bytes(59000))])
        got = [c.s.get() for _ in range(20)]
        return Failed(next(m.fail for m in got if m.name == 'ERROR'))
    case('20 OPENs with 59,000 bytes each: 16 are granted', flood, wants=ALL)
    for name in ('STORE', 'OPEN', 'COMMIT', 'SETMETA'):
        case('60,001 bytes in ' + name, lambda c, n=name: (c.s.put(n, id=1, meta=meta, path=b'x', ext=[(99, bytes(59998))]), c.answer(1)), ('closed',), wants=ALL)

    # SETMETA: of what is there alone, never through a link
    evil = [attribute(b'user.evil', b'1')]
    for path in (b'fifo', b'abs', b'abs-file', b'rel-file', b'abs/secret', b'rel/secret', b'd/far/secret', b'none', b'd', b'', b'..', b'.zcp-' + b'0' * 32):
        case('SETMETA of a file: %r' % path, lambda c, p=path: c.setmeta(p, Meta('f', 0o600), ext=evil), ('error',), wants=ALL)
    for path in (b'big', b'abs', b'fifo', b'none'):
        case('SETMETA of a directory: %r' % path, lambda c, p=path: c.setmeta(p, Meta('d', 0o700), ext=evil), ('error',), wants=ALL)
    for kind in 'lo':
        case('SETMETA of type %s' % kind, lambda c, k=kind: c.setmeta(b'big', Meta(k, 0o600)), ('closed',), wants=ALL)
    for path in ('big', 'd', '../outside/secret', '../outside', '../outside/dir'):
        tap.ok(has(os.path.join(ROOT, path)), path + ' has nothing besides')

    def honestly(c):
        c.setmeta(b'big', Meta('f', 0o7640, 0, 1000000000, 5), ext=[FINE, (EXTRA_ACL, acl(*LISTED))])
        st = os.stat(os.path.join(ROOT, 'big'))
        if (st.st_mode & 0o7777, st.st_mtime_ns) != (0o640, 10**18 + 5) or besides.get(os.path.join(ROOT, 'big'), 'user.fine') != b'1':
            raise wire.WireError('mode %o, time %d' % (st.st_mode, st.st_mtime_ns))
        if len(besides.get(os.path.join(ROOT, 'big'), besides.ACCESS)) != len(acl(*LISTED)):
            raise wire.WireError('another ACL')
        m = c.setmeta(b'big', Meta('f', 0o600), wire.KEEP_MODE)
        if m.flags or not has(os.path.join(ROOT, 'big')) or os.stat(os.path.join(ROOT, 'big')).st_mtime_ns != 10**18 + 5:
            raise wire.WireError('flags %d' % m.flags)
    case('SETMETA of a file, honestly: mode & 0777, time, attribute, ACL; then none of these', honestly, ('ok',), wants=ALL)
    os.unlink(os.path.join(ROOT, 'fifo'))
    honest()
    tap.end()


{'to_zcp': to_zcp, 'to_zcpd': to_zcpd}[sys.argv[1]]()
