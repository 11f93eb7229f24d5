#!/usr/bin/python3
"""hostile_delete.py - a server that lies to the real zcp about what is in the source, or at the destination, where --delete removes what is not. TAP.

    hostile_delete.py down | up

down: nothing outside of the destination goes, and nothing at all when the listing was broken, had an error, or did not end. up: nothing is removed here, and the host is asked to
remove nothing but what it has itself listed whole, below the destination.
"""
import os
import sys

import harness
from evil_server import DATA, DIR, FILE, ROOT, Evil, case, room, run, tap
from hostile_looked import WORDS, There, source
from stream import Closed
from wire import SENT_INLINE, Entry, Fail, Identity, Meta

EVIL = [b'../x', b'../outside', b'/etc/passwd', b'', b'.', b'..', b'a/b', b'sub/c', b'/', b'sub/', b'.zcp-' + b'0' * 32, b'.zcp-' + b'0' * 32 + b'.j', b'n\0x', b'\0', b'x' * 256, b'../' * 20 + b'etc']
OLD = {b'tree/old': ('f', b'old'), b'tree/sub/c': ('f', b'old'), b'tree/sub/deep/d': ('f', b'old'), b'tree/ln': ('l', b'../../outside.d'), b'tree/file-ln': ('l', b'../../outside'),
       b'other': ('f', b'old'), b'other.d/x': ('f', b'old')}
DIRS = {b'tree', b'tree/sub', b'tree/sub/deep', b'tree/empty', b'other.d'}
WHOLE = {**OLD, **{d: ('d', b'') for d in DIRS}}
FINE = Entry(0, 1, FILE, b'fine')
SUB = Entry(0, 1, DIR, b'sub')
LOST = Entry(1, 1, Meta('o'), b'lost', b'', Fail(11, 1, 13))


def furnish(dst):
    """What stands at the destination: links in it lead to what stands beside it."""
    for d in sorted(DIRS):
        os.mkdir(os.path.join(os.fsencode(dst), d))
    for name, (kind, data) in OLD.items():
        path = os.path.join(os.fsencode(dst), name)
        os.symlink(data, path) if kind == 'l' else harness.write(path, data)


def all_kept(dst):
    there = harness.snapshot(dst)
    return all(there.get(name) == what for name, what in WHOLE.items())


def down(what, server, args=('-a', '--delete'), statuses=(2,), gone=None, check=None):
    """gone: what has been removed, and no more; None: nothing."""
    right = {**WHOLE, b'tree/fine': ('f', DATA)}

    def look(sv, r, dst):
        there = harness.snapshot(dst)
        lost = {name for name, kept in WHOLE.items() if there.get(name) != kept}
        words = r.status != 2 or any(w in r.text for w in WORDS)
        said = r.status in (0, 2, 10) or 'nothing was removed' in r.text or gone is not None
        return lost == set(gone or ()) and words and said and (not check or check(sv, r, dst))
    case(what, server, (*args, '127.0.0.1:tree', 'DST'), statuses, right=right, check=look, before=furnish)


def tree(*more):
    return Evil(pages=[[ROOT, FINE, *more]])


def down_group():
    for name in EVIL:
        for what, meta, link in (('file', FILE, b''), ('directory', DIR, b''), ('link', Meta('l', 0o777, 1), b't')):
            down('a %s named %r' % (what, name[:40]), tree(Entry(0, 1, meta, name, link)))
            down('... before anything else', Evil(pages=[[ROOT, Entry(0, 1, meta, name, link), FINE]]))
        down('what failed is named %r' % name[:40], tree(Entry(1, 1, Meta('o'), name, b'', Fail(3, 1, 2))), statuses=(2, 23, 3))
    for what, pages in (
        ('a doubled name', [[ROOT, FINE, FINE]]), ('a doubled name on another page', [[ROOT, FINE], [FINE]]), ('a directory twice', [[ROOT, SUB, FINE, SUB]]),
        ('a directory and a file of one name', [[ROOT, SUB, Entry(0, 1, FILE, b'sub')]]),
        ('a child of a file', [[ROOT, FINE, Entry(0, 2, FILE, b'x')]]), ('a parent not listed', [[ROOT, FINE, Entry(0, 9, FILE, b'x')]]),
        ('a parent of 2^32-1', [[ROOT, Entry(0, 0xffffffff, FILE, b'x')]]),
        ('a second root', [[ROOT, FINE, ROOT]]), ('no root', [[FINE]]), ('a root with a name', [[Entry(0, 0, DIR, b'sub'), FINE]]),
        ('a root that is a file', [[Entry(0, 0, FILE)]]),
        ('a root that is a link', [[Entry(0, 0, Meta('l'), b'', b'/')]]), ('nothing', []), ('a page of nothing', [[]]),
        ('thousands of pages of nothing, then a doubled name', [[ROOT, FINE]] + [[]] * 3000 + [[FINE]]),
        ('a directory in pieces', [[ROOT, SUB, Entry(0, 2, FILE, b'c'), FINE]]), ('a type that is none', [[ROOT, FINE, Entry(0, 1, Meta('x'), b'x')]]),
        ('an entry that failed with status 0', [[ROOT, FINE, Entry(1, 1, FILE, b'x')]]),
    ):
        down('a listing with ' + what, Evil(pages=pages))

    class Ends(Evil):
        def end(self, s, m):
            self.says(s, m, s.count)
    for what, statuses, says in (
        ('one entry more than came', (2,), lambda s, m, n: s.put('END', id=m.id, entries=n + 1)), ('one less', (2,),
         lambda s, m, n: s.put('END', id=m.id, entries=n - 1)),
        ('none', (2,), lambda s, m, n: s.put('END', id=m.id)), ('2^32-1', (2,), lambda s, m, n: s.put('END', id=m.id, entries=0xffffffff)),
        ('another listing', (2,), lambda s, m, n: s.put('END', id=m.id + 1, entries=n)), ('itself, cut', (2,), lambda s, m, n: s.put_plain(b'\x2e' + bytes(5))),
        ('a failure', (11, 23), lambda s, m, n: s.put('END', id=m.id, entries=n, fail=Fail(11, 1, 5))), ('a failure of an unknown kind', tuple(range(1, 256)),
         lambda s, m, n: s.put('END', id=m.id, entries=n, fail=Fail(255, 255, 9))),
        ('that the receiver gave up', (23, 24), lambda s, m, n: s.put('END', id=m.id, entries=n, fail=Fail(24, 27))), ('a missing directory', (3, 23),
         lambda s, m, n: s.put('END', id=m.id, fail=Fail(3, 1, 2))),
    ):
        down('END says ' + what, Ends(says=says), statuses=statuses)

    def closes(s, m, n):
        raise Closed('as planned')
    down('a listing that is cut before END', Ends(says=closes), statuses=(10,))
    for more in ([LOST], [SUB, Entry(1, 2, Meta('o'), b'', b'', Fail(11, 1, 13))], [SUB, Entry(1, 1, Meta('o'), b'sub', b'', Fail(11, 43))],
                 [Entry(1, 0, Meta('o'), b'', b'', Fail(11, 1, 13))]):
        down('a listing with an entry that failed: %r' % more[-1].name, tree(*more), statuses=(11, 23), check=lambda sv, r, dst: 'nothing was removed' in r.text)

    class Fetch(Evil):
        def send_file(self, s, id_, item):
            self.says(s, id_)
    down('closed when a file is asked for', Fetch(says=lambda s, i: closes(s, i, 0)), statuses=(10,))
    down('what is no FILE in its place', Fetch(says=lambda s, i: s.put('OK', id=i)))
    down('a FILE that is a directory', Fetch(says=lambda s, i: s.put('FILE', id=i, flags=SENT_INLINE, meta=Meta('d'), identity=Identity(1, 2))))

    # an honest end: what goes lies below the destination alone, and what is a link goes as a link
    every = {n for n in WHOLE if n.startswith(b'tree/')}
    outside = {b'outside.d': ('d', b''), b'outside.d/x': ('f', b'precious')}

    def with_outside(dst):
        furnish(dst)
        os.mkdir(os.path.join(dst, '../outside.d'))
        harness.write(os.path.join(dst, '../outside.d/x'), b'precious')
    beside_kept(('a listing of one file: all else goes', tree(), every), ('a listing of nothing but its root: all goes', Evil(pages=[[ROOT]]), every),
                ('a directory where a link stands that leads out', tree(Entry(0, 1, DIR, b'ln')), None),
                ('a file in it', tree(Entry(0, 1, DIR, b'ln'), Entry(0, 2, FILE, b'new')), None),
                ('files where a directory stands', tree(Entry(0, 1, FILE, b'sub'), Entry(0, 1, FILE, b'empty')),
                 every - {b'tree/sub', b'tree/sub/c', b'tree/sub/deep', b'tree/sub/deep/d', b'tree/empty'}),
                ('links where directories stand', tree(Entry(0, 1, Meta('l'), b'sub', b'/etc')), every - {b'tree/sub', b'tree/sub/c', b'tree/sub/deep', b'tree/sub/deep/d'}),
                ('a device where a directory stands', tree(Entry(0, 1, Meta('o'), b'sub')), every - {b'tree/sub', b'tree/sub/c', b'tree/sub/deep', b'tree/sub/deep/d'}), before=with_outside, beside=outside)


def beside_kept(*cases, before, beside):
    """With a directory beside the destination that a link in it leads to: it keeps what it has. gone None: that is not looked at."""
    for what, server, gone in cases:
        base = room.new()
        dst = os.path.join(base, 'dst')
        os.mkdir(dst)
        harness.write(os.path.join(base, 'outside'), b'as it was')
        before(dst)
        server.start()
        r = harness.zcp('-a', '--delete', '127.0.0.1:tree', dst + '/', port=server.port, key=server.key)
        server.stop()
        there = harness.snapshot(dst)
        lost = {n for n, kept in WHOLE.items() if there.get(n) != kept}
        found = {n: v for n, v in harness.snapshot(base).items() if not n.startswith(b'dst')}
        kept = found == {b'outside': ('f', b'as it was'), **beside}
        tap.ok(kept and r.status in (0, 4, 11, 23, 45) and (gone is None or lost == gone) and not any(n.startswith(b'other') for n in lost), what,
               '%r\nlost: %r\nbeside: %r' % (r, sorted(lost), found))
        room.drop(base)


class Lists(There):
    """Lists `pages` for any LIST: what it claims to have."""
    says = None

    def on_LIST(self, s, m):
        s.pages, s.count = iter(self.pages), 0
        self.on_NEXT(s, m)

    def on_NEXT(self, s, m):
        page = next(s.pages, None)
        if page is None:
            return (self.says or (lambda s, m, n: s.put('END', id=m.id, entries=n)))(s, m, s.count)
        s.count += len(page)
        s.put('ENTRIES', id=m.id, entries=page)

    def on_CANCEL(self, s, m):
        s.put('END', id=m.id, entries=s.count)


def up(what, server, statuses=(2,), removed=(), said='', args=('-a', '--delete')):
    base, top = source()
    there = os.path.join(os.fsdecode(server.root), 'tree')
    os.mkdir(there)
    before = harness.snapshot(base)
    server.start()
    r = harness.zcp(*args, top, '127.0.0.1:', port=server.port, key=server.key)
    server.stop()
    kept = harness.snapshot(base) == before
    good = r.status in statuses and kept and sorted(server.removed) == sorted(removed) and said in r.text and (r.status != 2 or any(w in r.text for w in WORDS))
    tap.ok(good and '\x1b' not in r.text and '\a' not in r.text, what, '%r\nthe source is as it was: %s; removed %r\nserver: %s %s' % (r, kept, server.removed, server.seen[-12:], server.errors))
    for path in (base, os.fsdecode(server.root)):
        room.drop(path)


def up_group():
    mine = [ROOT, Entry(0, 1, FILE, b'a'), SUB]
    old = Entry(0, 1, FILE, b'old')
    up('a listing of what is here, and more', Lists(pages=[mine + [old, Entry(0, 2, FILE, b'old')]]), (0,), [b'tree/old', b'tree/sub/old'])
    up('a listing of nothing', Lists(pages=[[ROOT]]), (0,))
    for name in EVIL:
        for meta, link in ((FILE, b''), (DIR, b''), (Meta('l'), b't')):
            up('a name %r of type %s' % (name[:40], meta.type), Lists(pages=[mine + [old, Entry(0, 1, meta, name, link)]]))
    for what, pages in (
        ('a doubled name', [mine + [old, old]]), ('a doubled name on another page', [mine + [old], [old]]),
        ('a child of a file', [mine + [old, Entry(0, 3, FILE, b'x')]]), ('a parent of 2^32-1', [mine + [old, Entry(0, 0xffffffff, FILE, b'x')]]),
        ('a second root', [mine + [old, ROOT]]), ('no root', [[old]]), ('a root that is a file', [[Entry(0, 0, FILE)]]),
        ('a type that is none', [mine + [old, Entry(0, 1, Meta('x'), b'x')]]),
        ('a directory in pieces', [mine + [Entry(0, 2, FILE, b'old'), old]]),
    ):
        up('a listing with ' + what, Lists(pages=pages))
    for what, statuses, says in (
        ('one entry more than came', (2,), lambda s, m, n: s.put('END', id=m.id, entries=n + 1)), ('none', (2,), lambda s, m, n: s.put('END', id=m.id)),
        ('another listing', (2,), lambda s, m, n: s.put('END', id=m.id + 1, entries=n)),
    ):
        up('END says ' + what, Lists(pages=[mine + [old]], says=says), statuses)
    for fail in (Fail(11, 1, 5), Fail(255, 255, 9), Fail(3, 1, 2), Fail(24, 27)):
        up('END says %r' % (fail,), Lists(pages=[mine + [old]], says=lambda s, m, n: s.put('END', id=m.id, entries=n, fail=fail)), tuple(range(0 if fail.why == 27 else 1, 256)), said='nothing was removed')
    up('an entry that failed', Lists(pages=[mine + [old, LOST]]), tuple(range(256)), said='nothing was removed')
    up('an entry of a directory here that failed', Lists(pages=[mine + [old, Entry(1, 2, Meta('o'), b'x', b'', Fail(11, 1, 13))]]), tuple(range(256)),
        said='nothing was removed')

    def closes(s, m, n):
        raise Closed('as planned')
    up('a listing that is cut', Lists(pages=[mine + [old]], says=closes), (10,))
    for name, fields in (('OK', {}), ('LOOKED', {}), ('DIGEST', {}), ('ATTR', {}), ('FILE', {}), ('ERROR', dict(fail=Fail(11, 1, 5)))):
        up('%s in the place of END' % name, Lists(pages=[mine + [old]], says=lambda s, m, n: s.put(name, id=m.id, **fields)))

    class Removes(Lists):
        def on_REMOVE(self, s, m):
            self.removed.append(m.path)
            self.answers(s, m)
    pages = [mine + [old]]
    for what, statuses, answers in (
        ('OK of another request', (2,), lambda s, m: s.put('OK', id=m.id + 1)), ('ATTR', (2,), lambda s, m: s.put('ATTR', id=m.id)), ('LOOKED', (2,),
        lambda s, m: s.put('LOOKED', id=m.id)), ('DIGEST', (2,), lambda s, m: s.put('DIGEST', id=m.id)),
        ('RESEND', (2,), lambda s, m: s.put('RESEND', id=m.id, length=1)), ('ASIDE', (2,), lambda s, m: s.put('ASIDE', id=m.id)),
        ('an ERROR of an unknown kind', tuple(range(1, 256)), lambda s, m: s.put('ERROR', id=m.id, fail=Fail(255, 255, 9))),
        ('an ERROR that says all is well', (2, 11, 23), lambda s, m: s.put('ERROR', id=m.id)), ('an ERROR: not empty', (11, 23),
        lambda s, m: s.put('ERROR', id=m.id, fail=Fail(11, 1, 39))),
        ('OK and ERROR', (2,), lambda s, m: (s.put('OK', id=m.id), s.put('ERROR', id=m.id, fail=Fail(11, 1, 39)))), ('OK with all flags', (0,),
        lambda s, m: s.put('OK', id=m.id, flags=255)),
    ):
        up('REMOVE is answered by ' + what, Removes(pages=pages, answers=answers), statuses, [b'tree/old'])


if __name__ == '__main__':
    run({'down': down_group, 'up': up_group}, sys.argv[1])
