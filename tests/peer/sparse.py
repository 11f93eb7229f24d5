#!/usr/bin/python3
"""sparse.py - files with holes that are cut short and go on, change meanwhile, or cost what their data costs: through relays that count, and gates that act. TAP.

    sparse.py CASE down|up [WORD...]    (a daemon with ROOT, PORT, HOSTKEY in the environment: tests/sparse.bats; SRC and DST: where files are made and copied to)
"""
import os
import subprocess
import sys
import threading

import harness
import holes
from gate import HOLD, Gate
from relay import C2S, S2C, Relay

PORT, ROOT = int(os.environ['PORT']), os.environ['ROOT']
ZCP = os.path.join(harness.BUILD, 'zcp')
MIB, TIB = 1 << 20, 1 << 40
room, tap = harness.Room(), harness.Tap()
case, way, words = sys.argv[1], sys.argv[2], sys.argv[3:]
DOWN = way == 'down'


class Place:
    """Where the source and the copy are, and what zcp is told."""

    def __init__(self, name='f'):
        here, there = room.new(), os.path.join(ROOT, 'x%d' % room.n)
        os.mkdir(there)
        remote = '127.0.0.1:%s/%s' % (os.path.basename(there), name)
        self.at = there if not DOWN else here                   # the copy's directory
        self.source = os.path.join(there if DOWN else here, name)
        self.copy = os.path.join(self.at, name)
        self.args = [remote, here + '/'] if DOWN else [self.source, os.path.dirname(remote) + '/']

    def beside(self):
        return sorted(n for n in os.listdir(self.at) if n.startswith('.zcp-'))

    def aside(self):
        return os.path.join(self.at, self.beside()[0])

    def blocks(self, path=None):
        return os.stat(path or self.copy).st_blocks * 512


def run(place, *options, act=None, wrap=()):
    """zcp through a gate; act(n, process) after each MiB of contents. (Result, bytes that passed)."""
    started, ready = {}, threading.Event()

    def acting(n):
        ready.wait(30)
        act(n, started['p'])
    gate = Gate(PORT, way, acting if act else None)
    command = [*wrap, ZCP, '-v', '--host-key=' + os.environ['HOSTKEY'], '-P', str(gate.port), *options, *place.args]
    started['p'] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    ready.set()
    text = started['p'].communicate(timeout=100)[0].decode('utf-8', 'replace')
    gate.stop()
    status = 'sanitizer' if 'Sanitizer' in text or 'runtime error' in text else started['p'].returncode
    return harness.Result(status, text), gate.passed


def right(place, r, what):
    wrong = 'status' if r.status else holes.differ(place.source, place.copy)
    tap.ok(not wrong, what + ': same bytes, same holes', '%s\n%r' % (wrong, r))
    tap.ok(not place.beside(), what + ': nothing beside it', place.beside())


def put(path, at, data):
    fd = os.open(path, os.O_WRONLY)
    os.pwrite(fd, data, at)
    os.close(fd)


def same_bytes(place):
    """Wherever one of the two has data."""
    with open(place.source, 'rb') as f, open(place.copy, 'rb') as g:
        places = holes.data_of(f.fileno()) + holes.data_of(g.fileno())
        return all(os.pread(f.fileno(), end - at, at) == os.pread(g.fileno(), end - at, at) for at, end in places)


def kill_at(k):
    return lambda n, p: p.kill() if n == k else None


# what it costs
def terabyte():
    """1 TiB with 1 MiB at its end: a MiB on the wire, and as much on the disk."""
    for j in ('1', '4'):
        for carry in ('--plaintext', '--encrypt'):
            place, label = Place(), '%sload, -j %s, %s' % (way, j, carry)
            holes.make(place.source, TIB, [(TIB - MIB, MIB)])
            with Relay(PORT) as relay:
                r = harness.zcp('-j', j, carry, *place.args, port=relay.port)
            right(place, r, label)
            passed = relay.passed[C2S] + relay.passed[S2C]
            tap.ok(MIB < passed < MIB + 256 * 1024, label + ': a MiB and little more on the wire', passed)
            tap.ok(place.blocks() <= MIB + 65536, label + ': a MiB on the disk', place.blocks())


def nothing():
    """Of a TiB of nothing hardly anything is sent, whatever the rate."""
    place = Place()
    holes.make(place.source, TIB, [])
    with Relay(PORT) as relay:
        r = harness.zcp('--bwlimit=16', *place.args, port=relay.port)
    right(place, r, way + 'load, all of it a hole')
    passed = relay.passed[C2S] + relay.passed[S2C]
    tap.ok(passed < 16384, 'a few records on the wire', passed)
    tap.ok(place.blocks() == 0, 'nothing on the disk', place.blocks())


def blocks():
    """A block, a hole of a block, and so on."""
    for j in ('1', '4'):
        place = Place()
        holes.make(place.source, 16 * MIB, [(at, 4096) for at in range(0, 16 * MIB, 8192)])
        with Relay(PORT) as relay:
            r = harness.zcp('-j', j, *place.args, port=relay.port)
        right(place, r, '%sload, -j %s' % (way, j))
        passed = relay.passed[C2S] + relay.passed[S2C]
        tap.ok(passed < 9 * MIB, '-j %s: half of it on the wire' % j, passed)


# what was cut
CUT, ALL, SEGMENT, SLACK = 64, 96 * MIB, 4 * MIB, MIB


def scattered(place):
    """96 MiB in 26 places of a TiB, some of them odd."""
    places = [(k * (40 << 30), 4 * MIB) for k in range(24)]
    places += [(123 * (1 << 30) + 5, 7), (TIB - 3, 3)]
    holes.make(place.source, TIB, sorted(places))


def cut(place, *options):
    """Killed after 64 MiB; how much of it has arrived (the rest was on its way). What was in a segment then is not known to be right, and comes again."""
    r, _ = run(place, *options, act=kill_at(CUT))
    harness.wait_children(int(os.environ['ZCPD']))
    tap.ok(r.status == -9 and len(place.beside()) == 2 and len(os.listdir(place.at)) == 2, 'killed in its middle: two files, and none by its name', r)
    came = place.blocks(place.aside())
    tap.ok(0 < came < ALL - SEGMENT, 'what is kept takes no more than what came', came)
    return came


def killed():
    for j, carry in harness.sample('killed ' + way, (('1', '--plaintext'), ('1', '--encrypt'), ('4', '--plaintext'), ('4', '--encrypt')), 2):
        place, label = Place(), '%sload, -j %s, %s' % (way, j, carry)
        scattered(place)
        came = cut(place, '-j', j, carry)
        r, passed = run(place, '-j', j, carry)
        right(place, r, label + ', the same command again')
        tap.ok(passed <= ALL - came + SEGMENT * int(j) + SLACK, label + ': only the rest came', (passed, came))


def twice():
    """Cut again and again, some MiB further each time."""
    place, n, status = Place(), 0, -9
    scattered(place)
    while status == -9 and n < 60:
        r, _ = run(place, '-j', '1', act=kill_at(12))
        status, n = r.status, n + 1
    tap.ok(n > 5, 'it took some runs: %d' % n, r)
    right(place, r, way + 'load, killed every 12 MiB')


def polluted():
    """Something stands where a hole is to be: in one that has been noted, in one that has not."""
    for what, at in (('not reached yet', TIB - (5 << 30)), ('noted', 20 << 30), ('noted, at its very end', (40 << 30) - 1), ('noted, zeros', 20 << 30)):
        place = Place()
        scattered(place)
        came = cut(place, '-j', '1')
        garbage = b'g' if at % 4096 else b'garbage' * 1000
        put(place.aside(), at, bytes(len(garbage)) if 'zeros' in what else garbage)
        r, passed = run(place, '-j', '1')
        rest = passed <= ALL - came + SEGMENT + SLACK
        if 'zeros' in what:
            tap.ok(r.status == 0 and rest and same_bytes(place), what + ': as good as a hole, and only the rest came', (r, passed, came))
            continue
        right(place, r, 'something in a hole that was ' + what)
        tap.ok(rest == ('reached' in what), what + ': what came again', (r, passed, came))


def wrapped():
    """Holes that cannot be made, calls that are interrupted, a kernel that knows of no holes: strace's injection into zcp, which receives."""
    def polluted_part():
        place = Place()
        scattered(place)
        cut(place, '-j', '1')
        for at in (TIB - (5 << 30), 900 << 30):
            put(place.aside(), at, b'garbage' * 100000)
        return place

    log = os.path.join(room.path, 'log')
    for what, call, error, certain in (('no file system with holes', 'fallocate', 'error=EOPNOTSUPP:syscall=getpid', True),
                                       ('interrupted, every other time', 'fallocate', 'error=EINTR:syscall=getpid:when=1+2', False),
                                       ('interrupted, always', 'fallocate', 'error=EINTR:syscall=getpid', True)):
        place = polluted_part()
        if os.path.exists(log):
            os.unlink(log)
        r, passed = run(place, '-j', '1', wrap=['strace', '-f', '-qq', '-o', log, '-e', 'trace=' + call, '-e', 'inject=%s:%s' % (call, error)])
        tap.ok(b'INJECTED' in harness.read(log), what + ': it was met')
        tap.ok(r.status == 0 and same_bytes(place), what + ': identical, with zeros where no hole could be made', r)
        if not certain:
            right(place, r, what)
    place = Place()
    holes.make(place.source, 3 * MIB, [(MIB, 300000)])
    r, passed = run(place, wrap=['strace', '-f', '-qq', '-o', log, '-e', 'trace=lseek', '-e', 'inject=lseek:error=EINVAL:syscall=getpid'])
    tap.ok(r.status == 0 and harness.read(place.source) == harness.read(place.copy), 'a kernel that is not asked about holes: identical', r)


def lseek_sender():
    """zcp, which sends, cannot find holes out: all of it is data."""
    log, place = os.path.join(room.path, 'log'), Place()
    for error in ('EINVAL', 'EIO', 'EINTR'):
        holes.make(place.source, 3 * MIB, [(MIB, 300000)])
        r, passed = run(place, wrap=['strace', '-f', '-qq', '-o', log, '-e', 'trace=lseek', '-e', 'inject=lseek:error=%s:syscall=getpid' % error])
        tap.ok(r.status == 0 and harness.read(place.source) == harness.read(place.copy) and b'INJECTED' in harness.read(log), '%s: identical' % error, r)
        tap.ok(passed > 3 * MIB, '%s: every byte came' % error, passed)


# what changes
def changing():
    size = 200 * MIB
    data = [(k * 20 * MIB, 2 * MIB) for k in range(10)]

    def once(f):
        return lambda n, p, path: f(path) if n == 3 else None
    for what, act, status in (
        ('a hole is written to, once', once(lambda p: put(p, 150 * MIB, b'no hole any more')), 0),
        ('a hole behind is written to, once', once(lambda p: put(p, 3 * MIB, b'no hole any more')), 0),
        ('a hole is written to again and again', lambda n, p, path: put(path, 150 * MIB + n, b'x'), 24),
        ('data is cut off, once', once(lambda p: os.truncate(p, 130 * MIB)), 0),
        ('it grows by a hole', once(lambda p: os.truncate(p, size + 100 * MIB)), 24),
    ):
        for j in ('1', '4'):
            place = Place()
            holes.make(place.source, size, data)
            r, passed = run(place, '-j', j, act=lambda n, p: act(n, p, place.source))
            label = '%sload, -j %s, %s' % (way, j, what)
            # how far several streams are when it happens is theirs: it may be seen by none, or be over before
            tap.ok(r.status == status or (j == '4' and r.status in (0, 24)), label + ': status', r)
            if r.status == 0:
                right(place, r, label)
            elif 'grows' in what:
                kept = os.path.exists(place.copy)
                tap.ok(kept or j == '4', label + ': as it was', r)
                if kept:
                    os.truncate(place.source, size)
                    tap.ok(not holes.differ(place.source, place.copy), label + ': as it was', holes.differ(place.source, place.copy))
            else:
                tap.ok(not os.path.exists(place.copy) and not place.beside(), label + ': nothing is left', os.listdir(place.at))


CASES = {f.__name__: f for f in (terabyte, nothing, blocks, killed, twice, polluted, wrapped, lseek_sender, changing)}
assert HOLD == MIB
CASES[case]()
tap.end()
