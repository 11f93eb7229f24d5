#!/usr/bin/python3
"""session.py - a scripted client on one stream of a zcpd that has rules of its own (tests/session.bats). Says "ok" or what was wrong.

    session.py COMMAND      (a daemon: PORT, HOSTKEY, T, XDG_CONFIG_HOME: helpers.bash)
    session.py taken-away   (a server: prints its port and key, refuses the first request with 40)
"""
import os
import socket
import sys
import time

import harness
import opening
import server
import wire
from client import Client, Failed
from stream import Closed, Late
from wire import EAGER, FETCH_RANGE, Item, Meta

DATA = harness.content(600000, 'session')


def connect(**how):
    return Client.connect(int(os.environ['PORT']), harness.identity(), pin=opening.key_parse(os.environ['HOSTKEY']), **how)


def must(condition, what):
    if not condition:
        raise SystemExit('session.py: ' + what)


def ended(c, within=30):
    """The daemon ends the stream by itself, however much is written meanwhile."""
    c.s.sock.settimeout(within)
    try:
        while True:
            c.s.get()
    except Late:
        raise SystemExit('session.py: the stream was not ended')
    except Closed:
        return


def drip(c, data, pause):
    """Byte by byte until the daemon has closed (its end can be read), with a pause that the wait for that end makes."""
    c.s.sock.settimeout(pause)
    began = time.monotonic()
    for byte in data:
        try:
            c.s.sock.send(bytes((byte,)))
            if c.s.sock.recv(1) == b'':
                break
        except socket.timeout:
            continue
        except OSError:
            break
    else:
        raise SystemExit('session.py: all of it was taken')
    must(time.monotonic() - began < 60, 'it took a minute')


# exports that are raw and that are not
def raw_where_not():
    c = connect(want='raw')
    must(c.s.carry == wire.CARRY_RAW, 'raw was not granted')
    flags = dict((p, f) for p, f in c.welcome.exports)
    must(flags[b'open'] & wire.EXPORT_RAW and not flags[b'closed'] & wire.EXPORT_RAW, 'flags %r' % flags)
    c.store(b'open/raw', DATA)
    must(c.carries == {wire.CARRY_RAW}, 'not raw: %r' % c.carries)
    c.s.put('OPEN', id=c.next_id(), flags=EAGER, meta=Meta(size=len(DATA)), path=b'closed/raw')
    c.s.put('SEGMENT', id=c.id, offset=0, length=len(DATA), carry=wire.CARRY_RAW)
    ended(c)


def sealed_where_not():
    c = connect(want='raw')
    must(c.fetch(b'closed/big')[0] == c.fetch(b'open/big')[0] == DATA, 'other bytes')
    must(c.carries == {wire.CARRY_RAW, wire.CARRY_SEALED}, 'carries %r' % c.carries)
    c.carries = set()
    c.fetch_items([Item(FETCH_RANGE, b'closed/big', 10, 300000)])
    must(c.carries == {wire.CARRY_SEALED}, 'a range: %r' % c.carries)
    c.bye()


# trees
def made_or_there():
    c = connect(want='sealed')
    for path, flags in ((b'', wire.OK_EXISTED), (b'new', 0), (b'new', wire.OK_EXISTED), (b'new/below', 0), (b'there', wire.OK_EXISTED)):
        must(c.mkdir(path).flags == flags, 'MKDIR of %r: not %d' % (path, flags))
    c.bye()


# sizes
def too_large():
    c = connect(want='sealed')
    for size in (65536, 65537, 1 << 40):
        c.s.put('OPEN', id=c.next_id(), meta=Meta(size=size), path=b'x%d' % size)
        try:
            c.answer(c.id)
            must(size == 65536, '%d bytes were let in' % size)
        except Failed as e:
            must(size > 65536 and e.fail.status == 44, '%d bytes: %r' % (size, e.fail))
    c.s.close()


# deadlines
def drip_message():
    c = connect(want='sealed')
    drip(c, c.s.tx.seal(wire.encode('STORE', id=1, meta=Meta(size=60000), path=b'dripped', contents=bytes(60000))), 0.05)


def drip_contents():
    c = connect(want='sealed')
    c.s.put('OPEN', id=1, flags=EAGER, meta=Meta(size=262144), path=b'dripped')
    c.s.put('SEGMENT', id=1, offset=0, length=262144, carry=wire.CARRY_SEALED)
    drip(c, c.s.tx.seal(bytes(262144), True), 0.05)


def drip_raw():
    c = connect(want='raw', integrity=int(os.environ.get('NO_TAGS', '0')))
    must(c.s.carry == wire.CARRY_RAW, 'raw was not granted')
    c.s.put('OPEN', id=1, flags=EAGER, meta=Meta(size=262144), path=b'dripped')
    c.s.put('SEGMENT', id=1, offset=0, length=262144, carry=wire.CARRY_RAW)
    drip(c, bytes(262144), 0.05)


def never_reads():
    c = connect(want=os.environ.get('WANT', 'sealed'))
    c.s.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    c.s.put('FETCH', first=1, items=[Item(0, b'huge')])
    print('asked', flush=True)
    sys.stdin.read()


def steady():
    """Slow, but above what must move: 64 KiB in pieces, each after a WAIT that says nothing."""
    c = connect(want='sealed')
    sealed = c.s.tx.seal(wire.encode('STORE', id=1, meta=Meta(size=3000), path=b'steady', contents=bytes(3000)))
    for i in range(0, len(sealed), 1000):
        c.s.raw(sealed[i:i + 1000])
        try:
            c.s.sock.settimeout(0.1)
            c.s.sock.recv(1, socket.MSG_PEEK)
        except socket.timeout:
            pass
    c.s.sock.settimeout(30)
    c.answer(1)
    c.bye()


def idle():
    ended(connect(want='sealed'))


def waits():
    """WAIT keeps an idle stream."""
    c = connect(want='sealed')
    end = time.monotonic() + 2.5
    c.s.sock.settimeout(0.2)
    while time.monotonic() < end:
        c.s.put('WAIT')
        try:
            must(c.s.sock.recv(1, socket.MSG_PEEK) != b'', 'the stream was ended')
        except socket.timeout:
            pass
    c.s.sock.settimeout(30)
    c.stat(b'')
    c.bye()


# damage
def damaged():
    """More wrong chunks than one file may have, one byte each: 43 at the first that is too many."""
    c = connect(want='raw')
    tag = bytes(c.s.rx.mac.tag)
    c.s.put('OPEN', id=1, meta=Meta(size=5000), path=b'damaged')
    c.answer(1)
    for i in range(1025):
        c.s.tx.raw_tags(b'x')
        c.s.send_segment(1, i, b'x', wire.CARRY_RAW, tags=tag)
    try:
        c.answer(1)
    except Failed as e:
        must(e.fail.status == 43, repr(e.fail))
        c.s.put('DONE', id=1, flags=wire.SENT_GIVEN_UP)
        c.stat(b'')
        return c.bye()
    must(False, 'it was taken')


# a key that is taken away while its stream is open: told on standard output, gone on after a line on standard input
def revoked():
    """In the middle of an upload: its stream goes on to its next request, which is answered with 40; the stream ends in order."""
    c = connect(want='sealed')
    c.stat(b'')
    c.s.put('OPEN', id=c.next_id(), flags=EAGER, meta=Meta(size=len(DATA)), path=b'half')
    c.s.send_segment(c.id, 0, DATA[:300000], wire.CARRY_SEALED)
    half = c.id
    print('open', flush=True)
    sys.stdin.readline()
    c.s.send_segment(half, 300000, DATA[300000:], wire.CARRY_SEALED)
    c.s.put('DONE', id=half)
    c.answer(half)
    for what in sys.argv[2:]:
        c.s.put(what, **{'STAT': dict(id=90, path=b''), 'LIST': dict(id=90, path=b''), 'FETCH': dict(first=90, items=[Item(0, b'half')]),
                         'STORE': dict(id=90, meta=Meta(size=3), path=b'more', contents=b'abc')}[what])
        m = c.s.get()
        must(m.name == ('END' if what == 'LIST' else 'ERROR') and m.id == 90 and m.fail.status == 40, repr(m))
        ended(c)


def revoked_ahead():
    """Files that were opened before, and whose contents come afterwards: the one that had begun is finished, the next one is the end."""
    c = connect(want='sealed')
    for i in (1, 2, 3):
        c.s.put('OPEN', id=i, meta=Meta(size=len(DATA)), path=b'ahead%d' % i)
        c.answer(i)
    c.s.send_segment(1, 0, DATA[:300000], wire.CARRY_SEALED)
    c.stat(b'')
    print('open', flush=True)
    sys.stdin.readline()
    c.s.send_segment(1, 300000, DATA[300000:], wire.CARRY_SEALED)
    c.s.put('DONE', id=1)
    c.answer(1)
    c.s.send_segment(2, 0, DATA, wire.CARRY_SEALED)
    m = c.s.get()
    must(m.name == 'ERROR' and m.id == 2 and m.fail.status == 40, repr(m))
    ended(c)


def revoked_between():
    """One request for many files: what is at hand is finished, the next one is answered with 40."""
    c = connect(want='sealed')
    c.s.put('FETCH', first=1, items=[Item(0, b'huge')] * 50)
    print('open', flush=True)
    sys.stdin.readline()
    must(len(c.fetched(1)) == os.stat(os.environ['HUGE']).st_size, 'not all of the first')
    m = c.s.get()
    must(m.name == 'ERROR' and m.id == 2 and m.fail.status == 40, repr(m))
    ended(c)


# closing
def looks_at_the_key():
    o = opening.ClientOpening(opening.connect(int(os.environ['PORT'])), harness.identity())
    o.hello()
    o.offer()
    o.sock.close()


class TakenAway(server.Server):
    def serve(self, sock):
        s = self.open(sock)
        s.incoming, s.listing = {}, {}
        self.welcome(s)
        while True:
            m = s.get()
            if m.name == 'SETUP':
                s.put('OK', id=0)
                continue
            if m.name == 'LIST':
                s.put('END', id=m.id, fail=wire.Fail(40))
            elif m.name != os.environ.get('LET', ''):
                s.put('ERROR', id=getattr(m, 'first', None) or m.id, fail=wire.Fail(40))
            else:
                getattr(self, 'on_' + m.name)(s, m)
                continue
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass
            return


def taken_away():
    s = TakenAway(root=os.environ['ROOT'])
    s.start()
    print(s.port, s.key, flush=True)
    sys.stdin.read()
    s.stop()


if __name__ == '__main__':
    {name.replace('_', '-'): f for name, f in list(globals().items()) if callable(f)}[sys.argv[1]]()
    print('ok')
