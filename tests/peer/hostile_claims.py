#!/usr/bin/python3
"""hostile_claims.py - a server that claims what is not there: files of any size, listings without end. zcp's memory does not follow. TAP.

    hostile_claims.py sizes | listing
"""
import os
import queue
import signal
import subprocess
import sys

import harness
from evil_server import Evil, room, tap
from stream import Closed
from server import Server
from wire import EXTRA_SPARSE, Entry, Identity, Meta

SAN = 'san' in os.path.basename(harness.BUILD)          # its memory is its own
MOST_KB = 2 << 10
ENOUGH, MOST_A_NAME = 100000, 128                      # names; bytes of memory


def rss_anon_kb(pid):
    with open('/proc/%d/status' % pid) as f:
        return int(next(line for line in f if line.startswith('RssAnon:')).split()[1])


def zcp(server, *args, wrap=()):
    """(status, what it said). server.running has its process, for what is measured in between."""
    out = os.path.join(room.new(), 'out')
    with open(out, 'wb') as f:
        p = subprocess.Popen([*wrap, os.path.join(harness.BUILD, 'zcp'), '-v', '--host-key=' + server.key, '-P', str(server.port), *args],
                             stdin=subprocess.DEVNULL, stdout=f, stderr=f)
    server.running.put(p.pid)
    p.wait(100)
    with open(out, 'rb') as f:
        return p.returncode, f.read().decode('utf-8', 'replace')


class Claims(Evil):
    """Files of `size` bytes, of which none ever comes."""
    sparse = False

    def on_STAT(self, s, m):
        s.put('ATTR', id=m.id, meta=Meta('f', 0o644, self.size), identity=Identity(1, 2), ext=[(EXTRA_SPARSE, b'')] if self.sparse else [])

    def on_FETCH(self, s, m):
        pid = self.running.get(timeout=100)
        self.running.put(pid)
        self.kb.append(rss_anon_kb(pid))
        raise Closed('enough')


def sizes():
    for streams in ('1', '4'):
        server = Claims(size=1 << 50, kb=[], running=queue.Queue()).start()
        status, said = zcp(server, '-j', streams, '127.0.0.1:big', os.path.join(room.new(), 'big'))
        server.stop()
        tap.ok(status == 44 and not server.kb, '-j %s: a file of 2^50 bytes does not fit, and nothing is asked for: %s' % (streams, status), said)
        # where nobody can say what fits
        server = Claims(size=15 << 40, kb=[], running=queue.Queue()).start()
        status, said = zcp(server, '-j', streams, '127.0.0.1:big', os.path.join(room.new(), 'big'),
                           wrap=(os.path.join(harness.BUILD, 'unit/without'), 'fstatfs=ENOSYS', 'fallocate=ENOSYS', '--'))
        server.stop()
        tap.ok(status == 10 and server.kb and (SAN or server.kb[0] < MOST_KB),
               '-j %s: a file of 15 TiB that might fit is cut into few pieces: %s, %s KB' % (streams, status, server.kb), said)
        # where it is said to be all holes: no room is asked for
        for size in (15 << 40, (1 << 63) - 1):
            server, here = Claims(size=size, sparse=True, kb=[], running=queue.Queue()).start(), room.new()
            status, said = zcp(server, '-j', streams, '127.0.0.1:big', os.path.join(here, 'big'))
            server.stop()
            tap.ok((status == 10 and server.kb and (SAN or server.kb[0] < MOST_KB)) or (status in (11, 44) and not os.listdir(here)),
                   '-j %s: a file of %d bytes with holes is cut into few pieces, or can be none here: %s, %s KB' % (streams, size, status, server.kb), said)


class Endless(Server):
    """Cuts a first upload in its middle. What it lists has no end."""
    stored = listed = 0

    def on_STORE(self, s, m):
        super().on_STORE(s, m)
        self.stored += 1
        if self.cut and self.stored == 300:
            raise Closed('enough')

    def on_LIST(self, s, m):
        s.put('ENTRIES', id=m.id, entries=[Entry(0, 0, Meta('d', 0o755, 0))])

    def on_NEXT(self, s, m):
        self.listed += 1000
        s.put('ENTRIES', id=m.id, entries=[Entry(0, 1, Meta('f', 0o644, 1), b'%x' % (self.listed + k)) for k in range(1000)])
        if self.listed in (1000, ENOUGH):
            pid = self.running.get(timeout=100)
            self.kb.append(rss_anon_kb(pid))
            self.running.put(pid)
        if self.listed == ENOUGH:
            os.kill(pid, signal.SIGINT)

    def on_CANCEL(self, s, m):
        s.put('END', id=m.id, entries=self.listed)


def listing():
    top, root = os.path.join(room.new(), 'src'), room.new()
    os.mkdir(top)
    for i in range(500):
        harness.write('%s/%d' % (top, i), b'x')
    server = Endless(root, cut=True, kb=[], running=queue.Queue()).start()
    args = ('-r', '-j', '1', top, '127.0.0.1:to')
    first = zcp(server, *args)
    server.running.get()
    server.cut = False
    status, said = zcp(server, *args)
    tap.ok(first[0] == 10 and 'cut short' in said, 'the upload goes on', said)
    tap.ok(status == 0 and 'LOOKS' in server.seen and not server.listed, 'it asks for its own names, and for no listing: %s' % server.listed, said)
    tap.ok(len(os.listdir(os.path.join(root, 'to'))) == 500, 'all is there', os.listdir(root))
    server.running.get()
    status, said = zcp(server, '--delete', *args)
    server.stop()
    tap.ok(status == 20 and ENOUGH <= server.listed < ENOUGH + 10000, 'with --delete it reads on until it is interrupted: %s, %s' % (status, server.listed), said)
    tap.ok('REMOVE' not in server.seen and len(os.listdir(os.path.join(root, 'to/src'))) == 500 and len(os.listdir(os.path.join(root, 'to'))) == 501, '... and removes nothing', said)
    tap.ok(len(server.kb) == 2 and (SAN or server.kb[1] - server.kb[0] < ENOUGH * MOST_A_NAME >> 10), '... memory: %s KB' % server.kb)


GROUPS = {'sizes': sizes, 'listing': listing}
GROUPS[sys.argv[1]]()
tap.end()
