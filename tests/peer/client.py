#!/usr/bin/python3
"""client.py - a scripted zcp: every request, honestly. hostile_client.py builds on it.

    client.py [--key FILE] [--pin KEY] [--suite NAME] [--want sealed|auto|raw] [--none] [--besides] [--holes] PORT COMMAND ARG...
commands: list PATH | stat PATH | get PATH FILE | put FILE PATH | put-ranges FILE PATH | get-tree PATH DIR | put-tree DIR PATH | range PATH OFFSET LENGTH FILE
--holes: get, put and put-ranges keep them. --besides: attributes and ACLs, too, and down, as root, owners. Says the suite, how contents travelled (sealed or raw) and what was moved.
"""
import argparse
import os
import sys

import besides
import holes
import opening
import wire
from looks import Asks, meta_of
from wire import EAGER, FETCH_RANGE, INLINE_MAX, KEEP_MODE, KEEP_TIMES, LOOK_FOLLOW, LOOK_RECURSE, Identity, Item, Meta


class Failed(Exception):
    """The daemon's ERROR for one request."""

    def __init__(self, fail):
        super().__init__(repr(fail))
        self.fail = fail


class Client(Asks):
    def __init__(self, stream):
        self.s, self.id, self.carries, self.files = stream, 0, set(), []

    @classmethod
    def connect(cls, port, static=None, wants=0, **how):
        return cls(opening.client_open(opening.connect(port), static, **how)).begin(flags=wants)

    def begin(self, **setup):
        self.wants = setup.get('flags', 0)
        self.s.put('SETUP', **setup)
        self.welcome = self.s.expect('WELCOME', 'REFUSED')
        if self.welcome.name == 'REFUSED':
            raise opening.Refused(self.welcome.fail)
        self.s.carry = self.welcome.carry
        self.answer(0)
        return self

    def next_id(self, n=1):
        self.id += n
        return self.id - n + 1

    def answer(self, id_, *names):
        """The answer to a request: one of names (default OK); ERROR is raised."""
        m = self.s.expect('ERROR', *(names or ('OK',)))
        if m.id != id_:
            raise wire.WireError('an answer to %d, %d was asked: %r' % (m.id, id_, m))
        if m.name == 'ERROR':
            raise Failed(m.fail)
        return m

    def bye(self):
        self.s.put('BYE')
        self.s.expect('BYE')
        self.s.close()

    # looking
    def stat(self, path, flags=LOOK_FOLLOW):
        id_ = self.next_id()
        self.s.put('STAT', id=id_, flags=flags, path=path)
        return self.answer(id_, 'ATTR')

    def list(self, path, flags=LOOK_RECURSE):
        """[(path below the root of the listing, Entry)], with the parents' names put before."""
        id_ = self.next_id()
        self.s.put('LIST', id=id_, flags=flags, path=path)
        found, dirs = [], [None]
        while True:
            m = self.answer(id_, 'ENTRIES', 'END')
            if m.name == 'END':
                if m.fail.status:
                    raise Failed(m.fail)
                if m.entries != len(found):
                    raise wire.WireError('END counts %d entries, %d came' % (m.entries, len(found)))
                return found
            for e in m.entries:
                if (e.parent == 0) != (not found) or e.parent >= len(dirs):
                    raise wire.WireError('an entry\'s parent is no directory listed before: %r' % (e,))
                above = dirs[e.parent] if e.parent else b''
                where = above + b'/' + e.name if above else e.name
                if e.meta.type == 'd' and e.what == 0:
                    dirs.append(where)
                found.append((where, e))
            self.s.put('NEXT', id=id_)

    # down
    def fetch(self, *paths, flags=0):
        """[bytes or Failed] in the order asked."""
        return self.fetch_items([Item(flags, p) for p in paths])

    def fetch_items(self, items):
        self.files = []                         # the FILEs of it
        first = self.next_id(len(items))
        self.s.put('FETCH', first=first, items=items)
        return [self.fetched(first + i, item) for i, item in enumerate(items)]

    def fetched(self, id_, item=Item()):
        try:
            self.file = self.answer(id_, 'FILE')
        except Failed as e:
            self.files.append(None)
            return e
        self.files.append(self.file)
        if self.file.flags & wire.SENT_INLINE:
            self.s.gaps = []
            return self.file.contents
        raw = []
        length = self.file.meta.size
        if item.flags & FETCH_RANGE:
            return self.fetched_range(id_, item)
        data, bad, done = self.s.take_contents(id_, length, raw)
        self.carries |= set(raw)
        if bad or done.flags or len(data) != length:
            raise wire.WireError('%r: %d of %d bytes, bad chunks %r' % (done, len(data), length, bad))
        return data

    def fetched_range(self, id_, item):
        data, self.s.gaps = bytearray(), []
        while True:
            m = self.s.expect('SEGMENT', 'HOLE', 'DONE')
            if m.name == 'DONE':
                return bytes(data)
            if m.id != id_ or m.offset != item.offset + len(data):
                raise wire.WireError('a segment out of place: %r' % m)
            if m.name == 'HOLE':
                self.s.gaps.append((m.offset, m.offset + m.length))
                data += bytes(m.length)
                continue
            piece, bad, _ = self.s.take_segment(m)
            if bad:
                raise wire.WireError('bad chunks %r' % bad)
            self.carries.add(m.carry)
            data += piece

    # up
    def store(self, path, data, meta=None, flags=0, ext=(), gaps=()):
        """Inline, or OPEN and segments; above 1 MiB the contents wait for the OK. The receiving engine's id."""
        meta = (meta or Meta())._replace(size=len(data))
        id_ = self.next_id()
        if len(data) <= INLINE_MAX:
            self.s.put('STORE', id=id_, flags=flags, meta=meta, path=path, ext=ext, contents=data)
            self.ok = self.answer(id_)
            return self.ok.engine
        return self.store_open(id_, path, data, meta, flags | (EAGER if len(data) <= 1 << 20 else 0), ext, gaps)

    def store_open(self, id_, path, data, meta, flags, ext=(), gaps=()):
        self.s.put('OPEN', id=id_, flags=flags | (wire.SPARSE if gaps else 0), meta=meta, path=path, ext=ext)
        if not flags & EAGER:
            self.answer(id_)
        self.carries.add(self.s.carry)
        self.s.send_contents(id_, data, gaps=gaps)
        self.s.put('DONE', id=id_)
        return self.finish_store(id_, data)

    def finish_store(self, id_, data):
        while True:
            m = self.answer(id_, 'OK', 'RESEND')
            if m.name == 'OK':
                self.ok = m
                return m.engine
            self.s.send_segment(id_, m.offset, data[m.offset:m.offset + m.length], carry=wire.CARRY_SEALED)
            self.s.put('DONE', id=id_)

    # up, by ranges
    def open_aside(self, path, meta, identity=Identity(), flags=0):
        """ASIDE: .run and .gaps."""
        id_ = self.next_id()
        self.s.put('OPEN_ASIDE', id=id_, flags=flags, meta=meta, identity=identity, path=path)
        return self.answer(id_, 'ASIDE')

    def begin_range(self, path, run, offset, length):
        id_ = self.next_id()
        self.s.put('RANGE', id=id_, run=run, offset=offset, length=length, path=path)
        return id_

    def send_range(self, path, run, offset, data, gaps=(), **twist):
        """Segments at once behind it, and what is asked for again. The receiving engine's id."""
        id_ = self.begin_range(path, run, offset, len(data))
        self.carries.add(self.s.carry)
        for a, b, hole in holes.parts(offset, offset + len(data), gaps):
            if hole:
                self.s.put('HOLE', id=id_, offset=a, length=b - a)
            for i in range(a, a if hole else b, 1 << 20):
                self.s.send_segment(id_, i, data[i - offset:min(i + (1 << 20), b) - offset], **twist)
        self.s.put('DONE', id=id_)
        self.resent = []
        while True:
            m = self.answer(id_, 'OK', 'RESEND')
            if m.name == 'OK':
                return m.engine
            self.resent.append((m.offset, m.length))
            at = m.offset - offset
            self.s.send_segment(id_, m.offset, data[at:at + m.length], carry=wire.CARRY_SEALED)
            self.s.put('DONE', id=id_)

    def commit(self, path, run, meta=Meta(), flags=0, ext=()):
        id_ = self.next_id()
        self.s.put('COMMIT', id=id_, flags=flags, run=run, meta=meta, path=path, ext=ext)
        return self.answer(id_)

    def store_ranges(self, path, data, meta=None, identity=Identity(), step=1 << 20, flags=0, ext=(), gaps=()):
        """What is missing, in pieces, the last first; bytes sent."""
        meta, sent = (meta or Meta())._replace(size=len(data)), 0
        aside = self.open_aside(path, meta, identity, wire.SPARSE if gaps else 0)
        pieces = [(at, min(at + step, off + n)) for off, n in aside.gaps for at in range(off, off + n, step)]
        for at, end in reversed(pieces):
            self.send_range(path, aside.run, at, data[at:end], gaps)
            sent += end - at
        self.commit(path, aside.run, meta, flags, ext)
        return sent

    def make(self, name, path, meta, flags=0, **more):
        id_ = self.next_id()
        given = {'flags': flags} if name != 'SYMLINK' else {}
        self.s.put(name, id=id_, meta=meta, path=path, **given, **more)
        return self.answer(id_)

    def mkdir(self, path, mode=0o755):
        return self.make('MKDIR', path, Meta('d', mode))

    def symlink(self, path, target):
        return self.make('SYMLINK', path, Meta('l', 0o777, len(target)), target=target)

    def setmeta(self, path, meta, flags=KEEP_MODE | KEEP_TIMES, ext=()):
        return self.make('SETMETA', path, meta, flags, ext=ext)

    # trees
    def get_tree(self, path, where):
        entries = self.list(path)
        dirs, files = [], []
        for name, e in entries:
            local = os.path.join(os.fsencode(where), name)
            if e.what:
                raise Failed(e.fail)
            if e.meta.type == 'd':
                os.makedirs(local, exist_ok=True)
                dirs.append((local, e))
            elif e.meta.type == 'l':
                os.symlink(e.link, local)
                besides.write(local, e.ext, self.wants & wire.SETUP_OWNERS)
            elif e.meta.type == 'f':
                files.append((path + b'/' + name if path else name, local))
        for i in range(0, len(files), 100):
            batch = files[i:i + 100]
            got = self.fetch(*(remote for remote, _ in batch))
            for (_, local), data, m in zip(batch, got, self.files):
                if isinstance(data, Failed):
                    raise data
                with open(local, 'wb') as f:
                    f.write(data)
                besides.write(local, m.ext, self.wants)
        for local, e in reversed(dirs):
            besides.write(local, e.ext, self.wants)
        return len(files)

    def put_tree(self, where, path):
        files, after = 0, []
        for top, dirs, names in os.walk(os.fsencode(where)):
            remote = (path + top[len(os.fsencode(where)):]).lstrip(b'/')
            if remote:
                self.mkdir(remote)
                after.append((remote, meta_of(os.stat(top)), besides.read(top, self.wants)))
            for n in names + [d for d in dirs if os.path.islink(os.path.join(top, d))]:
                local, there = os.path.join(top, n), remote + b'/' + n if remote else n
                if os.path.islink(local):
                    self.symlink(there, os.readlink(local))
                    continue
                with open(local, 'rb') as f:
                    self.store(there, f.read(), meta_of(os.stat(local)), KEEP_MODE | KEEP_TIMES, besides.read(local, self.wants))
                if self.ok.flags:
                    raise wire.WireError('%r has not got all: %r' % (there, self.ok))
                files += 1
        for remote, meta, ext in reversed(after):
            self.setmeta(remote, meta, ext=ext)
        return files


def run(c, command, args, keep=False):
    raw = [os.fsencode(a) for a in args]
    if command == 'list':
        for name, e in c.list(raw[0]):
            print('%s %04o %d %r' % (e.meta.type, e.meta.mode, e.meta.size, name))
    elif command == 'stat':
        print(c.stat(raw[0]))
    elif command in ('get', 'range'):
        item = Item(0, raw[0]) if command == 'get' else Item(FETCH_RANGE, raw[0], int(args[1]), int(args[2]))
        data = c.fetch_items([item])[0]
        if isinstance(data, Failed):
            raise data
        holes.write(args[-1], data, c.s.gaps)
        print('holes=%d' % sum(b - a for a, b in c.s.gaps))
    elif command == 'put':
        with open(args[0], 'rb') as f:
            c.store(raw[1], f.read(), meta_of(os.fstat(f.fileno())), gaps=holes.holes_of(f.fileno()) if keep else ())
    elif command == 'put-ranges':
        with open(args[0], 'rb') as f:
            c.store_ranges(raw[1], f.read(), meta_of(os.fstat(f.fileno())), flags=KEEP_MODE | KEEP_TIMES, ext=besides.read(args[0], c.wants),
                           gaps=holes.holes_of(f.fileno()) if keep else ())
    elif command == 'get-tree':
        os.makedirs(args[1], exist_ok=True)
        print('files=%d' % c.get_tree(raw[0], args[1]))
    elif command == 'put-tree':
        print('files=%d' % c.put_tree(args[0], raw[1]))
    else:
        raise SystemExit('client.py: no such command: ' + command)


def main():
    p = argparse.ArgumentParser()
    for name in ('--key', '--pin', '--suite', '--want'):
        p.add_argument(name)
    p.add_argument('--none', action='store_true')
    p.add_argument('--besides', action='store_true')
    p.add_argument('--holes', action='store_true')
    p.add_argument('port', type=int)
    p.add_argument('command')
    p.add_argument('args', nargs='*')
    o = p.parse_args()
    wants = wire.SETUP_XATTRS | wire.SETUP_ACLS if o.besides else 0
    if wants and o.command == 'get-tree' and os.geteuid() == 0:
        wants |= wire.SETUP_OWNERS
    try:
        c = Client.connect(o.port, opening.key_load(o.key) if o.key else None, wants | (wire.SETUP_HOLES if o.holes else 0),
                           pin=opening.key_parse(o.pin) if o.pin else None,
                           suites=o.suite.split(',') if o.suite else None, want=o.want or 'auto', integrity=int(o.none))
        run(c, o.command, o.args, o.holes)
        c.bye()
    except (Failed, opening.Refused) as e:
        print('failed: status=%d why=%d errno=%d' % e.fail)
        return 1
    carried = {wire.CARRY_SEALED: 'sealed', wire.CARRY_RAW: 'raw'}
    print('suite=%s granted=%s contents=%s' % (c.s.suite.name, carried[c.s.carry], ','.join(carried[x] for x in sorted(c.carries)) or 'inline'))
    return 0


if __name__ == '__main__':
    sys.exit(main())
