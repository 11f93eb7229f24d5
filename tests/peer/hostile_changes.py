#!/usr/bin/python3
"""hostile_changes.py - a client that lies to the real zcpd where it removes and links; other exports, and what is hidden. TAP.

    hostile_changes.py remove | link | exports | hidden     (a daemon: ROOT, PORT, HOSTKEY, T: helpers.bash)

exports: $T/outside/{two,ro,inner,closed} are exports two (writable), ro, d/in (writable) and d/closed (another key's), beside the root's own.
hidden: the daemon's configuration, keys and state lie in ROOT as zcpd.conf, keys and state.
"""
import os
import sys

import harness
import wire
from evil_client import ASIDE, BIG, OUT, OUTWARD, ROOT, SMALL, SPELLING, THROUGH, case, run, said, status, tap
from wire import LOOK_FOLLOW, number, put_str

EVERYTHING = wire.SETUP_XATTRS | wire.SETUP_ACLS | wire.SETUP_OWNERS
BROKEN = [b'n\0x', b'\0', b'd/\0', b'x' * 4096]
NO_EXT = b'\0\0'


def root(*path):
    return os.path.join(os.fsencode(ROOT), *path)


def raw(name, body):
    def f(c):
        c.s.put_plain(bytes([wire.TYPES[name]]) + body)
        return c.answer(1)
    return f


def torn(name, body):
    for n in range(len(body)):
        case('%s torn after %d bytes' % (name, n), raw(name, body[:n]), ('closed',))


def refused(what, f, *wanted, **how):
    case(what, status(wanted, f), ('error',), **how)


def remove():
    os.mkfifo(root(b'fifo'))
    for name in (ASIDE, ASIDE + b'.j'):
        harness.write(root(name), b'incomplete')
    for directory in (0, 1):
        for path in SPELLING + THROUGH + [b'', b'd/small/x', b'none/x']:
            refused('REMOVE of %r, %d' % (said(path), directory), lambda c: c.remove(path, directory), 3, 4, 11, 45)
        for path in BROKEN:
            case('REMOVE of %r, %d' % (said(path), directory), lambda c: c.remove(path, directory), ('closed',))
    for path in OUTWARD + [b'big', b'd/small', b'fifo']:
        refused('REMOVE of what is no directory as one: %r' % path, lambda c: c.remove(path, 1), 45)
    for path in (b'd', b'd/e'):
        refused('REMOVE of a directory as what is none: %r' % path, lambda c: c.remove(path), 45)
    refused('REMOVE of a directory that is not empty', lambda c: c.remove(b'd', 1), 11, 45)
    for directory in (2, 128, 255):
        case('REMOVE of what is neither: %d' % directory, lambda c: c.remove(b'big', directory), ('closed',))
    whole = number(1, 4) + b'\0' + put_str(b'big')
    torn('REMOVE', whole + NO_EXT)
    case('REMOVE with an ext that is cut', raw('REMOVE', whole + b'\5\0\1\xff\xff'), ('closed',))
    case('REMOVE with a byte left over', raw('REMOVE', whole + NO_EXT + b'x'), ('closed',))
    case('REMOVE of what is not there, a thousand times', lambda c: [c.remove(b'none', k % 2) for k in range(1000)] and None, ('ok',))

    def only_the_link(c):
        for path, target in ((b'abs', os.fsencode(OUT)), (b'rel-file', b'../outside/secret'), (b'd/far', b'../../outside/dir')):
            c.remove(path)
            if os.path.lexists(root(path)):
                raise wire.WireError('%r is still there' % path)
            os.symlink(target, root(path))
    case('REMOVE of a link that leads out removes the link alone', only_the_link, ('ok',))

    def again(c):
        """A directory of the same name is another one: what was kept open of the first is no more."""
        for k in range(2):
            c.mkdir(b'made')
            c.store(b'made/%d' % k, b'evil')
            if [i.what for i in c.looks(b'made', [b'0', b'1'])] != [k == 0, k == 1]:
                raise wire.WireError('LOOKS in the directory that was made %s: %r' % (('first', 'second')[k], c.looks(b'made', [b'0', b'1'])))
            c.hash(b'made/%d' % k)
            c.remove(b'made/%d' % k)
            c.remove(b'made', 1)
    case('a directory that is removed and made again is looked into anew', again, ('ok',))

    def gone(c):
        c.mkdir(b'made')
        c.store(b'made/x', b'evil')
        c.remove(b'made/x')
        c.remove(b'made', 1)
        return c.store(b'made/x', b'evil')
    refused('STORE into a directory that was just removed', gone, 3)

    def while_open(c):
        c.s.put('OPEN', id=1, flags=wire.EAGER, meta=wire.Meta('f', 0o644, len(BIG)), path=b'd/open')
        c.s.send_contents(1, BIG)
        c.s.put('REMOVE', id=2, path=b'd/open')
        c.s.put('DONE', id=1)
        c.answer(2)
        return c.answer(1)
    case('REMOVE of a file that is being stored: it is stored', while_open, ('ok',), new={b'd/open': ('f', BIG)})
    tap.ok(all(harness.read(root(n)) == b'incomplete' for n in (ASIDE, ASIDE + b'.j')), 'incomplete files are still there')
    for name in (ASIDE, ASIDE + b'.j', b'fifo'):
        os.unlink(root(name))


def link():
    os.mkfifo(root(b'fifo'))
    harness.write(root(ASIDE), b'incomplete')
    os.symlink(b'big', root(b'soft'))
    for path in SPELLING + THROUGH + [b'', b'd/small/x', b'none/x']:
        refused('LINK of the new name %r' % said(path), lambda c: c.link(path, b'big'), 3, 4, 11, 45)
    for to in SPELLING + THROUGH + OUTWARD + [b'', b'd/small/x', b'none', b'none/x', b'd', b'fifo', b'soft']:
        refused('LINK to %r' % said(to), lambda c: c.link(b'new', to), 3, 4, 11)
        refused('LINK to %r over a file' % said(to), lambda c: c.link(b'd/small', to), 3, 4, 11)
    for path in BROKEN:
        case('LINK of the new name %r' % said(path), lambda c: c.link(path, b'big'), ('closed',))
        case('LINK to %r' % said(path), lambda c: c.link(b'new', path), ('closed',))
    for path in (b'd', b'd/e', b'fifo'):
        refused('LINK over what is no file: %r' % path, lambda c: c.link(path, b'big'), 45)
    for path in (b'abs', b'abs-file', b'loop', b'd/far'):
        case('LINK over a link that leads out replaces the link: %r' % path, lambda c: c.link(path, b'big'), ('ok',), replaced=(path, 'f', BIG))
    whole = number(1, 4) + put_str(b'new') + put_str(b'big')
    torn('LINK', whole + NO_EXT)
    case('LINK with an ext that is cut', raw('LINK', whole + b'\5\0\1\xff\xff'), ('closed',))
    case('LINK with a byte left over', raw('LINK', whole + NO_EXT + b'x'), ('closed',))

    def to_itself(c):
        if c.link(b'big', b'big').flags != wire.OK_EXISTED:
            raise wire.WireError('it was no name of itself')
    case('LINK of a file to itself', to_itself, ('ok',))

    def apart(c):
        """What is stored under one name is not stored under the other."""
        c.link(b'new', b'd/small')
        c.store(b'new', b'evil')
        c.link(b'new2', b'big')
        c.store(b'new2', BIG[:100000])
    case('a file that is stored over a name leaves the other names what they were', apart, ('ok',), new={b'new': ('f', b'evil'), b'new2': ('f', BIG[:100000])})

    def replaced(c):
        c.store(b'other', b'evil')
        return c.link(b'other', b'd/small')
    case('LINK over another file', replaced, ('ok',), new={b'other': ('f', SMALL)})
    tap.ok(os.stat(os.path.join(OUT, 'secret')).st_nlink == os.stat(os.path.join(OUT, 'dir/secret')).st_nlink == 1, 'nothing outside has another name')
    tap.ok(os.stat(root(ASIDE)).st_nlink == 1 and harness.read(root(ASIDE)) == b'incomplete', 'an incomplete file has none')
    for name in (ASIDE, b'fifo', b'soft'):
        os.unlink(root(name))


def missing(*paths, flags=0):
    def f(c):
        got = c.looks(b'', [b'big', *paths], flags=flags)
        if [i.what for i in got] != [wire.LOOKED_THERE] + [wire.LOOKED_MISSING] * len(paths):
            raise wire.WireError('%r' % dict(zip(paths, got[1:])))
    return f


def exports():
    for name in (b'd/in', b'd/closed'):
        os.mkdir(root(name))
        harness.write(root(name, b'covered'), b'covered')
    os.symlink(b'd/in', root(b'way'))
    os.symlink(b'd/closed/covered', root(b'way-file'))
    for path in (b'two', b'ro', b'd/in', b'd/closed'):
        for directory in (0, 1):
            refused('REMOVE of the export %r, %d' % (path, directory), lambda c: c.remove(path, directory), 3, 4)
        refused('LINK over the export %r' % path, lambda c: c.link(path, b'big'), 3, 4, 11)
        refused('LINK to the export %r' % path, lambda c: c.link(path + b'/x', path), 3, 4, 11)
        refused('HASH of the export %r' % path, lambda c: c.hash(path), 3, 4)
    refused('REMOVE of a directory that has an export of its own below', lambda c: c.remove(b'd', 1), 11)
    for directory in (0, 1):
        refused('REMOVE in an export that is read', lambda c: c.remove(b'ro/f', directory), 4)
        refused('... of what is not there', lambda c: c.remove(b'ro/none', directory), 4)
        refused('... of a directory', lambda c: c.remove(b'ro/empty', directory), 4)
    for path, to in ((b'ro/x', b'ro/f'), (b'ro/f', b'ro/f'), (b'ro/x', b'big'), (b'x', b'ro/f'), (b'two/x', b'big'), (b'x', b'two/f'), (b'two/x', b'd/in/f'),
        (b'd/in/x', b'd/small'),
                     (b'x', b'd/in/f'), (b'd/in/f', b'big'), (b'two/f', b'd/in/f')):
        refused('LINK from one export into another, or one that is read: %r, %r' % (path, to), lambda c: c.link(path, to), 4)
    for path, to in ((b'x', b'd/closed/f'), (b'd/closed/x', b'd/closed/f'), (b'd/closed/x', b'big'), (b'x', b'd/closed/covered')):
        refused('LINK with an export of another key: %r, %r' % (path, to), lambda c: c.link(path, to), 3)
    for path, to in ((b'x', b'way/covered'), (b'x', b'way/f'), (b'way/x', b'big'), (b'x', b'way-file'), (b'x', b'way'), (b'd/in/x', b'd/in/covered')):
        refused('LINK with what an export hides: %r, %r' % (path, to), lambda c: c.link(path, to), 3, 4, 11)
    hidden_by = (b'd/in/covered', b'd/closed', b'd/closed/f', b'd/closed/covered', b'way/covered', b'two/none', b'ro/none')
    case('LOOKS of what another export hides, or is another key\'s', missing(*hidden_by), ('ok',))
    case('... following links', missing(*hidden_by, b'way', b'way-file', flags=LOOK_FOLLOW), ('ok',))
    for path in hidden_by + (b'way', b'way-file'):
        refused('HASH of %r' % path, lambda c: c.hash(path, flags=LOOK_FOLLOW), 3)
        refused('FETCH of the extras of %r' % path, lambda c: c.extras_of(path, wire.FETCH_FOLLOW), 3, wants=EVERYTHING)
    for path in (b'd/in/covered', b'd/closed/f', b'd/closed/covered', b'way/covered', b'd/closed'):
        case('REMOVE of what is hidden removes nothing: %r' % path, lambda c: c.remove(path), ('ok', 'error'))

    def allowed(c):
        if [i.what for i in c.looks(b'', [b'ro/f', b'two/f', b'd/in/f', b'ro', b'd/in', b'two'])] != [wire.LOOKED_THERE] * 6:
            raise wire.WireError('LOOKS')
        if not all(c.has_contents(p, p) for p in (b'ro/f', b'two/f', b'd/in/f')):
            raise wire.WireError('HASH')
        if [c.extras_of(p).meta.type for p in (b'ro', b'ro/empty', b'two', b'd/in', b'')] != ['d'] * 5:
            raise wire.WireError('FETCH of extras')
        c.link(b'two/x', b'two/f')
        c.remove(b'two/x')
        c.link(b'd/in/x', b'd/in/f')
        c.remove(b'd/in/x')
    case('what is allowed is done', allowed, ('ok',), wants=EVERYTHING)
    tap.ok(all(harness.read(root(n, b'covered')) == b'covered' and os.stat(root(n, b'covered')).st_nlink == 1 for n in (b'd/in', b'd/closed')), 'what lies beneath is as it was')


def hidden():
    for name, target in ((b'soft', b'state/host_key'), (b'way', b'state'), (b'soft-keys', b'keys')):
        os.symlink(target, root(name))
    os.link(root(b'state/host_key'), root(b'hard'))
    names = (b'state', b'state/host_key', b'state/none', b'keys', b'zcpd.conf', b'hard')
    through = (b'soft', b'way', b'way/host_key', b'soft-keys')
    case('LOOKS of what is hidden', missing(*names, b'way/host_key'), ('ok',))
    case('... following links', missing(*names, *through, flags=LOOK_FOLLOW), ('ok',))
    case('... below a directory that is', lambda c: [i.what for i in c.looks(b'state', [b'host_key', b'x'])] == [0, 0] and None, ('ok',))
    for path in names + through:
        refused('HASH of %r' % path, lambda c: c.hash(path, flags=LOOK_FOLLOW), 3)
        refused('HASH of the extras of %r' % path, lambda c: c.hash(path, flags=LOOK_FOLLOW | wire.LOOK_EXTRAS), 3, wants=EVERYTHING)
        refused('FETCH of the extras of %r' % path, lambda c: c.extras_of(path, wire.FETCH_FOLLOW), 3, wants=EVERYTHING)
        refused('LINK to %r' % path, lambda c: c.link(b'new', path), 3, 11)
        refused('LINK of a hidden name to itself: %r' % path, lambda c: c.link(path, path), 3, 11)
    for path in names + (b'way/host_key', b'way/none'):
        refused('LINK of the name %r' % path, lambda c: c.link(path, b'big'), 3, 11)
        for directory in (0, 1):
            refused('REMOVE of %r, %d' % (path, directory), lambda c: c.remove(path, directory), 3, 11)
    tap.ok(os.stat(root(b'hard')).st_nlink == 2, 'the host key has no further name')
    for name in (b'hard', b'soft', b'way', b'soft-keys'):
        os.unlink(root(name))


run({'remove': remove, 'link': link, 'exports': exports, 'hidden': hidden}, sys.argv[1])
