#!/usr/bin/python3
"""server.py - a scripted zcpd: serves one directory, honestly. hostile_server.py overrides what is to be done wrong.

    server.py [--suites LIST] [--flags N] --root DIR --key-file FILE     prints the port on a line, serves until stdin ends; says then which streams broke
A handler per request, on_NAME(stream, message); one thread per stream.
"""
import argparse
import errno
import os
import socket
import sys
import threading

import besides
import holes
import opening
import record
import wire
from looks import Answers, identity_of, meta_of
from stream import Closed
from wire import FETCH_RANGE, INLINE_MAX, LOOK_FOLLOW, LOOK_RECURSE, SENT_INLINE, Entry, Fail, Meta


def fail_of(e):
    status = {errno.ENOENT: 3, errno.EINVAL: 3, errno.ENOSPC: 44, errno.EEXIST: 45, errno.EISDIR: 45, errno.ENOTDIR: 45, errno.ENOTEMPTY: 11}.get(e.errno, 11)
    return Fail(status, 1, e.errno)


class Incoming:
    def __init__(self, meta, path, flags, ext=()):
        self.meta, self.path, self.flags, self.ext, self.data, self.bad = meta, path, flags, ext, bytearray(meta.size), []
        self.range, self.filling = None, None   # of a RANGE: what is to come, and of what
        self.holes = []                         # [(from, end)]


class Filling:
    """A file that comes by ranges: kept until it is committed, whatever becomes of the stream that opened it."""

    def __init__(self, meta, identity):
        self.of, self.data, self.have, self.run, self.holder = (meta.size, meta.mtime, meta.mtime_ns, identity), bytearray(meta.size), [], b'', None
        self.holes = []

    def gaps(self):
        found, at = [], 0
        for off, end in sorted(self.have) + [(len(self.data), len(self.data))]:
            if off > at:
                found.append((at, off - at))
            at = max(at, end)
        return found


class Server(Answers):
    fail_of = staticmethod(fail_of)
    suites = None
    flags = wire.OFFER_ONE_MACHINE
    capabilities = 0
    segment = 1 << 20
    page = 200                                  # entries

    def __init__(self, root, static=None, **settings):
        self.root = os.fsencode(root)
        self.static = static or os.urandom(32)
        for name, value in settings.items():
            setattr(self, name, value)
        self.seen = []                          # names of the messages that came, all streams
        self.errors = []                        # what ended a stream that did not end with BYE
        self.streams = 0
        self.filling = {}                       # path: Filling, of all streams
        self.suites_used = set()
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.threads = []
        self.mine = threading.local()           # .s: this thread's stream

    @property
    def key(self):
        return opening.key_text(opening.noise.public(self.static)).split()[1]

    # the listener
    def start(self):
        thread = threading.Thread(target=self.accept, daemon=True)
        thread.start()
        return self

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.settimeout(60)
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.streams += 1
            thread = threading.Thread(target=self.stream, args=(sock,), daemon=True)
            thread.start()
            self.threads.append(thread)         # only now: stop() joins what has begun

    def stop(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for thread in self.threads:
            thread.join(60)

    def stream(self, sock):
        try:
            self.serve(sock)
        except (Closed, wire.WireError, record.RecordError, opening.noise.NoiseError, OSError) as e:
            self.errors.append('%s: %s' % (type(e).__name__, e))
        finally:
            for f in list(self.filling.values()):
                f.holder = f.holder if f.holder is not getattr(self.mine, 's', None) else None
            sock.close()

    # one stream
    def open(self, sock):
        o = opening.ServerOpening(sock, self.static)
        o.hello()
        self.seen.append('message 1')
        o.offer(self.suites, self.flags, capabilities=self.capabilities)
        s = o.choice()
        self.seen.append('message 3')
        s.reason = o.reason
        return s

    def serve(self, sock):
        s = self.open(sock)
        s.incoming, s.listing, s.wants = {}, {}, 0
        self.mine.s = s
        self.suites_used.add(s.suite.name)
        self.welcome(s)
        while True:
            m = s.get()
            self.seen.append(m.name)
            getattr(self, 'on_' + m.name)(s, m)
            if m.name == 'BYE':
                return

    def welcome(self, s):
        s.put('WELCOME', carry=s.carry, reason=s.reason, exports=[(b'', wire.EXPORT_WRITE | (wire.EXPORT_RAW if s.carry == wire.CARRY_RAW else 0))])

    def local(self, path):
        if path.startswith(b'/') or b'..' in path.split(b'/'):
            raise wire.WireError('a path that leaves the root: %r' % path)
        return os.path.join(self.root, path) if path else self.root

    def on_SETUP(self, s, m):
        s.wants = m.flags & (wire.SETUP_OWNERS | wire.SETUP_XATTRS | wire.SETUP_ACLS | wire.SETUP_LINKS)
        s.keeps = bool(m.flags & wire.SETUP_HOLES)
        s.put('OK', id=0)

    def wants(self):
        """Of this thread's stream, as its SETUP said."""
        return getattr(getattr(self.mine, 's', None), 'wants', 0)

    def besides(self, local, wanted=-1):
        """What was asked for of a path of this machine."""
        try:
            return besides.read(local, self.wants() & wanted)
        except OSError:
            return []

    def on_BYE(self, s, m):
        s.put('BYE')

    def on_STAT(self, s, m):
        try:
            st = (os.stat if m.flags & LOOK_FOLLOW else os.lstat)(self.local(m.path))
            link = os.readlink(self.local(m.path)) if meta_of(st).type == 'l' else b''
        except OSError as e:
            return s.put('ERROR', id=m.id, fail=fail_of(e))
        sparse = [(wire.EXTRA_SPARSE, b'')] if s.keeps and st.st_blocks * 512 < st.st_size else []
        s.put('ATTR', id=m.id, meta=meta_of(st), identity=identity_of(st), link=link, ext=self.besides(self.local(m.path), wire.SETUP_OWNERS | wire.SETUP_LINKS) + sparse)

    # listing
    def entry(self, parent, name, local, follow):
        try:
            st = (os.stat if follow else os.lstat)(local)
            link = os.readlink(local) if meta_of(st).type == 'l' else b''
        except OSError as e:
            return Entry(1, parent, Meta('o'), name, b'', fail_of(e))
        ext = self.besides(local, -1 if meta_of(st).type == 'd' else wire.SETUP_OWNERS | wire.SETUP_LINKS)
        return Entry(0, parent, meta_of(st), name, link, ext=ext)

    def walk(self, path, flags):
        root = self.entry(0, b'', self.local(path), flags & LOOK_FOLLOW)
        yield root
        todo, last = ([(1, self.local(path), 1)] if root.meta.type == 'd' else []), 1
        while todo:
            number, local, depth = todo.pop(0)
            for name in sorted(os.listdir(local)):
                e = self.entry(number, name, os.path.join(local, name), flags & LOOK_FOLLOW)
                yield e
                if e.meta.type == 'd':
                    last += 1
                    if flags & LOOK_RECURSE:
                        todo.append((last, os.path.join(local, name), depth + 1))

    def on_LIST(self, s, m):
        if not os.path.lexists(self.local(m.path)):
            return s.put('END', id=m.id, fail=Fail(3, 1, errno.ENOENT))
        s.listing[m.id] = [self.walk(m.path, m.flags), 0]
        self.on_NEXT(s, m)

    def on_NEXT(self, s, m):
        state = s.listing.get(m.id)
        if not state:
            return
        items = [e for e, _ in zip(state[0], range(self.page))]
        state[1] += len(items)
        if items:
            return s.put('ENTRIES', id=m.id, entries=items)
        s.put('END', id=m.id, entries=state[1])
        del s.listing[m.id]

    def on_CANCEL(self, s, m):
        if m.id in s.listing:
            s.put('END', id=m.id, entries=s.listing.pop(m.id)[1])

    # down
    def on_FETCH(self, s, m):
        for k, item in enumerate(m.items):
            self.send_file(s, m.first + k, item)

    def read(self, path):
        with open(self.local(path), 'rb') as f:
            st = os.fstat(f.fileno())
            return f.read(), meta_of(st), identity_of(st)

    def holes(self, path):
        try:
            with open(self.local(path), 'rb') as f:
                return holes.holes_of(f.fileno())
        except OSError:
            return []

    def send_dir(self, s, id_, path):
        """A range of no bytes: what it has besides."""
        st = os.stat(self.local(path))
        s.put('FILE', id=id_, meta=meta_of(st), identity=identity_of(st), ext=self.besides(self.local(path), ~wire.SETUP_LINKS))
        s.put('DONE', id=id_)

    def send_file(self, s, id_, item):
        if item.flags & FETCH_RANGE and not item.length and os.path.isdir(self.local(item.path)) and s.wants & ~wire.SETUP_LINKS:
            return self.send_dir(s, id_, item.path)
        try:
            data, meta, identity = self.read(item.path)
        except OSError as e:
            return s.put('ERROR', id=id_, fail=fail_of(e))
        meta = meta._replace(size=len(data))
        ext = [] if item.flags & FETCH_RANGE and item.length else self.besides(self.local(item.path), ~wire.SETUP_LINKS)
        if len(data) <= INLINE_MAX and not item.flags & FETCH_RANGE:
            return s.put('FILE', id=id_, flags=SENT_INLINE, meta=meta, identity=identity, ext=ext, contents=data)
        gaps = self.holes(item.path) if s.keeps and not item.flags & wire.FETCH_SEALED else []
        s.put('FILE', id=id_, flags=wire.SENT_SPARSE if gaps else 0, meta=meta, identity=identity, ext=ext)
        carry = wire.CARRY_SEALED if item.flags & wire.FETCH_SEALED else s.carry
        offset, end = (item.offset, item.offset + item.length) if item.flags & FETCH_RANGE else (0, len(data))
        if gaps:
            s.send_contents(id_, data[offset:end], self.segment, carry, offset, gaps)
        else:
            self.send_contents(s, id_, data[offset:end], carry, offset)
        s.put('DONE', id=id_)

    def send_contents(self, s, id_, data, carry, offset):
        s.send_contents(id_, data, self.segment, carry, offset)

    # up
    def publish(self, path, data, meta, flags, ext, gaps=()):
        aside = os.path.join(os.path.dirname(self.local(path)), b'.new-%d' % threading.get_ident())
        holes.write(aside, data, gaps)
        os.rename(aside, self.local(path))      # other names of what was there keep it
        return self.apply(path, meta, flags, ext)

    def apply(self, path, meta, flags, ext):
        missed = besides.write(self.local(path), ext, self.wants())
        if flags & wire.KEEP_MODE:
            os.chmod(self.local(path), meta.mode & 0o777)
        if flags & wire.KEEP_TIMES:
            t = meta.mtime * 10**9 + meta.mtime_ns
            os.utime(self.local(path), ns=(t, t))
        return missed

    def do(self, s, id_, f, *args):
        """f's value: what could not be set."""
        try:
            flags = f(*args)
        except OSError as e:
            return s.put('ERROR', id=id_, fail=fail_of(e))
        s.put('OK', id=id_, engine=4, flags=flags or 0)

    def on_STORE(self, s, m):
        self.do(s, m.id, self.publish, m.path, m.contents, m.meta, m.flags, m.ext)

    def on_OPEN(self, s, m):
        s.incoming[m.id] = Incoming(m.meta, m.path, m.flags, m.ext)
        if not m.flags & wire.EAGER:
            s.put('OK', id=m.id)

    def on_OPEN_ASIDE(self, s, m):
        f = self.filling.get(m.path)
        if f and f.holder not in (None, s):
            return s.put('ERROR', id=m.id, fail=Fail(46))
        if not f or f.of != (m.meta.size, m.meta.mtime, m.meta.mtime_ns, m.identity) or m.flags & wire.FRESH:
            f = self.filling[m.path] = Filling(m.meta, m.identity)
        f.run, f.holder = os.urandom(wire.RUN), s
        s.put('ASIDE', id=m.id, run=f.run, gaps=f.gaps()[:wire.GAPS_MAX])

    def on_RANGE(self, s, m):
        f = self.filling.get(m.path)
        if not f or f.run != m.run:
            return s.put('ERROR', id=m.id, fail=Fail(24))
        if m.offset + m.length > len(f.data):
            raise wire.WireError('a range beyond the size: %r' % m)
        s.incoming[m.id] = Incoming(Meta(size=len(f.data)), m.path, 0)
        s.incoming[m.id].range, s.incoming[m.id].filling, s.incoming[m.id].data = (m.offset, m.offset + m.length), f, f.data
        s.incoming[m.id].holes = f.holes

    def on_COMMIT(self, s, m):
        f = self.filling.get(m.path)
        if not f or f.run != m.run or f.holder is not s:
            return s.put('ERROR', id=m.id, fail=Fail(4))
        if not m.flags & wire.DROP and f.gaps():
            f.holder = None
            return s.put('ERROR', id=m.id, fail=Fail(24))
        del self.filling[m.path]
        if m.flags & wire.DROP:
            return s.put('OK', id=m.id)
        self.do(s, m.id, self.publish, m.path, f.data, m.meta, m.flags, m.ext, f.holes)

    def on_SEGMENT(self, s, m):
        data, bad, _ = s.take_segment(m)
        f = s.incoming.get(m.id)
        if not f:
            return
        if f.range and not f.range[0] <= m.offset <= m.offset + m.length <= f.range[1]:
            raise wire.WireError('contents beside the range: %r' % m)
        if m.offset + m.length > f.meta.size:
            raise wire.WireError('contents beyond the size: %r' % m)
        f.data[m.offset:m.offset + m.length] = data
        f.bad = [b for b in f.bad if not m.offset <= b < m.offset + m.length] + bad

    def on_HOLE(self, s, m):
        f = s.incoming.get(m.id)
        if not f:
            return
        first, last = f.range or (0, f.meta.size)
        if not first <= m.offset < m.offset + m.length <= last:
            raise wire.WireError('a hole beyond the contents: %r' % m)
        f.data[m.offset:m.offset + m.length] = bytes(m.length)
        f.holes.append((m.offset, m.offset + m.length))

    def on_DONE(self, s, m):
        f = s.incoming.get(m.id)
        if not f:
            return
        if m.flags or m.fail.status:
            del s.incoming[m.id]
            return s.put('ERROR', id=m.id, fail=Fail(24, 11))
        if f.bad:
            return s.put('RESEND', id=m.id, offset=f.bad[0], length=min(record.RAW_CHUNK, f.meta.size - f.bad[0]))
        del s.incoming[m.id]
        if f.range:
            f.filling.have.append(f.range)
            return s.put('OK', id=m.id, engine=4)
        self.do(s, m.id, self.publish, f.path, f.data, f.meta, f.flags, f.ext, f.holes)

    def mkdir(self, path, mode):
        if os.path.isdir(self.local(path)):
            return wire.OK_EXISTED
        os.mkdir(self.local(path), mode & 0o777 | 0o700)
        return 0

    def on_MKDIR(self, s, m):
        self.do(s, m.id, self.mkdir, m.path, m.meta.mode)

    def symlink(self, path, target):
        if os.path.lexists(self.local(path)):
            os.unlink(self.local(path))
        os.symlink(target, self.local(path))

    def on_SYMLINK(self, s, m):
        self.do(s, m.id, self.symlink, m.path, m.target)

    def on_SETMETA(self, s, m):
        self.do(s, m.id, self.apply, m.path, m.meta, m.flags, m.ext)


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--root', required=True)
    p.add_argument('--key-file', required=True)
    p.add_argument('--suites')
    p.add_argument('--flags', type=int, default=wire.OFFER_ONE_MACHINE)
    o = p.parse_args()
    server = Server(o.root, suites=o.suites.split(',') if o.suites else None, flags=o.flags)
    with open(o.key_file, 'w') as f:
        f.write('zcp-x25519 %s\n' % server.key)
    server.start()
    print(server.port, flush=True)
    sys.stdin.read()
    server.stop()
    for error in server.errors:
        print(error, file=sys.stderr)


if __name__ == '__main__':
    main()
