#!/usr/bin/python3
"""uploads.py - uploads over several streams, and such that are cut short: a gate between zcp and zcpd counts what has passed, and acts at known places.

    uploads.py CASE [WORD...]   (a daemon with ROOT, PORT, HOSTKEY, ZCPD and LOG, its transfer log, in the environment: resume-upload.bats)
"""
import os
import signal
import subprocess
import sys
import threading

import harness
from gate import Gate

PORT, ROOT = int(os.environ['PORT']), os.environ['ROOT']
MIB = 1 << 20
room, tap = harness.Room(), harness.Tap()


class Moment(Gate):
    """act() once, when so many MiB have passed, whatever connection they were on. together: so many connections carry contents before one carries much."""

    def __init__(self, mib=0, act=None, always=False, change=None, together=1):
        self.at, self.once, self.always, self.lock = mib, act, always, threading.Lock()
        self.together, self.carry, self.all, self.changed = together, set(), threading.Event(), change
        super().__init__(PORT, 'up', self.look, self.pass_on)

    def pass_on(self, at, data):
        if at > 100000:
            self.carry.add(threading.get_ident())
        if len(self.carry) >= self.together:
            self.all.set()
        if at > MIB:
            self.all.wait(60)
        return self.changed(at, data) if self.changed else data

    def look(self, n):
        with self.lock:
            if not self.once or n < self.at:
                return
            act = self.once
            if not self.always:
                self.once = None
            act(n)

    def streams(self):
        return len(self.links) // 2


def children():
    """The streams' processes, the oldest first: the lead's."""
    pid = os.environ['ZCPD']
    with open('/proc/%s/task/%s/children' % (pid, pid)) as f:
        return [int(word) for word in f.read().split()]


def kill(*which):
    def act(_):
        pids = children()
        for i in which:
            if -len(pids) <= i < len(pids):
                os.kill(pids[i], signal.SIGKILL)
    return act


def litter():
    return [n for _, ds, fs in os.walk(ROOT) for n in ds + fs if n.startswith('.zcp-')]


def large(mib, name='big', seed='large'):
    data = harness.content(mib * MIB, seed)
    return harness.write(os.path.join(room.path, name), data), data


def stored(name):
    path = os.path.join(ROOT, name)
    return harness.read(path) if os.path.lexists(path) else None


def zcp(gate, *args):
    return harness.zcp('-v', *args, port=gate.port if gate else PORT)


def noted():
    """Bytes in the job logs."""
    top = os.path.join(os.environ['XDG_STATE_HOME'], 'zcp', 'jobs')
    return sum(os.path.getsize(os.path.join(top, n)) for n in os.listdir(top)) if os.path.isdir(top) else 0


def cut_short(mib, *args, keep=False, note=0):
    """zcp, killed when so much has passed, and so much is in its log. keep: the gate stays, since the port is part of what a job is known by."""
    run = []

    def act(_):
        ready.wait()
        if noted() >= note:
            run[0].kill()
    ready = threading.Event()
    gate = Moment(mib, act, always=True)
    command = [os.path.join(harness.BUILD, 'zcp'), '-v', '--host-key=' + os.environ['HOSTKEY'], '-P', str(gate.port), *args]
    run.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    ready.set()
    status = run[0].wait(100)
    if not keep:
        gate.stop()
    harness.wait_children(int(os.environ['ZCPD']))
    tap.ok(status == -signal.SIGKILL, 'it was killed in the middle', status)
    return gate


def right(r, name, data, what, status=0):
    tap.ok(r.status == status, '%s: status %d' % (what, status), r)
    found = stored(name)
    tap.ok(found == data, '%s: %s' % (what, 'identical' if data is not None else 'nothing is published'), '%r\nfound %s' % (r, found is not None and len(found)))
    tap.ok(not litter(), what + ': nothing is left beside it', litter())


def streams(option):
    path, data = large(96)
    gate = Moment(together=4)
    r = zcp(gate, '-j', '4', option, path, '127.0.0.1:')
    gate.stop()
    right(r, 'big', data, 'a large file over four streams, ' + option)
    tap.ok(gate.streams() == 4, 'four streams were opened', '%d\n%r' % (gate.streams(), r))


def damaged():
    done = []

    def flip(at, piece):
        if at < 400000 or done:
            return piece
        done.append(at)
        return bytes([piece[0] ^ 4]) + piece[1:]
    path, data = large(48)
    gate = Moment(change=flip, together=3)
    r = zcp(gate, '-j', '4', '--plaintext', path, '127.0.0.1:')
    gate.stop()
    right(r, 'big', data, 'a raw byte flipped in a range')
    tap.ok(done and gate.passed < 49 * MIB, 'one chunk came again', gate.passed)


def stream():
    path, data = large(96)
    gate = Moment(20, kill(-1), together=4)
    r = zcp(gate, '-j', '4', path, '127.0.0.1:')
    gate.stop()
    right(r, 'big', data, 'a stream that dies in the middle of a range')
    tap.ok(gate.once is None and gate.passed < 130 * MIB, 'others had its work', gate.passed)


def opener():
    """Each further stream has opened one of the files: all of them die."""
    files = [large(12, 'f%d' % i, 'f%d' % i) for i in range(12)]
    gate = Moment(24, kill(1, 2, 3), together=4)
    r = zcp(gate, '-j', '4', *[p for p, _ in files], '127.0.0.1:')
    gate.stop()
    for i, (_, data) in enumerate(files):
        right(r, 'f%d' % i, data, 'the streams that held files die, file %d' % i)
    tap.ok(gate.once is None, 'they were killed', r)


def lead():
    path, data = large(96)
    gate = Moment(20, kill(0), together=4)
    r = zcp(gate, '-j', '4', path, '127.0.0.1:')
    gate.stop()
    right(r, 'big', data, 'the first stream dies')
    tap.ok('connecting again' in r.text and gate.passed < 170 * MIB, 'what others had sent counts', '%d\n%r' % (gate.passed, r))


def killed(j):
    path, data = large(64)
    first = cut_short(20, '-j', j, path, '127.0.0.1:').passed
    tap.ok(litter() and stored('big') is None, 'what came is kept, under no final name', litter())
    gate = Moment()
    r = zcp(gate, '-j', j, path, '127.0.0.1:')
    gate.stop()
    right(r, 'big', data, 'the same command again, -j ' + j)
    tap.ok('bytes are there already' in r.text and gate.passed < 60 * MIB, 'only the rest was sent', '%d, then %d\n%r' % (first, gate.passed, r))


def extras():
    """-X: a file that goes on gets its attributes; one that gets others on the way is another by then."""
    for j in '1', '4':
        path, data = large(64)
        os.setxattr(path, 'user.x', b'first')
        cut_short(20, '-X', '-j', j, path, '127.0.0.1:')
        r = zcp(None, '-X', '-j', j, path, '127.0.0.1:')
        right(r, 'big', data, 'the same command again, -j ' + j)
        tap.ok('bytes are there already' in r.text and os.getxattr(os.path.join(ROOT, 'big'), 'user.x') == b'first', 'it went on, and has its attribute', r)
        gate = Moment(20, lambda n: os.setxattr(path, 'user.x', b'second'))
        r = zcp(gate, '-X', '-j', j, path, '127.0.0.1:')
        gate.stop()
        right(r, 'big', data, 'another attribute on the way, -j ' + j)
        tap.ok(gate.passed > 68 * MIB and os.getxattr(os.path.join(ROOT, 'big'), 'user.x') == b'second', 'sent again, with what it has then', '%d %r' % (gate.passed, r))


def fresh():
    path, data = large(64)
    cut_short(20, path, '127.0.0.1:')
    gate = Moment()
    r = zcp(gate, '--no-resume', path, '127.0.0.1:')
    gate.stop()
    right(r, 'big', data, '--no-resume')
    tap.ok('there already' not in r.text and gate.passed > 64 * MIB, 'all of it was sent', '%d\n%r' % (gate.passed, r))


def interrupted():
    """--no-resume: nobody will go on with it."""
    path, _ = large(64)
    for j in '1', '4':
        run, ready = [], threading.Event()
        gate = Moment(20, lambda n: ready.wait() and run[0].send_signal(signal.SIGINT))
        command = [os.path.join(harness.BUILD, 'zcp'), '--no-resume', '-j', j, '--host-key=' + os.environ['HOSTKEY'], '-P', str(gate.port), path, '127.0.0.1:']
        run.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
        ready.set()
        text = run[0].communicate(timeout=100)[1].decode()
        gate.stop()
        harness.wait_children(int(os.environ['ZCPD']))
        tap.ok(run[0].returncode == 20 and 'have been removed' in text, '--no-resume, interrupted: 20, -j ' + j, text)
        tap.ok(not litter() and stored('big') is None, 'nothing is left, -j ' + j, litter())


def another():
    path, _ = large(64)
    cut_short(20, path, '127.0.0.1:')
    path, data = large(64, seed='another')
    gate = Moment()
    r = zcp(gate, path, '127.0.0.1:')
    gate.stop()
    right(r, 'big', data, 'the source is another one when it goes on')
    tap.ok('there already' not in r.text, 'nothing of the first counted', r)


def replaced():
    path, old = large(96)
    new = harness.content(96 * MIB, 'new')
    harness.write(path + '.new', new)
    gate = Moment(20, lambda n: os.rename(path + '.new', path), together=4)
    r = zcp(gate, '-j', '4', path, '127.0.0.1:')
    gate.stop()
    found = stored('big')
    tap.ok(r.status == 0 and found in (old, new), 'a source replaced between two ranges: one version, whole', r)
    tap.ok(not litter(), 'nothing is left beside it', litter())

    def touch(n):
        with open(path, 'r+b') as f:
            f.write(b'%d' % n)
    os.unlink(os.path.join(ROOT, 'big'))
    gate = Moment(4, touch, always=True, together=2)
    r = zcp(gate, '-j', '4', path, '127.0.0.1:')
    gate.stop()
    right(r, 'big', None, 'a source rewritten again and again', 24)


def busy():
    path, data = large(24)
    second = []
    gate = Moment(8, lambda n: second.append(zcp(None, path, '127.0.0.1:')))
    r = zcp(gate, path, '127.0.0.1:')
    gate.stop()
    tap.ok(second and second[0].status == 46 and 'another run' in second[0].text, 'a second run at the same time: 46', second)
    right(r, 'big', data, 'the first one does not mind')


def daemon_killed():
    """Everything of zcpd; the next part of the test starts another."""
    path = harness.write(os.path.join(os.environ['T'], 'big'), harness.content(64 * MIB, 'large'))

    def act(_):
        pids = children()
        for pid in [int(os.environ['ZCPD'])] + pids:
            os.kill(pid, signal.SIGKILL)
    gate = Moment(20, act)
    r = zcp(gate, path, '127.0.0.1:')
    gate.stop()
    tap.ok(r.status == 10, 'zcpd is killed: 10', r)
    tap.ok(litter() and stored('big') is None, 'what came is kept', litter())


def daemon_again():
    path = os.path.join(os.environ['T'], 'big')
    gate = Moment()
    r = zcp(gate, path, '127.0.0.1:')
    gate.stop()
    right(r, 'big', harness.read(path), 'zcpd was killed and started again')
    tap.ok('bytes are there already' in r.text and gate.passed < 60 * MIB, 'only the rest was sent', '%d\n%r' % (gate.passed, r))


def full():
    path, _ = large(96)
    r = harness.zcp('-j', '4', path, '127.0.0.1:')
    right(r, 'big', None, 'a destination that is full half-way', 44)


def lines():
    with open(os.environ['LOG']) as f:
        return f.readlines()


def tree(j):
    top = os.path.join(room.path, 'tree')
    for d in range(6):
        os.makedirs('%s/%d' % (top, d))
        for i in range(1000):
            harness.write('%s/%d/%d' % (top, d, i), harness.content(4000 + i, 't%d-%d' % (d, i)))
    os.mkdir(os.path.join(ROOT, 'to'))
    how = '-r' if j == '1' else '-rp'
    gate = cut_short(4, how, '-j', j, top, '127.0.0.1:to', keep=True, note=30000)
    before = lines()
    tap.ok(len(before) > 500, 'some files were copied', len(before))
    # what was copied first: gone, and of another size
    names = [line.split('"')[5] for line in before]
    os.unlink(os.path.join(ROOT, names[0]))
    os.truncate(os.path.join(ROOT, names[1]), 3)
    if how == '-rp':                    # its time tells that it was changed, although it kept its size
        harness.write(os.path.join(ROOT, names[2]), bytes(os.stat(os.path.join(ROOT, names[2])).st_size))
    r = zcp(gate, how, '-j', j, top, '127.0.0.1:to')
    tap.ok(r.status == 0 and 'left out' in r.text, 'the same command again, -j ' + j, r)
    after = [line.split('"')[5] for line in lines()[len(before):]]
    tap.ok(len(after) < 5500, 'what was finished was not sent again', '%d, then %d' % (len(before), len(after)))
    tap.ok(how == '-r' or names[2] in after, 'what was overwritten there with as many bytes was, with -p', names[2])
    tap.ok(names[0] in after and names[1] in after, 'what is gone or changed there was', names[:2])
    same = subprocess.run(['diff', '-r', top, os.path.join(ROOT, 'to/tree')], stdout=subprocess.PIPE)
    tap.ok(same.returncode == 0, 'identical', same.stdout)
    r = zcp(gate, how, '-j', j, top, '127.0.0.1:to')
    gate.stop()
    tap.ok(r.status == 0 and 'left out' not in r.text and len(lines()) >= 12000, 'a job that came to its end left no log', r)


CASES = {f.__name__: f for f in (streams, damaged, stream, opener, lead, killed, extras, fresh, interrupted, another, replaced, busy, daemon_killed,
                                 daemon_again, full, tree)}
CASES[sys.argv[1]](*sys.argv[2:])
room.drop(room.path)
tap.end()
