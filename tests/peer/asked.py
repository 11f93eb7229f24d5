#!/usr/bin/python3
"""asked.py - the scripted client's LOOKS, HASH, REMOVE, LINK and FETCH of a directory's extras, honestly, to the real zcpd. TAP.

    asked.py SUITE...       (a daemon: ROOT, PORT, HOSTKEY, T: helpers.bash)
"""
import os
import sys

import besides
import harness
import opening
import wire
from client import Client, Failed
from looks import meta_of
from wire import LOOK_FOLLOW, LOOKED_MISSING, LOOKED_THERE

ROOT = os.fsencode(os.environ['ROOT'])
KEY, PIN = harness.identity(), opening.key_parse(os.environ['HOSTKEY'])
tap = harness.Tap()
BIG = harness.content(600001, 'asked')


def at(*path):
    return os.path.join(ROOT, *path)


def client(suite, **how):
    return Client.connect(int(os.environ['PORT']), KEY, pin=PIN, suites=[suite], **how)


def seen(path):
    """As the wire has it: the size of a directory is 0."""
    m = meta_of(os.lstat(path))
    return m._replace(size=0) if m.type == 'd' else m


def status(f, *args, **more):
    try:
        f(*args, **more)
        return 0
    except Failed as e:
        return e.fail.status


def furnish():
    os.makedirs(at(b'd/sub/empty'))
    harness.write(at(b'd/f'), BIG)
    harness.write(at(b'd/none'), b'')
    harness.write(at(b'd/sub/x'), b'x')
    os.symlink(b'f', at(b'd/link'))
    os.symlink(b'sub', at(b'd/way'))
    os.symlink(b'nowhere', at(b'd/dangling'))
    os.symlink(b't' * 300, at(b'd/long'))
    os.mkfifo(at(b'd/fifo'))
    with open(at(b'd/holed'), 'wb') as f:
        f.truncate(3 << 20)
        f.seek((2 << 20) + 5)
        f.write(b'data')


def looks(c, said):
    names = [b'f', b'fi', b'fifo', b'link', b'long', b'none', b'sub', b'sub/x', b'sub/x/y', b'way/x', b'dangling', b'd' * 256, b'\xff\n']
    by = dict(zip(names, c.looks(b'd', names)))
    tap.ok(all(i.what == LOOKED_MISSING for n, i in by.items() if n in (b'fi', b'sub/x/y', b'\xff\n')), 'LOOKS: what is not there, %s' % said, by)
    tap.ok(by[b'd' * 256].what != LOOKED_THERE, 'LOOKS: a name that no file can have, %s' % said, by[b'd' * 256])
    for n in (b'f', b'none', b'fifo', b'sub', b'sub/x', b'way/x', b'link', b'dangling', b'long'):
        tap.ok(by[n].what == LOOKED_THERE and by[n].meta == seen(at(b'd', n)), 'LOOKS: %r, %s' % (n, said), by[n])
    tap.ok((by[b'link'].link, by[b'dangling'].link, by[b'long'].link, by[b'f'].link) == (b'f', b'nowhere', b'', b''), 'LOOKS: targets of links, %s' % said, by)
    tap.ok([i.link for i in c.looks(b'd', [b'link', b'dangling'], links=False)] == [b'', b''], 'LOOKS: ... none where none was wanted, %s' % said)
    followed = c.looks(b'd', [b'link', b'way', b'dangling', b'f'], flags=LOOK_FOLLOW)
    tap.ok([i.meta.type for i in followed if i.what == LOOKED_THERE] == ['f', 'd', 'f'] and followed[2].what == LOOKED_MISSING and followed[0].meta.size == len(BIG),
           'LOOKS: links followed, %s' % said, followed)
    tap.ok([i.what for i in c.looks(b'', [b'd', b'd/f', b'x'])] == [1, 1, 0] and c.looks(b'd/sub', [b'x'])[0].meta.size == 1, 'LOOKS: below the root, and deeper, %s' % said)
    tap.ok([i.what for i in c.looks(b'none/such', [b'a', b'b'])] == [0, 0], 'LOOKS: below what is not there, %s' % said)
    many = [b'sub/%d' % k for k in range(255)] + [b'f']
    tap.ok([i.what for i in c.looks(b'd', many)] == [0] * 255 + [1], 'LOOKS: 256 names, %s' % said)


def hashes(c, said):
    for what, args in (('all', {}), ('from a byte on', {'offset': 1}), ('a part', {'offset': 262143, 'length': 262146}), ('a chunk', {'length': 262144}),
                       ('beyond the end', {'offset': 600000, 'length': 99}), ('behind the end', {'offset': 700000})):
        tap.ok(c.has_contents(b'd/f', BIG, **args), 'HASH: %s, %s' % (what, said))
    tap.ok(not c.has_contents(b'd/f', BIG[:-1] + b'?'), 'HASH: another last byte, %s' % said)
    tap.ok(c.has_contents(b'd/none', b''), 'HASH: of an empty file, %s' % said)
    tap.ok(c.has_contents(b'd/holed', harness.read(at(b'd/holed'))), 'HASH: a file with holes, %s' % said)
    m, key = c.hash(b'd/f', key=bytes(32)), b'\1' + bytes(31)
    tap.ok(m.meta == meta_of(os.stat(at(b'd/f'))) and m.identity.ino == os.stat(at(b'd/f')).st_ino, 'DIGEST says which file it read, %s' % said, m)
    tap.ok(c.hash(b'd/f', key=key).digest != m.digest, 'HASH: another key, another digest, %s' % said)
    tap.ok(c.has_contents(b'd/link', BIG, flags=LOOK_FOLLOW) and status(c.hash, b'd/link') == 4, 'HASH: through a link only where it is to be followed, %s' % said)
    got = [status(c.hash, p) for p in (b'd', b'd/fifo', b'd/no', b'd/sub/x/y', b'd/dangling')]
    tap.ok(got == [4, 4, 3, 3, 4], 'HASH: what is no file, %s' % said, got)


def extras(c, said):
    for name, mode in ((b'd/sub', 0o750), (b'd/f', 0o640)):
        os.setxattr(at(name), 'user.b', b'2' * 300)
        os.setxattr(at(name), 'user.a', b'')
        os.chmod(at(name), mode)
    acl = wire.number(2, 4) + b''.join(wire.number(t, 2) + wire.number(p, 2) + wire.number(i, 4) for t, p, i in
                                       ((1, 7, 0xffffffff), (2, 5, 7), (4, 5, 0xffffffff), (16, 5, 0xffffffff), (32, 0, 0xffffffff)))
    for name in (b'd/sub', b'd/f'):
        os.setxattr(at(name), besides.ACCESS, acl)
    os.setxattr(at(b'd/sub'), besides.DEFAULT, acl)
    wanted = wire.SETUP_XATTRS | wire.SETUP_ACLS
    tap.ok(c.has_extras(b'd/f', besides.read(at(b'd/f'), c.wants)), 'HASH of extras, %s' % said, besides.read(at(b'd/f'), c.wants))
    tap.ok(c.has_extras(b'd/none', []), 'HASH of no extras, %s' % said)
    tap.ok(not c.has_extras(b'd/f', []) or not c.wants & wanted, 'HASH of extras, and others, %s' % said)
    if not c.wants & ~wire.SETUP_LINKS:
        tap.ok(status(c.extras_of, b'd/sub') == 4, 'a range of a directory, where nothing was asked for: 4, %s' % said)
        return
    for path in (b'd/sub', b'd/sub/empty', b''):
        m = c.extras_of(path)
        tap.ok(m.meta.type == 'd' and sorted(m.ext) == sorted(besides.read(at(path), c.wants)) and not m.contents, 'FETCH of the extras of %r, %s' % (path, said), m)
    m = c.extras_of(b'd/f')
    tap.ok(m.meta.size == len(BIG) and sorted(m.ext) == sorted(besides.read(at(b'd/f'), c.wants)), '... and of a file, %s' % said, m)
    got = [status(c.extras_of, p) for p in (b'd/no', b'd/fifo', b'd/way')] + [c.fetch(b'd/sub')[0].fail.status]
    tap.ok(got == [3, 4, 4, 4], '... and of what has none to be asked for, %s' % said, got)
    tap.ok(c.extras_of(b'd/way', wire.FETCH_FOLLOW).meta.type == 'd', '... through a link that is to be followed, %s' % said)


def changes(c, said):
    os.mkdir(at(b'made'))
    for name in (b'one', b'two', b'odd\n\xff'):
        harness.write(at(b'made', name), name)
    os.mkdir(at(b'made/dir'))
    os.symlink(b'one', at(b'made/soft'))
    os.mkfifo(at(b'made/fifo'))
    one = os.stat(at(b'made/one')).st_ino
    tap.ok(c.link(b'made/first', b'made/one').flags == 0 and os.stat(at(b'made/first')).st_ino == one, 'LINK: a new name, %s' % said)
    tap.ok(c.link(b'made/first', b'made/one').flags == wire.OK_EXISTED, 'LINK: it was that file\'s name, %s' % said)
    tap.ok(c.link(b'made/two', b'made/one').flags == 0 and harness.read(at(b'made/two')) == b'one', 'LINK: another file is replaced, %s' % said)
    tap.ok(c.link(b'made/soft', b'made/one').flags == 0 and os.lstat(at(b'made/soft')).st_ino == one, 'LINK: a link is replaced, %s' % said)
    tap.ok(c.link(b'made/dir/in', b'made/one').flags == 0 and os.stat(at(b'made/one')).st_nlink == 5, 'LINK: into another directory, %s' % said)
    got = [status(c.link, b'made/dir', b'made/one'), status(c.link, b'made/x', b'made/no'), status(c.link, b'made/no/x', b'made/one')]
    tap.ok(got == [45, 3, 3], 'LINK: over a directory, of nothing, into nothing, %s' % said, got)
    tap.ok(status(c.remove, b'made/dir', 1) != 0 and status(c.remove, b'made/dir') == 45 and status(c.remove, b'made/one', 1) == 45,
           'REMOVE: a directory that is not empty, and the wrong kind, %s' % said)
    for name in (b'one', b'first', b'two', b'soft', b'odd\n\xff', b'dir/in', b'fifo'):
        tap.ok(status(c.remove, b'made/' + name) == 0 and not os.path.lexists(at(b'made', name)), 'REMOVE: %r, %s' % (name, said))
    tap.ok([status(c.remove, b'made/one'), status(c.remove, b'made/one', 1)] == [0, 0], 'REMOVE: what is not there is OK, %s' % said)
    tap.ok(status(c.remove, b'made/dir', 1) == 0 and status(c.remove, b'made', 1) == 0 and not os.path.exists(at(b'made')), 'REMOVE: directories, the deepest first, %s' % said)


furnish()
for suite in sys.argv[1:]:
    for want in ('sealed', 'auto'):
        said = '%s, %s' % (suite, want)
        c = client(suite, want=want)
        looks(c, said)
        hashes(c, said)
        changes(c, said)
        c.bye()
for wants in (0, wire.SETUP_XATTRS, wire.SETUP_ACLS, wire.SETUP_OWNERS, wire.SETUP_XATTRS | wire.SETUP_ACLS | wire.SETUP_OWNERS | wire.SETUP_LINKS):
    c = client(sys.argv[-1], wants=wants)
    try:
        extras(c, 'SETUP %d' % wants)
    except OSError as e:
        tap.note('no attributes and ACLs here: %s' % e)
    c.bye()
tap.end()
