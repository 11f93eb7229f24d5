#!/usr/bin/python3
"""changing.py - a source that changes while it is sent, at a moment that is no chance: a gate between zcp and zcpd holds the
contents back after 1 MiB, changes the file, and goes on. The file is larger than what the sockets between can hold.

    changing.py ENGINE down|up plain|sealed     (a daemon with ROOT, PORT, HOSTKEY in the environment: helpers.bash)
"""
import os
import sys

import harness
from gate import HOLD, Gate

PORT, ROOT = int(os.environ['PORT']), os.environ['ROOT']
SIZE = 16 << 20
old, new = harness.content(SIZE, 'old'), harness.content(SIZE, 'new')
small = harness.content(3000, 'next')
room, tap = harness.Room(), harness.Tap()


def put(path, at, data):
    fd = os.open(path, os.O_WRONLY)
    os.pwrite(fd, data, at)
    os.close(fd)


def replace(path):
    harness.write(path + '.new', new)
    os.rename(path + '.new', path)


def punch(path):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(path, os.O_RDWR)
    if libc.fallocate(fd, 3, ctypes.c_long(SIZE // 2), ctypes.c_long(SIZE // 4)) < 0:
        raise OSError(ctypes.get_errno(), 'punch')
    os.close(fd)


def once(f):
    return lambda path, n: f(path) if n == 1 else None


holed = old[:SIZE // 2] + bytes(SIZE // 4) + old[SIZE // 2 + SIZE // 4:]
# what happens, when; the status; what is under the final name (None: nothing); what the line says; most bytes that may travel
CASES = [
    ('cut ahead of the sender, once', once(lambda p: os.truncate(p, SIZE * 3 // 4)), 0, old[:SIZE * 3 // 4], ''),
    ('cut behind the sender, once', once(lambda p: os.truncate(p, 4097)), 0, old[:4097], ''),
    ('cut to nothing, once', once(lambda p: os.truncate(p, 0)), 0, b'', ''),
    ('cut again and again', lambda p, n: os.truncate(p, SIZE - n * 65536 - 1), 24, None, 'shorter|changed|rewritten'),
    ('rewritten in place, once', once(lambda p: put(p, 0, new)), 0, new, ''),
    ('one byte rewritten again and again', lambda p, n: put(p, n, b'%d' % (n % 10)), 24, None, 'changed|rewritten'),
    ('grown', once(lambda p: put(p, SIZE, new[:HOLD])), 24, old, 'grew'),
    # down, the second try opens the name again; up, zcp has the file open still: whole, as it was
    ('unlinked', once(os.unlink), {'down': 24, 'up': 0}, {'down': None, 'up': old}, ''),
    ('replaced by rename', once(replace), 0, {'down': new, 'up': old}, ''),
    ('a hole punched', once(punch), 0, holed, ''),
]


def litter(top):
    return [n for _, ds, fs in os.walk(top) for n in ds + fs if n.startswith('.zcp-')]


def case(engine, way, carry, what, act, status, want, words):
    import re
    status = status[way] if isinstance(status, dict) else status
    want = want[way] if isinstance(want, dict) else want
    here = room.new()
    sources = here if way == 'up' else ROOT
    dst = ROOT + '/to' if way == 'up' else here
    if way == 'up':
        os.makedirs(dst, exist_ok=True)
    big = harness.write(os.path.join(sources, 'big'), old)
    harness.write(os.path.join(sources, 'next'), small)
    gate = Gate(PORT, way, lambda n: act(big, n))
    options = ['-v', '--engine=' + engine, '--plaintext' if carry == 'plain' else '--encrypt']
    names = [big, os.path.join(sources, 'next'), '127.0.0.1:to/'] if way == 'up' else ['127.0.0.1:big', '127.0.0.1:next', dst + '/']
    r = harness.zcp(*options, *names, port=gate.port)
    gate.stop()
    at = os.path.join(dst, 'big')
    found = harness.read(at) if os.path.lexists(at) else None
    after = os.path.join(dst, 'next')
    label = '%s, %s, %sload, %s' % (what, engine, way, carry)
    tap.ok(r.status == status, '%s: status %d' % (label, status), '%r\n%d bytes travelled' % (r, gate.passed))
    tap.ok(found == want, '%s: %s' % (label, 'nothing is published' if want is None else 'the right bytes'),
           '%r\nfound %s bytes, expected %s' % (r, found is not None and len(found), want is not None and len(want)))
    tap.ok(os.path.exists(after) and harness.read(after) == small, label + ': the next file came', r)
    tap.ok(gate.n > 0 and gate.passed < 3 * SIZE, label + ': two tries at most', '%d bytes' % gate.passed)
    tap.ok(not litter(dst), label + ': no litter', litter(dst))
    if words:
        tap.ok(any(re.search(words, l) and 'big' in l for l in r.text.splitlines()), '%s: a line says so' % label, r.text)
    tap.ok(engine in r.text and ('plaintext' if carry == 'plain' else 'encrypted') in r.text, label + ': by this engine', r.text)
    for p in (big, at, after):
        if os.path.lexists(p):
            os.unlink(p)
    room.drop(here)


def main():
    engine, way, carry = sys.argv[1:4]
    for c in CASES:
        case(engine, way, carry, *c)
    harness.write(os.path.join(ROOT, 'honest'), small)
    got = os.path.join(room.new(), 'honest')
    r = harness.zcp('127.0.0.1:honest', got)
    tap.ok(r.status == 0 and harness.read(got) == small, 'the daemon goes on', r)
    tap.end()


main()
