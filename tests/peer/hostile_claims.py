#!/usr/bin/python3
"""hostile_claims.py - a server that claims what is not there: files of any size, listings without end. zcp's memory does not follow. TAP.

    hostile_claims.py sizes
"""
import os
import queue
import subprocess
import sys

import harness
from evil_server import Evil, room, tap
from stream import Closed
from wire import Identity, Meta

SAN = 'san' in os.path.basename(harness.BUILD)          # its memory is its own
MOST_KB = 2 << 10


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
    def on_STAT(self, s, m):
        s.put('ATTR', id=m.id, meta=Meta('f', 0o644, self.size), identity=Identity(1, 2))

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


GROUPS = {'sizes': sizes}
GROUPS[sys.argv[1]]()
tap.end()
