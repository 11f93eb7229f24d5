#!/usr/bin/python3
"""kills.py - one large file, copied by a zcp or zcpd that is killed again and again, and started again with the same command.

    kills.py DIR down|up BYTES KILLS SEED [ZCP OPTION...]

A relay on loopback counts what it hands to the receiver; when that passes a chosen number, the victim is killed (-9) there and then: the client, one
stream of the daemon, and the whole daemon in turn. No moment is left to a clock. After each death there is nothing under the final name. At the end the copy
is identical and nothing lies beside it. The last line: received BYTES of SIZE: RATIO (all TCP payload that the receiver read, records and handshakes too).
Below DIR: src/it, dst/, the daemon's and the clients' words (zcpd.log, zcp.log). Programs from ZCP_BUILD.
"""
import fcntl
import filecmp
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading

top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
build = os.path.abspath(os.environ.get('ZCP_BUILD', top + '/build'))
DEADLINE = 120
CHUNK = 65536


def fail(why):
    for name in ('zcp.log', 'zcpd.log'):
        with open(os.path.join(where, name), errors='replace') as f:
            print('--- the end of %s\n%s' % (name, ''.join(f.readlines()[-12:])))
    print('FAILED: ' + why)
    sys.stdout.flush()
    end_daemon()
    os._exit(1)


def gone(pid):
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    if not select.select([fd], [], [], DEADLINE)[0]:
        fail('process %d does not end' % pid)
    os.close(fd)


def children(pid):
    out = subprocess.run(['pgrep', '-P', str(pid)], capture_output=True, text=True).stdout
    return [int(x) for x in out.split()]


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def stop(pids):
    """Until they all stand still."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    for pid in pids:
        while state(pid) not in 'TZX':
            os.sched_yield()


def state(pid):
    try:
        with open('/proc/%d/stat' % pid) as f:
            return f.read().rsplit(')', 1)[1].split()[0]
    except FileNotFoundError:
        return 'X'


class Daemon:
    def __init__(self):
        fifo = os.path.join(where, 'port')
        if not os.path.exists(fifo):
            os.mkfifo(fifo)
        log = open(os.path.join(where, 'zcpd.log'), 'ab')
        self.p = subprocess.Popen([build + '/zcpd', '--root', where + '/' + served, '--writable', '--listen', '127.0.0.1:0', '--port-file', fifo,
                                   '--state', where + '/state', '--authorized-keys', where + '/keys'], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        fd = os.open(fifo, os.O_RDWR)
        if not select.select([fd], [], [], 20)[0]:
            fail('the daemon does not start')
        self.port = int(os.read(fd, 100).split()[0].rsplit(b':', 1)[-1])
        os.close(fd)
        self.helpers = set(children(self.p.pid))        # not streams

    def streams(self):
        return [c for c in children(self.p.pid) if c not in self.helpers]

    def kill(self):
        """As a power cut takes it: the listener and its streams at once."""
        victims = [self.p.pid] + children(self.p.pid)
        stop(victims)
        lost = sum(relay.unread().values()) if way == 'up' else 0
        for pid in victims:
            kill(pid)
        self.p.wait()
        for pid in victims[1:]:
            gone(pid)
        return lost

    def kill_stream(self):
        streams = self.streams()
        if not streams:
            fail('the daemon has no stream')
        stop(streams)
        before = relay.unread()
        victim = rng.choice(sorted(streams))
        kill(victim)
        gone(victim)
        after = relay.unread()
        for pid in streams:
            if pid != victim:
                os.kill(pid, signal.SIGCONT)
        return sum(n for s, n in before.items() if s not in after) if way == 'up' else 0


class Relay:
    """Counts what it gave the receiver (`seen`); from `cut` on it calls at_cut() and counts on."""

    def __init__(self):
        self.lock, self.seen, self.cut, self.at_cut, self.open = threading.Lock(), 0, None, None, set()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK)
        self.listener.bind(('127.0.0.1', 0))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.socket()
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK)
            try:
                server.connect(('127.0.0.1', daemon.port))
            except OSError:
                client.close()
                continue
            receiver = client if way == 'down' else server
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, CHUNK)
            with self.lock:
                self.open.add(receiver)
            done = []
            for a, b in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=(a, b, receiver, done), daemon=True).start()

    def pump(self, a, b, receiver, done):
        try:
            while True:
                data = a.recv(CHUNK)
                if not data:
                    break
                b.sendall(data)
                if b is receiver:
                    with self.lock:
                        self.seen += len(data)
                        if self.cut is not None and self.seen >= self.cut:
                            self.cut = None
                            self.at_cut()
            b.shutdown(socket.SHUT_WR)
        except OSError:                 # one end is gone: the other gets the reset that it would have got (a FIN and a closed window would hold it)
            for s in (a, b):
                try:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        with self.lock:
            done.append(a)
            if len(done) == 2:
                self.open.discard(receiver)
                a.close()
                b.close()

    def unread(self):
        """What was handed over and not read: on its way, and in the receiver's sockets that are still connected. They stand still, the lock is held."""
        waiting, found = {}, {}
        with open('/proc/net/tcp') as f:
            for line in f.readlines()[1:]:
                w = line.split()
                if w[3] == '01':
                    waiting[int(w[1].split(':')[1], 16), int(w[2].split(':')[1], 16)] = int(w[4].split(':')[1], 16)
        for s in self.open:
            try:
                there = s.getpeername()[1], s.getsockname()[1]
                if there in waiting:
                    found[s] = waiting[there] + struct.unpack('i', fcntl.ioctl(s, termios.TIOCOUTQ, b'\0' * 4))[0]
            except OSError:
                pass
        return found


def strike():
    """Called by the relay with its lock held."""
    global kills
    victim = ('client', 'stream', 'daemon')[kills % 3]
    at = relay.seen
    if victim == 'client':
        stop([client.pid])
        lost = sum(relay.unread().values()) if way == 'down' else 0
        client.kill()
    elif victim == 'stream':
        lost = daemon.kill_stream()
    else:
        lost = daemon.kill()
    relay.seen -= lost
    kills += 1
    struck.append(victim)
    print('kill %d: %s, after %d bytes, %d of them not read' % (kills, victim, at, lost))
    if victim == 'stream':              # the client may live on
        arm()


def arm():
    relay.cut = relay.seen + gaps[kills] if kills < count else None


def end_daemon():
    if daemon and daemon.p.poll() is None:
        daemon.p.terminate()
        try:
            daemon.p.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            daemon.p.kill()


where, way, size, count, rng = os.path.abspath(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), random.Random(sys.argv[5])
options = sys.argv[6:]
daemon, kills, struck = None, 0, []
served = 'src' if way == 'down' else 'dst'
for d in ('src', 'dst', 'config', 'client-state', 'home'):
    os.makedirs(os.path.join(where, d), exist_ok=True)
os.makedirs(where + '/state', mode=0o700, exist_ok=True)
os.environ.update(XDG_CONFIG_HOME=where + '/config', XDG_STATE_HOME=where + '/client-state', HOME=where + '/home', LC_ALL='C.UTF-8')
src, dst = where + '/src/it', where + '/dst/it'
with open(src, 'wb') as f:
    for off in range(0, size, 1 << 20):
        f.write(rng.randbytes(min(1 << 20, size - off)))
with open(where + '/keys', 'wb') as f:
    f.write(subprocess.run([build + '/zcp', '--public-key'], stdout=subprocess.PIPE, check=True).stdout)
out = subprocess.run([build + '/zcpd', '--state', where + '/state', '--public-key'], stdout=subprocess.PIPE, text=True, check=True).stdout
key = next(x.split()[1] for x in out.splitlines() if x.startswith('zcp-x25519 '))
cuts = sorted(rng.sample(range(1, size), count))
gaps = [b - a for a, b in zip([0] + cuts, cuts)]

relay = Relay()
relay.at_cut = strike
daemon, runs, copies = Daemon(), 0, 0
log = open(where + '/zcp.log', 'ab')
while True:
    if daemon.p.poll() is not None:
        daemon = Daemon()
    runs, before = runs + 1, len(struck)
    command = [build + '/zcp', '-v', '--host-key=' + key, '-P', str(relay.port), *options]
    with relay.lock:                    # the relay strikes at a client that is there
        arm()
        client = subprocess.Popen(command + (['127.0.0.1:it', dst] if way == 'down' else [src, '127.0.0.1:it']), stdin=subprocess.DEVNULL, stdout=log,
                                  stderr=log)
    try:
        status = client.wait(DEADLINE + (size >> 20))
    except subprocess.TimeoutExpired:
        client.kill()
        fail('the client hangs')
    with relay.lock:                    # whoever strikes has done so
        new, relay.cut = struck[before:], None
    if status not in (0, 10, -9) or status and not new:
        fail('status %d after kills of %s' % (status, new or 'nobody'))
    if os.path.lexists(dst):            # also when the word that it is published was cut off
        if not filecmp.cmp(src, dst, shallow=False):
            fail('the copy differs')
        left = [x for x in os.listdir(where + '/dst') if x != 'it']
        if left:
            fail('left behind: %s' % left)
        copies += 1
        if status == 0 and kills == count:
            break
        os.unlink(dst)                  # whoever was killed had got further than the count: once more
    elif status == 0:
        fail('status 0, and there is no copy')
    for pid in daemon.streams() if daemon.p.poll() is None else []:
        gone(pid)

end_daemon()
if daemon.p.returncode:
    fail('the daemon ended with status %d' % daemon.p.returncode)
size *= copies
print('%d kills, %d runs, identical' % (kills, runs))
print('received %d of %d: %.3f' % (relay.seen, size, relay.seen / size))
