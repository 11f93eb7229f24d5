#!/usr/bin/python3
"""faults.py - system calls that fail (strace's injection) and processes that are killed: never 0 with a wrong or missing file,
nothing left behind, and the daemon goes on.

    faults.py client|daemon CALL ERROR...           every occurrence of CALL in the receiver, or a sample of them
    faults.py storm|fallback|lies client|daemon|-
    faults.py kill|interrupt|killed-daemon down|up  in the middle of the contents
(a daemon with ROOT, PORT, HOSTKEY, ZCPD in the environment: helpers.bash)
"""
import os
import re
import select
import signal
import subprocess
import sys

import harness
from gate import Gate

PORT, ROOT, DAEMON = int(os.environ['PORT']), os.environ['ROOT'], int(os.environ['ZCPD'])
ZCP = os.path.join(harness.BUILD, 'zcp')
room, tap = harness.Room(), harness.Tap()
BIG = 9 << 20                                   # from 8 MiB on fallocate comes first
FILES = {'big': harness.content(BIG, 'big'), 'mid': harness.content(300000, 'mid'), 'small': harness.content(3000, 'small'), 'empty': b''}
SPACE = {'ENOSPC', 'EDQUOT'}


class Attached:
    """strace on the daemon, its children to come included, until `with` ends."""

    def __init__(self, log, *options):
        self.command = ['strace', '-f', '-p', str(DAEMON), '-o', log, *options]

    def __enter__(self):
        self.p = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        line = self.p.stderr.readline()
        if b'attached' not in line:
            raise RuntimeError(line)
        return self

    def __exit__(self, *_):
        children_gone()
        self.p.send_signal(signal.SIGINT)
        self.p.communicate(timeout=30)


def children():
    with open('/proc/%d/task/%d/children' % (DAEMON, DAEMON)) as f:
        return [int(p) for p in f.read().split()]


def children_gone():
    """Until no stream of the daemon's is left (a pidfd tells)."""
    for pid in children():
        try:
            fd = os.pidfd_open(pid)
        except OSError:
            continue
        select.select([fd], [], [], 30)
        os.close(fd)


def put_sources(where):
    for name, data in FILES.items():
        harness.write(os.path.join(where, name), data)


def copy(way, wrap=(), options=('--plaintext',), port=PORT, names=tuple(FILES), dst=None):
    """One job, into a new place or into this one; (Result, destination)."""
    here = dst or room.new()
    if way == 'down':
        dst, args = here, ['127.0.0.1:src/' + n for n in names] + [here + '/']
    else:
        dst = os.path.join(ROOT, os.path.basename(here))
        os.makedirs(dst, exist_ok=True)
        args = [os.path.join(ROOT, 'src', n) for n in names] + ['127.0.0.1:' + os.path.basename(dst) + '/']
    command = [*wrap, ZCP, '-v', '--timeout=20', '--host-key=' + os.environ['HOSTKEY'], '-P', str(port), *options, *args]
    try:
        p = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100)
    except subprocess.TimeoutExpired as e:
        return harness.Result(harness.HANGS, str(e.stdout)), dst
    return harness.Result(p.returncode, p.stdout.decode('utf-8', 'replace')), dst


def judge(r, dst, label, want=None, litter=False, names=tuple(FILES)):
    """What holds whatever happens; want: the statuses that are right."""
    if 'error while loading shared libraries' in r.text:
        room.drop(dst)          # the loader met the fault: there was no zcp yet
        return
    there = set(os.listdir(dst))
    wrong = [n for n in names if n in there and harness.read(os.path.join(dst, n)) != FILES[n]]
    missing = [n for n in names if n not in there]
    others = sorted(there - set(names))
    tap.ok(not wrong, label + ': no wrong file', '%s\n%r' % (wrong, r))
    tap.ok(not (r.status == 0 and missing), label + ': never 0 with a file missing', '%s\n%r' % (missing, r))
    tap.ok(litter or not others, label + ': nothing left behind', '%s\n%r' % (others, r))
    right = r.status in want if want else isinstance(r.status, int) and 0 <= r.status <= 46
    tap.ok(right, label + ': status', '%r, expected %s' % (r, want))
    room.drop(dst)


def options(log, call, what):
    return ['-o', log, '-e', 'trace=' + call, '-e', 'inject=%s:%s' % (call, what)]


def run(side, way, call, what, log, carry='--plaintext', names=tuple(FILES)):
    """One job with injection on one side; (Result, destination, was it injected)."""
    if os.path.exists(log):
        os.unlink(log)
    if side == 'client':
        r, dst = copy(way, ['strace', '-f', '-qq', *options(log, call, what)], (carry,), names=names)
    else:
        with Attached(log, *options(log, call, what)[2:]):
            r, dst = copy(way, options=(carry,), names=names)
    return r, dst, b'INJECTED' in harness.read(log)


def occurrences(side, way, call, log):
    """How often the receiver's process makes this call in an undisturbed job."""
    if side == 'client':
        r, dst = copy(way, ['strace', '-f', '-qq', '-o', log, '-e', 'trace=' + call])
    else:
        with Attached(log, '-e', 'trace=' + call):
            r, dst = copy(way)
    judge(r, dst, call + ': undisturbed', {0})
    per = {}
    for line in harness.read(log).splitlines():
        if re.match(rb'\d+ +\w+\(', line):
            per[line.split()[0]] = per.get(line.split()[0], 0) + 1
    return max(per.values(), default=0)


def each(side, call, *errors):
    """The receiver's every Nth call fails."""
    way, log = 'down' if side == 'client' else 'up', os.path.join(room.path, 'log')
    count = occurrences(side, way, call, log)
    if not tap.ok(count > 0, 'the %s calls %s at all' % (side, call)):
        return
    for n in harness.sample('%s %s' % (side, call), range(1, count + 1), 4):
        for error in errors if harness.LONG else [errors[n % len(errors)]]:
            # getpid in its place: no call's number at all (-1) is what the daemon's own filter kills for
            r, dst, injected = run(side, way, call, 'error=%s:syscall=getpid:when=%d' % (error, n), log)
            want = {44} if error in SPACE and call in ('pwrite64', 'fallocate') and injected else None
            if side == 'daemon' and r.status == 0 and injected and call in ('pwrite64', 'renameat2', 'fallocate'):
                want = {11, 23, 44}
            # all bytes are there, and the journal that says so is not: the next run goes on from there
            journal = side == 'daemon' and any(b'zcp journal' in l and b'INJECTED' in l for l in harness.read(log).splitlines())
            if journal and r.status != 0:
                label = '%s: %s, the %dth, fails with %s, the journal\'s: ' % (side, call, n, error)
                tap.ok(r.status in (want or {11, 23, 44}), label + 'status', repr(r))
                r, dst = copy(way, dst=dst)
                judge(r, dst, label + 'the next run', {0})
                continue
            judge(r, dst, '%s: %s, the %dth, fails with %s' % (side, call, n, error), want)


def storm(side):
    log = os.path.join(room.path, 'log')
    # open and pread of a local file are never interrupted, and the loader that starts zcp does not expect it either
    for call in ('recvfrom', 'sendto', 'pwrite64', 'sendfile', 'splice', 'fallocate', 'write', 'poll'):
        for way in ('down', 'up'):
            r, dst, injected = run(side, way, call, 'error=EINTR:syscall=getpid:when=1+2', log)
            judge(r, dst, '%s, %sload: every second %s is interrupted%s' % (side, way, call, '' if injected else ' (not called)'), {0})


def log_of_daemon():
    """Its last line: of the stream that has just ended."""
    children_gone()
    return harness.read(os.path.join(os.environ['T'], 'zcpd.log')).decode().splitlines()[-1]


def fallback(_):
    log = os.path.join(room.path, 'log')
    for side, way in (('client', 'up'), ('daemon', 'down')):
        for call, by in (('sendfile', 'splice'), ('sendfile,splice', 'readwrite')):
            for error in ('EINVAL', 'ENOSYS'):
                r, dst, injected = run(side, way, call, 'error=%s:syscall=getpid' % error, log)
                tap.ok(injected, '%s: %s was asked for' % (side, call))
                said = r.text if side == 'client' else log_of_daemon()
                tap.ok(re.search(('sent by engine %s' if side == 'client' else r'sent \d+ files.*, %s;') % by, said),
                       '%s: without %s (%s) it sends by %s' % (side, call, error, by), said)
                judge(r, dst, '%s: without %s (%s)' % (side, call, error), {0})


def lies(_):
    """Calls that claim to have moved what they did not: found out by the tags or by the stall, never believed."""
    log = os.path.join(room.path, 'log')
    for side, way, call in (('client', 'up', 'sendfile'), ('daemon', 'down', 'sendfile'), ('client', 'down', 'recvfrom'), ('daemon', 'up', 'recvfrom')):
        r, dst, injected = run(side, way, call, 'retval=1000:syscall=getpid:when=12' if call == 'recvfrom' else 'retval=1000:syscall=getpid:when=2', log)
        judge(r, dst, '%s: %s claims what it did not' % (side, call), set(range(1, 47)) if injected else None)


# the end of a process in the middle of the contents
def middle(way, act, more=()):
    """A job through a gate that calls act(client's process) after 1 MiB of the contents."""
    here, started = room.new(), {}
    gate = Gate(PORT, way, lambda n: act(started['p']) if n == 1 else None)
    dst = here if way == 'down' else os.path.join(ROOT, os.path.basename(here))
    os.makedirs(dst, exist_ok=True)
    args = ['127.0.0.1:src/big', dst + '/'] if way == 'down' else [os.path.join(ROOT, 'src/big'), '127.0.0.1:' + os.path.basename(dst) + '/']
    r, w = os.pipe()                            # the contents may only start when `started` is filled: the child waits for the pipe
    command = ['bash', '-c', 'read -r -u %d; exec "$@"' % r, '-', ZCP, '--host-key=' + os.environ['HOSTKEY'], '-P', str(gate.port), *more, *args]
    p = started['p'] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=[r])
    os.write(w, b'\n')
    out = p.communicate(timeout=100)[0].decode('utf-8', 'replace')
    gate.stop()
    children_gone()
    os.close(r), os.close(w)
    return harness.Result(p.returncode, out), dst, gate


def kept(left):
    """An incomplete file, its journal, and nothing else: the next run goes on with them."""
    left = sorted(left)
    return len(left) == 2 and left[0].startswith('.zcp-') and len(left[0]) == 37 and left[1] == left[0] + '.j'


def kill(way):
    for carry in ('--plaintext', '--encrypt'):
        r, dst, gate = middle(way, lambda p: p.kill(), [carry])
        tap.ok(r.status == -9 and gate.n >= 1, '%s, %sload: zcp was killed in the middle' % (carry, way), r)
        left = os.listdir(dst)
        tap.ok('big' not in left, '%s, %sload: no final name' % (carry, way), left)
        tap.ok(kept(left), '%s, %sload: what came is kept' % (carry, way), left)


def interrupt(way):
    for number in (signal.SIGINT, signal.SIGTERM):
        r, dst, gate = middle(way, lambda p: p.send_signal(number))
        tap.ok(r.status == 20, '%sload, %s: status 20' % (way, number.name), r)
        tap.ok('interrupted' in r.text, '%sload, %s: it says so' % (way, number.name), r)
        tap.ok('the same command goes on' in r.text, '%sload, %s: and what to do' % (way, number.name), r)
        left = os.listdir(dst)
        tap.ok(kept(left), '%sload, %s: what came is kept' % (way, number.name), left)


def killed_daemon(way):
    """zcpd's process for this stream; the listener lives on."""
    r, dst, gate = middle(way, lambda p: [os.kill(c, signal.SIGKILL) for c in children()])
    tap.ok(r.status == 10, '%sload, the stream\'s process killed: status 10' % way, r)
    tap.ok('big' not in os.listdir(dst), '%sload: no final name' % way, os.listdir(dst))


def honest():
    for way in ('down', 'up'):
        r, dst = copy(way)
        judge(r, dst, 'the daemon goes on, %sload' % way, {0})


os.makedirs(os.path.join(ROOT, 'src'), exist_ok=True)
put_sources(os.path.join(ROOT, 'src'))
what, args = sys.argv[1], sys.argv[2:]
if what in ('client', 'daemon'):
    each(what, *args)
else:
    {'storm': storm, 'fallback': fallback, 'lies': lies, 'kill': kill, 'interrupt': interrupt, 'killed-daemon': killed_daemon}[what](*args)
honest()
tap.end()
