#!/usr/bin/python3
"""resuming.py - downloads over several streams, and downloads that are cut and go on: at moments that a gate between zcp and zcpd counts in bytes.

    resuming.py CASE    (a daemon with ROOT, PORT, HOSTKEY, ZCPD in the environment: helpers.bash; cases below)
"""
import os
import signal
import struct
import subprocess
import sys
import threading
import time

import harness
from gate import HOLD, Gate

PORT, ROOT, DAEMON = int(os.environ['PORT']), os.environ['ROOT'], int(os.environ['ZCPD'])
ZCP = os.path.join(harness.BUILD, 'zcp')
SIZE = 48 << 20
old, new = harness.content(SIZE, 'old'), harness.content(SIZE, 'new')
room, tap = harness.Room(), harness.Tap()
big = os.path.join(ROOT, 'big')


def children():
    with open('/proc/%d/task/%d/children' % (DAEMON, DAEMON)) as f:
        return [int(p) for p in f.read().split()]


class Run:
    """zcp through a gate; act(n, run) after each MiB of contents. change(run, connection, offset, bytes)."""

    def __init__(self, args, act=None, change=None, port=0):
        self.p, self.ready, self.over = None, threading.Event(), threading.Event()

        def acting(n):
            self.ready.wait(30)
            act(n, self)

        def changing(at, data):
            return change(self, self.connection(), at, data)

        self.gate = Gate(PORT, 'down', acting if act else None, changing if change else None, port)
        self.p = subprocess.Popen([ZCP, '--host-key=' + os.environ['HOSTKEY'], '-P', str(self.gate.port)] + args, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.ready.set()
        text = self.p.communicate(timeout=100)[0].decode('utf-8', 'replace')
        self.over.set()
        self.gate.stop()
        self.status = 'sanitizer' if 'Sanitizer' in text or 'runtime error:' in text else self.p.returncode
        self.text, self.passed, self.streams = text, self.gate.passed, len(self.gate.links) // 2

    def connection(self):
        return self.gate.links.index(threading.current_thread()) // 2

    def __repr__(self):
        return 'status %s, %d bytes over %d streams: %s' % (self.status, self.passed, self.streams, self.text)


def at(k, what):
    """An act: once, after k MiB."""
    return lambda n, run: what(run) if n == k else None


def kill(run):
    run.p.kill()


def end(run):
    run.p.send_signal(signal.SIGINT)


def journal(d):
    return [os.path.join(d, n) for n in sorted(os.listdir(d)) if n.startswith('.zcp-') and n.endswith('.j')]


def aside(d):
    return [os.path.join(d, n) for n in sorted(os.listdir(d)) if n.startswith('.zcp-') and not n.endswith('.j')]


def cut(more=(), k=24):
    """A copy that was killed after k MiB: its directory."""
    d = room.new()
    r = Run(['-q', '-j', '1', *more, '127.0.0.1:big', d + '/'], at(k, kill))
    tap.ok(r.status == -9 and len(journal(d)) == len(aside(d)) == 1 and len(os.listdir(d)) == 2, 'killed: aside file and journal, no final name', r)
    return d


def go_on(d, what, status=0, want=old, least=0, most=SIZE * 2, says='', more=('-j', '1')):
    r = Run(['-v', *more, '127.0.0.1:big', d + '/'])
    tap.ok(r.status == status, what + ': status %d' % status, r)
    left = os.listdir(d)
    if status == 0:
        tap.ok(left == ['big'] and harness.read(d + '/big') == want, what + ': identical, and nothing beside it', left)
    tap.ok(least <= r.passed <= most, what + ': so many bytes came', r)
    tap.ok(says in r.text, what + ': it says so', r)
    room.drop(d)
    return r


# what a copy may cost besides its contents: the handshakes, records' heads, tags
ROOM = 2 << 20


def killed():
    for more in (['-j', '1'], ['-j', '4'], ['-j', '1', '--encrypt'], ['-j', '4', '--plaintext']):
        d = room.new()
        r = Run(['-q', *more, '127.0.0.1:big', d + '/'], at(24, kill))
        tap.ok(r.status == -9 and 'big' not in os.listdir(d), '%s: killed, no final name' % more, r)
        # a segment that was being read is lost: one to a stream
        go_on(d, '%s: the same command' % more, most=SIZE - (24 << 20) + (16 << 20 if '4' in more else 10 << 20) + ROOM, says='bytes are here already', more=more)


def interrupted():
    for number in (signal.SIGINT, signal.SIGTERM):
        d = room.new()
        r = Run(['-j', '1', '127.0.0.1:big', d + '/'], at(24, lambda run: run.p.send_signal(number)))
        tap.ok(r.status == 20 and 'the same command goes on' in r.text, '%s: 20, and what to do' % number.name, r)
        tap.ok(len(journal(d)) == len(aside(d)) == 1, '%s: it stays' % number.name, os.listdir(d))
        go_on(d, number.name, most=SIZE * 3 // 4, says='bytes are here already')
    d = room.new()
    r = Run(['-j', '1', '--no-resume', '127.0.0.1:big', d + '/'], at(24, end))
    tap.ok(r.status == 20 and not os.listdir(d), '--no-resume: nothing is left', (r, os.listdir(d)))


def no_resume():
    d = cut()
    go_on(d, '--no-resume', least=SIZE, says='--no-resume', more=['-j', '1', '--no-resume'])


def damaged():
    size = os.path.getsize(journal(cut())[0])
    for where in harness.sample('journal', [0, 3, 5, 8, 9, 12, 40, 90, 150, 180, size // 3, size // 2, size - 1], 5) + [2, size - 20]:
        d = cut(k=16)
        path = journal(d)[0]
        data = bytearray(harness.read(path))
        data[where % len(data)] ^= 1 << where % 8
        harness.write(path, data)
        go_on(d, 'byte %d of the journal flipped' % where)
    d = cut(k=16)
    os.truncate(journal(d)[0], size // 4)
    go_on(d, 'the journal cut short')
    d = cut(k=16)
    os.truncate(journal(d)[0], 0)
    go_on(d, 'the journal emptied', least=SIZE)


def future():
    d = cut()
    path = journal(d)[0]
    data = bytearray(harness.read(path))
    data[VERSION_AT] += 1
    harness.write(path, data)
    go_on(d, 'a journal of the future', least=SIZE, says='another version of zcp')


def another():
    d = cut()
    harness.write(big + '.new', new)
    os.rename(big + '.new', big)
    go_on(d, 'the source was replaced between two runs', want=new, least=SIZE, says='is of another file')
    d = cut()
    os.utime(big, ns=(1, 1))
    go_on(d, 'the source was touched between two runs', want=new, least=SIZE, says='the file has changed')


def torn():
    """What a power cut may leave: the journal says more than the file holds."""
    d = cut()
    os.truncate(aside(d)[0], 5 << 20)
    go_on(d, 'the aside file was cut short', least=SIZE - (6 << 20))
    d = cut()
    fd = os.open(aside(d)[0], os.O_WRONLY)
    os.pwrite(fd, bytes(1 << 20), 7 << 20)
    os.close(fd)
    go_on(d, 'zeros in the aside file', least=SIZE - (8 << 20), says='is not what is in the file')
    d = cut()
    os.unlink(aside(d)[0])
    go_on(d, 'the aside file is gone', least=SIZE)
    d = cut()
    os.unlink(journal(d)[0])
    go_on(d, 'the journal is gone', least=SIZE)


def strange():
    """What stands under the name is not ours: left alone, and said."""
    for what, make in (('a link', lambda p: os.symlink('/etc/passwd', p)), ('a directory', os.mkdir), ('a second name', None)):
        d = cut()
        path = aside(d)[0]
        if make:
            os.unlink(path)
            make(path)
        else:
            os.link(path, d + '/other')
        r = Run(['-j', '1', '127.0.0.1:big', d + '/'])
        tap.ok(r.status == 45 and 'left alone' in r.text, what + ': status 45', r)
        tap.ok(os.path.lexists(path) and not os.path.lexists(d + '/big'), what + ': untouched', os.listdir(d))


def busy():
    d, second = room.new(), []

    def again(run):
        second.append(harness.zcp('127.0.0.1:big', d + '/'))

    r = Run(['-j', '1', '127.0.0.1:big', d + '/'], at(3, again))
    tap.ok(second[0].status == 46 and 'another run' in second[0].text, 'the second run is told: 46', second)
    tap.ok(r.status == 0 and harness.read(d + '/big') == old and os.listdir(d) == ['big'], 'the first one is not disturbed', r)


def replaced():
    def replace(_):
        harness.write(big + '.new', new)
        os.rename(big + '.new', big)

    def touch(n, _):
        fd = os.open(big, os.O_WRONLY)
        os.pwrite(fd, b'%d' % (n % 10), n)
        os.close(fd)

    for j in ('1', '4'):
        harness.write(big, old)
        d = room.new()
        r = Run(['-j', j, '127.0.0.1:big', d + '/'], at(5, replace))
        tap.ok(r.status == 0 and os.listdir(d) == ['big'] and harness.read(d + '/big') == (new if r.passed > SIZE * 3 // 2 else old),
               '-j %s: replaced between two ranges: never joined' % j, (r, os.listdir(d)))
        d = room.new()
        r = Run(['-j', j, '127.0.0.1:big', d + '/'], touch)
        tap.ok(r.status == 24 and not os.listdir(d), '-j %s: rewritten again and again: 24, nothing is left' % j, (r, os.listdir(d)))
    harness.write(big, old)
    d = room.new()

    def grow(_):
        with open(big, 'ab') as f:
            f.write(b'more')

    r = Run(['-j', '4', '127.0.0.1:big', d + '/'], at(5, grow))
    tap.ok(r.status in (0, 24) and harness.read(d + '/big')[:SIZE] == old, '-j 4: grown: copied', r)


def extras():
    """-X: a file that goes on gets its attributes; one that gets others on the way is another by then."""
    for j in ('1', '4'):
        os.setxattr(big, 'user.x', b'first')
        d = cut(('-X',), 24)
        r = Run(['-v', '-X', '-j', j, '127.0.0.1:big', d + '/'])
        tap.ok(r.status == 0 and 'bytes are here already' in r.text and os.listdir(d) == ['big'] and harness.read(d + '/big') == old, '-j %s: it goes on' % j, r)
        tap.ok(os.getxattr(d + '/big', 'user.x') == b'first', '-j %s: with its attribute' % j)
        d = room.new()
        r = Run(['-X', '-j', j, '127.0.0.1:big', d + '/'], at(5, lambda _: os.setxattr(big, 'user.x', b'second')))
        tap.ok(r.status == 0 and os.listdir(d) == ['big'] and harness.read(d + '/big') == old, '-j %s: another attribute on the way: copied' % j, r)
        tap.ok(os.getxattr(d + '/big', 'user.x') == b'second', '-j %s: with what it has then' % j)


def tree():
    src = os.path.join(ROOT, 'many')
    os.mkdir(src)
    for i in range(600):
        harness.write('%s/%03d' % (src, i), harness.content(60000, str(i)))
    harness.write(src + '/zlarge', old)
    for j, how in (('1', '-r'), ('3', '-rp')):
        dst = room.new() + '/copy'
        r = Run([how, '-j', j, '127.0.0.1:many', dst], at(30, end))
        tap.ok(r.status == 20, '-j %s: interrupted in a tree' % j, r)
        there = [n for n in os.listdir(dst) if not n.startswith('.zcp-')]
        if how == '-rp':                # which tells a file that was changed meanwhile, and kept its size
            changed = there.pop()
            harness.write(dst + '/' + changed, bytes(60000))
        r = Run(['-v', how, '-j', j, '127.0.0.1:many', dst], port=r.gate.port)        # the job's log knows the port
        same = sorted(os.listdir(dst)) == sorted(os.listdir(src))
        tap.ok(r.status == 0 and same, '-j %s: the same command brings the rest' % j, r)
        tap.ok(same and all(harness.read(dst + '/' + n) == harness.read(src + '/' + n) for n in os.listdir(src)), '-j %s: identical' % j)
        tap.ok(there and '%d files of an earlier run' % len(there) in r.text, '-j %s: those that were there were not copied again' % j, (len(there), r))
        tap.ok(r.passed < SIZE + 600 * 60000 - (10 << 20), '-j %s: the rest, no more' % j, r)


def swept():
    d = room.new()
    week = time.time() - 8 * 86400

    def put(digits, age, mode=0o600, suffix=''):
        path = harness.write('%s/.zcp-%s%s' % (d, digits * 32, suffix), b'x')
        os.chmod(path, mode)
        os.utime(path, (age, age))
        return path

    gone = [put('a', week), put('b', week, suffix='.j')]
    stay = [put('c', time.time()), put('d', time.time() + 9 * 86400), put('e', week, suffix='.k'), harness.write(d + '/.zcp-short', b'')]
    locked = put('f', week)
    fd = os.open(locked, os.O_RDONLY)
    import fcntl
    fcntl.flock(fd, fcntl.LOCK_EX)
    r = harness.zcp('-j', '1', '127.0.0.1:big', d + '/')
    tap.ok(r.status == 0 and not any(map(os.path.exists, gone)), 'old and nobody\'s: removed', os.listdir(d))
    tap.ok(all(map(os.path.exists, stay)), 'young, of the future, of another form: left alone', os.listdir(d))
    tap.ok(os.path.exists(locked), 'locked: left alone', os.listdir(d))
    os.close(fd)
    src = os.path.join(ROOT, 'dir/sub')
    os.makedirs(src)
    harness.write(src + '/f', b'f')
    os.makedirs(d + '/dir/sub')
    old_one = put('a', week)
    os.rename(old_one, d + '/dir/sub/' + os.path.basename(old_one))
    r = harness.zcp('-r', '127.0.0.1:dir', d + '/')
    tap.ok(r.status == 0 and os.listdir(d + '/dir/sub') == ['f'], 'in a directory of a tree, too', os.listdir(d + '/dir/sub'))


def full():
    """DISK: a file system that is too small."""
    disk = os.environ['DISK']
    for j in ('1', '4'):
        r = harness.zcp('-j', j, '127.0.0.1:big', disk + '/')
        tap.ok(r.status == 44 and not os.listdir(disk), '-j %s: 44, and nothing is left' % j, (r, os.listdir(disk)))


# --- several streams ---------------------------------------------------------------------------------------------------

def streams():
    for j, size, want in (('1', SIZE, 1), ('3', SIZE, 3), ('4', SIZE, None), ('8', 1000, 1)):
        harness.write(big, old[:size])
        d = room.new()
        r = Run(['-j', j, '127.0.0.1:big', d + '/'])
        tap.ok(r.status == 0 and harness.read(d + '/big') == old[:size] and os.listdir(d) == ['big'], '-j %s: identical' % j, r)
        tap.ok(r.streams == want if want else 2 <= r.streams <= 4, '-j %s, %d bytes: so many streams' % (j, size), r)


class Victim:
    """A change for Run: do(run, connection, bytes) on what the first stream, or another one, carries from 2 MB on. The first one waits until another has contents, too."""

    def __init__(self, first, do):
        self.first, self.do, self.connection, self.chosen = first, do, None, threading.Event()

    def __call__(self, run, connection, at_, data):
        if at_ < 2000000:
            return data
        if connection == 0:
            self.chosen.wait(30)
            self.connection = 0 if self.first else self.connection
        elif not self.chosen.is_set():
            self.connection = self.connection if self.first else connection
            self.chosen.set()
        return self.do(run, connection, data) if connection == self.connection else data


def over_streams(first, do, *more):
    d = room.new()
    r = Run(['-v', '-j', '3', *more, '127.0.0.1:big', d + '/'], None, Victim(first, do))
    tap.ok(r.status == 0 and os.listdir(d) == ['big'] and harness.read(d + '/big') == old, '%s, %s: 0 and identical' % (more, 'first' if first else 'another'), r)
    tap.ok(r.streams >= 3 - first, '%s: there were others' % (more,), r)
    return r


def dies():
    """zcpd's process of one stream is killed in the middle of its range: the others bring what it had."""
    def shoot(run, connection, data):
        if not run.over.is_set() and not shot:
            shot.append(children()[connection])         # in the order in which they connected
            os.kill(shot[0], signal.SIGKILL)
        return data

    for first in (False, True):
        for carry in ('--plaintext', '--encrypt'):
            shot = []
            r = over_streams(first, shoot, carry)
            tap.ok(shot and ('other streams have brought the rest' if first else ': stream ') in r.text, '%s: one was killed, and it is said' % carry, r)


def lies():
    """A byte flipped in another stream: of a sealed record, then it ends and others go on; raw, then the chunk comes again."""
    def flip(_, connection, data):
        if flipped:
            return data
        flipped.append(connection)
        return bytes([data[0] ^ 1]) + data[1:]

    for carry, again in (('--encrypt', 1), ('--plaintext', 0)):
        flipped = []
        r = over_streams(False, flip, carry)
        tap.ok(flipped and (': stream ' in r.text) == bool(again), carry + ': the stream ended, or not', r)


def silent():
    """Another stream stalls in the middle of its range: given up after --timeout, and the others bring its range."""
    def hold(run, _, data):
        run.over.wait(60)
        return data

    r = over_streams(False, hold, '--timeout', '2')
    tap.ok(': stream ' in r.text, 'it is said', r)


VERSION_AT = 12                     # behind the magic words
harness.write(big, old)
CASES = {f.__name__: f for f in (killed, interrupted, no_resume, damaged, future, another, torn, strange, busy, replaced, extras, tree, swept, full,
                                 streams, dies, lies, silent)}
CASES[sys.argv[1]]()
tap.end()
