"""peers.py - what `make bench`, `make bench-bulk` and `make bench-scripting` share: zcpd and the tools beside it as a person would start them, rounds in turn, tables.

A Bench has a directory of its own and ends what it started. far: what stands in front of a command that runs on the other machine (the WAN bed's $WAN_A).
"""
import atexit, filecmp, os, random, shutil, signal, socket, statistics, subprocess, sys, tempfile, threading, time

top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
programs = os.path.abspath(os.environ.get('ZCP_BUILD', top + '/build'))
zcp, zcpd = programs + '/zcp', programs + '/zcpd'
nan = float('nan')


def die(why):
    print('bench: ' + why, file=sys.stderr)
    sys.exit(1)


def first_line(*cmd):
    p = subprocess.run(cmd, capture_output=True, text=True)
    return (p.stdout or p.stderr).strip().split('\n')[0]


def head(more):
    print('kernel %s, %d cores, load %.2f, congestion control %s' % (
        os.uname().release, os.cpu_count(), os.getloadavg()[0], open('/proc/sys/net/ipv4/tcp_congestion_control').read().strip()))
    print('%s; %s; %s; %s' % (subprocess.run([zcp, '--version'], capture_output=True, text=True).stdout.strip().replace('\n', ', '),
                              first_line('rsync', '--version'), first_line('ssh', '-V'), more))
    sys.stdout.flush()


def make_file(path, size):
    r = random.Random(7)
    with open(path, 'wb') as f:
        for at in range(0, size, 1 << 20):
            f.write(r.randbytes(min(1 << 20, size - at)))


def make_tree(path, count, size, dirs=100):
    """count files in so many directories; size(random) bytes each. Returns the bytes."""
    r, total = random.Random(11), 0
    for d in range(dirs):
        os.makedirs('%s/d%02d' % (path, d))
    for i in range(count):
        n = size(r)
        total += n
        with open('%s/d%02d/f%05d' % (path, i % dirs, i), 'wb') as f:
            f.write(r.randbytes(n))
    return total


def same_tree(a, b):
    d = filecmp.dircmp(a, b)
    if d.left_only or d.right_only or any(not filecmp.cmp(a + '/' + f, b + '/' + f, shallow=False) for f in d.common_files):
        return False
    return all(same_tree(a + '/' + s, b + '/' + s) for s in d.common_dirs)


def same_shape(src, dst):
    return os.path.isdir(src) and os.path.isdir(dst) and set(os.listdir(src)) == set(os.listdir(dst))


def times_of(factor, ref, plus=0):
    return lambda m: factor * m[ref] + plus if ref in m else None


def verdict(reached, by=''):
    return 'reached' if reached else 'MISSED' + by


class Pipe:
    """SEND | nc on the other machine to nc | RECV on this one, which listens before the clock starts. Over when RECV is."""

    def __init__(self, bench, send, recv, into=False):
        self.bench, self.send, self.recv, self.into = bench, send, recv, into

    def ready(self, dst):
        if self.into:
            os.makedirs(dst, exist_ok=True)
        self.port = self.bench.free_port()
        self.peer = subprocess.Popen('nc -l %s %d | %s' % (self.bench.here, self.port, self.recv % {'dst': dst}), shell=True, stdin=subprocess.DEVNULL)
        hexport = ':%04X ' % self.port
        while not any(hexport in l.split('rem')[0] and ' 0A ' in l for l in open('/proc/net/tcp')):
            time.sleep(0.002)

    def __call__(self, src, dst):
        words = {'src': src, 'dir': os.path.dirname(src), 'base': os.path.basename(src)}
        self.sender = subprocess.Popen(self.bench.far + ['sh', '-c', '%s | nc -N %s %d' % (self.send % words, self.bench.here, self.port)])
        if self.peer.wait():
            die('%s failed' % self.recv)

    def finish(self):
        if self.sender.wait():
            die('%s failed' % self.send)


class Bench:
    def __init__(self, disk=None, far=(), host='127.0.0.1', here='127.0.0.1'):
        self.far, self.host, self.here = list(far), host, here
        base = os.path.abspath(disk or os.environ.get('BENCH_DIR', top + '/build/bench'))
        os.makedirs(base, exist_ok=True)
        self.disk = tempfile.mkdtemp(prefix='run.', dir=base)
        self.mem = tempfile.mkdtemp(prefix='zcp-bench.', dir='/dev/shm')
        for d in (self.disk, self.mem):
            os.chmod(d, 0o755)
        self.work, self.running, self.pids = self.disk + '/peers', [], {}
        os.mkdir(self.work)
        atexit.register(self.cleanup)
        for s in (signal.SIGTERM, signal.SIGINT):
            signal.signal(s, lambda *_: sys.exit(130))
        signal.signal(signal.SIGALRM, lambda *_: die('a daemon did not start: see its log in %s' % self.work))
        self.env = dict(os.environ, XDG_CONFIG_HOME=self.work + '/config', XDG_STATE_HOME=self.work + '/client-state', LC_ALL='C.UTF-8')
        os.makedirs(self.work + '/config')
        out = subprocess.run([zcp, '--public-key'], env=self.env, capture_output=True, text=True, check=True).stdout
        with open(self.work + '/clients', 'w') as f:
            f.write(out)

    def cleanup(self):
        for p in self.running:
            p.terminate()
        for p in self.running:
            try:
                p.wait(5)
            except subprocess.TimeoutExpired:
                p.kill()
        for d in (self.disk, self.mem):
            shutil.rmtree(d, ignore_errors=True)

    def start(self, cmd, name):
        with open('%s/%s.log' % (self.work, name), 'wb') as log:
            p = subprocess.Popen(self.far + cmd, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env)
        self.running.append(p)
        self.pids[name] = p.pid
        return p

    def run(self, *cmd):
        subprocess.run(cmd, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)

    def free_port(self):
        with socket.socket() as s:
            s.bind((self.here, 0))
            return s.getsockname()[1]

    def wait_port(self, port, who):
        for _ in range(500):
            try:
                return socket.create_connection((self.host, port), 2).close()
            except OSError:
                time.sleep(0.02)
        die(who + ' does not listen')

    # zcpd, and zcp from it and to it. `to` is what start_zcpd gave.
    def start_zcpd(self, name, *args, listen=None):
        state, fifo = '%s/%s.state' % (self.work, name), '%s/%s.port' % (self.work, name)
        os.mkdir(state, 0o700)
        os.mkfifo(fifo)
        out = subprocess.run([zcpd, '--state', state, '--public-key'], env=self.env, capture_output=True, text=True, check=True).stdout
        key = next(l.split()[1] for l in out.splitlines() if l.startswith('zcp-x25519 '))
        signal.alarm(20)
        self.start([zcpd, '--root', '/', '--writable', '--listen', listen or self.host + ':0', '--port-file', fifo, '--state', state,
                    '--authorized-keys', self.work + '/clients', *args], name)
        with open(fifo) as f:
            port = f.readline().strip().rsplit(':', 1)[-1]
        signal.alarm(0)
        return ['--host-key=' + key] + ([] if listen else ['-P', port])

    def down(self, to, *opts):
        return lambda src, dst: self.run(zcp, '-q', *to, *opts, self.host + ':' + src, dst)

    def up(self, to, *opts):
        return lambda src, dst: self.run(zcp, '-q', *to, *opts, src, self.host + ':' + dst)

    def here_too(self, *opts):
        return lambda src, dst: self.run(zcp, '-q', *opts, src, dst)

    def beside(self, name):
        """From a zcpd of this machine, over its Unix socket."""
        path = '%s/%s.sock' % (self.work, name)
        to = self.start_zcpd(name, listen='unix:' + path)
        return lambda src, dst: self.run(zcp, '-q', *to, 'unix:%s:%s' % (path, src), dst)

    def cp(self, *opts):
        return lambda src, dst: self.run('cp', '--reflink=never', *opts, src, dst)

    # rsync daemon, sshd, nc: with keys and configuration of their own.
    def start_rsyncd(self, chroot='no'):
        port = self.free_port()
        with open(self.work + '/rsyncd.conf', 'w') as f:
            f.write('use chroot = %s\n' % chroot + ('uid = 0\ngid = 0\n' if os.getuid() == 0 else '') + '[r]\npath = /\nread only = no\n')
        self.start(['rsync', '--daemon', '--no-detach', '--address=' + self.host, '--port=%d' % port, '--config=' + self.work + '/rsyncd.conf'], 'rsyncd')
        self.wait_port(port, 'rsync')
        self.rsync_url = 'rsync://%s:%d/r' % (self.host, port)

    def rsync(self, src, dst):
        self.run('rsync', '-a', '--whole-file', self.rsync_url + src, dst)

    def start_sshd(self):
        port, work = self.free_port(), self.work
        for k in ('host', 'user'):
            subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', '%s/%s' % (work, k)], check=True)
        os.makedirs('/run/sshd', exist_ok=True) if os.getuid() == 0 else None
        shutil.copy(work + '/user.pub', work + '/authorized')
        self.start(['/usr/sbin/sshd', '-D', '-e', '-f', '/dev/null', '-p', str(port), '-h', work + '/host', '-o', 'ListenAddress=' + self.host,
                    '-o', 'AuthorizedKeysFile=' + work + '/authorized', '-o', 'StrictModes=no', '-o', 'UsePAM=no', '-o', 'PidFile=none',
                    '-o', 'PermitRootLogin=prohibit-password', '-o', 'PasswordAuthentication=no', '-o', 'Subsystem=sftp internal-sftp'], 'sshd')
        with open(work + '/known', 'w') as f:
            f.write('[%s]:%d %s' % (self.host, port, open(work + '/host.pub').read()))
        self.wait_port(port, 'sshd')
        self.scp_cmd = ['scp', '-q', '-F', 'none', '-c', 'aes128-gcm@openssh.com', '-P', str(port), '-i', work + '/user', '-o', 'IdentitiesOnly=yes',
                        '-o', 'UserKnownHostsFile=' + work + '/known', '-o', 'StrictHostKeyChecking=yes', '-o', 'BatchMode=yes']

    def scp(self, *opts):
        return lambda src, dst: self.run(*self.scp_cmd, *opts, ('root@' if os.getuid() == 0 else '') + self.host + ':' + src, dst)

    def tar(self):
        return Pipe(self, 'tar -cf - -C %(dir)s %(base)s', 'tar -xf - -C %(dst)s', into=True)

    def nc(self):
        return Pipe(self, 'cat %(src)s', 'cat >%(dst)s')

    def timed(self, fn, src, dst):
        if isinstance(fn, Pipe):
            fn.ready(dst)
        t = time.perf_counter()
        fn(src, dst)
        t = time.perf_counter() - t
        if isinstance(fn, Pipe):
            fn.finish()
        return t

    def case(self, title, src, where, tools, aims, rounds, big=False, once=(), warm=True, rate=False):
        """All tools in turn, round by round; the order turns too, so that no tool always follows the same one. Round -1 warms up; the first copy of each
        tool is compared byte for byte. tools: (name, function) or (name, function, a source of its own). once: tools that run in the first round only.
        big: a copy is removed at once. Returns {tool: times}."""
        tools = [(t[0], t[1], t[2] if len(t) > 2 else src) for t in tools]
        times, count = {t[0]: [] for t in tools}, 0
        for r in range(-1 if warm and not once else 0, rounds):
            for name, fn, src in tools[r % len(tools):] + tools[:r % len(tools)]:
                if name in once and r > 0:
                    continue
                count += 1
                dst = '%s/out.%s.%d' % (where, ''.join(c if c.isalnum() else '_' for c in title)[:8], count)
                try:
                    took = self.timed(fn, src, dst)
                except subprocess.CalledProcessError as e:
                    print('  %s: failed with status %d' % (name, e.returncode), file=sys.stderr)
                    times[name].append(nan)
                    self.remove(dst)
                    continue
                if r >= 0:
                    times[name].append(took)
                if r <= 0:
                    got = dst + '/' + os.path.basename(src) if isinstance(fn, Pipe) and fn.into or os.path.isdir(dst) and not same_shape(src, dst) else dst
                    if not (same_tree(src, got) if os.path.isdir(src) else filecmp.cmp(src, got, shallow=False)):
                        die('%s: %s: the copy differs' % (title, name))
                if big or where.startswith(self.mem):
                    self.remove(dst)
        table(title, times, aims, {t[0]: os.path.getsize(t[2]) for t in tools} if rate else None)
        return times

    def remove(self, dst):
        if os.path.isdir(dst):
            shutil.rmtree(dst)
        elif os.path.exists(dst):
            os.unlink(dst)


class Peak(threading.Thread):
    """The most memory that one process, and all of them together, had: RssAnon of every process named in roots() and of their children, sampled."""

    def __init__(self, roots):
        super().__init__(daemon=True)
        self.roots, self.one, self.all, self.whole, self.done = roots, 0, 0, 0, threading.Event()
        self.start()

    def run(self):
        while not self.done.wait(0.01):
            total = 0
            for pid in self.tree():
                try:
                    with open('/proc/%d/status' % pid) as f:
                        words = dict(l.split(':', 1) for l in f)
                except OSError:
                    continue
                kb = int(words.get('RssAnon', '0').split()[0])
                total += kb
                self.one = max(self.one, kb)
                self.whole = max(self.whole, int(words.get('VmHWM', '0').split()[0]))
            self.all = max(self.all, total)

    def tree(self):
        parents = {}
        for d in os.listdir('/proc'):
            if d.isdigit():
                try:
                    with open('/proc/%s/stat' % d) as f:
                        parents[int(d)] = int(f.read().rsplit(')', 1)[1].split()[1])
                except OSError:
                    pass
        found = set(self.roots())
        return found | {p for p, parent in parents.items() if parent in found}

    def end(self):
        self.done.set()
        self.join()
        return '%6.1f MiB in one process, %6.1f in all (VmHWM %6.1f)' % (self.one / 1024, self.all / 1024, self.whole / 1024)


def table(title, times, aims, payload=None):
    """aims: (tool, words, bound): bound(medians) is the limit in seconds, or None where there is nothing to compare with. payload: {tool: bytes}, for its rate."""
    good = {n: [x for x in t if x == x] for n, t in times.items()}
    med = {n: statistics.median(t) for n, t in good.items() if t and len(t) == len(times[n])}
    refs = [r for r in ('cp', 'rsync daemon', 'tar over nc', 'one cubic stream', 'scp') if r in med]
    print('\n%s' % title)
    print('  %-26s %9s %9s %9s' % ('tool', 'median', 'min', 'max') + ('    MiB/s' if payload else '') + ''.join('  / %-16s' % r for r in refs))
    for n, t in times.items():
        if n not in med:
            print('  %-26s    failed' % n)
            continue
        # how one tool's seconds are to another's: for the same payload
        size = payload or dict.fromkeys(times, 1)
        print('  %-26s %8.4fs %8.4fs %8.4fs' % (n, med[n], min(t), max(t)) + (' %8.2f' % (size[n] / med[n] / 2**20) if payload else '') +
              ''.join('  x %-16.3f' % (med[n] / size[n] * size[r] / med[r]) for r in refs))
    for tool, words, bound in aims:
        if tool in med and bound(med) is not None:
            limit = bound(med)
            print('  aim: %s %s (%.4f s): %s' % (tool, words, limit, verdict(med[tool] <= limit, ' by %.0f %%' % (100 * (med[tool] / limit - 1)))))
    sys.stdout.flush()
    return med
