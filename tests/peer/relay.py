#!/usr/bin/python3
"""relay.py - a man in the middle on loopback: copies bytes both ways and does one thing wrong. It has no keys: frames are told
apart by their lengths alone.

    relay.py TARGET_PORT [--flip WAY:BYTE[:MASK]] [--cut WAY:BYTES[:fin|rst]] [--hold WAY:BYTES]
             [--drop WAY:FRAME] [--double WAY:FRAME] [--swap WAY:FRAME] [--record FILE]
WAY is c2s or s2c. Frames c2s: 0 preface, 1 message 1, 2 message 3, 3.. records; s2c: 0 message 2, 1.. records (as long as
no raw bytes travel). Prints its port, serves until its input ends; --record appends FILE.c2s and FILE.s2c.
After it has acted, a connection on which nothing moves for IDLE seconds is closed: what waits for a dropped message would
wait until its own deadline.
"""
import argparse
import select
import socket
import struct
import sys
import threading

IDLE = 1.0
C2S, S2C = 'c2s', 's2c'


class Copy:
    """feed(bytes) -> (bytes to send on, None | 'fin' | 'rst' | 'hold')"""
    acted = False

    def feed(self, data):
        return data, None


class Frames:
    """Cuts a direction into frames: [(bytes, where it started)]; the rest is kept."""

    def __init__(self, way):
        self.buffer, self.at, self.next, self.way = b'', 0, 0, way

    def head(self):
        """(bytes of the length field, length of the frame) or None if the field has not come yet."""
        k, b = self.next, self.buffer
        if self.way == C2S and k == 0:
            return 0, 16
        size = 2 if k <= (2 if self.way == C2S else 0) else 4
        if len(b) < size:
            return None
        if size == 2 and b[:2] == b'zc':
            return 0, 16                        # busy
        return size, size + (int.from_bytes(b[:size], 'little') & 0xffffff)

    def feed(self, data):
        self.buffer += data
        while self.buffer:
            head = self.head()
            if head is None or len(self.buffer) < head[1]:
                return
            out, self.buffer = self.buffer[:head[1]], self.buffer[head[1]:]
            start, self.at = self.at, self.at + head[1]
            self.next += 1
            yield out, start, head[0]


class Flip(Copy):
    """One byte. Where that makes a length longer, the direction ends with that frame: the rest would never come."""

    def __init__(self, way, at, mask):
        self.at, self.mask, self.frames, self.sent = at, mask, Frames(way), 0

    def feed(self, data):
        if self.acted:
            return data, None
        out = b''
        for frame, start, field in self.frames.feed(data):
            if start <= self.at < start + len(frame):
                changed = bytearray(frame)
                changed[self.at - start] ^= self.mask
                self.acted = True
                length = int.from_bytes(frame[:field], 'little'), int.from_bytes(changed[:field], 'little')
                if length[1] > length[0]:
                    return out + bytes(changed), 'fin'
                return out + bytes(changed) + self.frames.buffer, None
            out += frame
        return out, None


class FlipByte(Copy):
    """One byte at its place, whatever the frames: for raw contents."""

    def __init__(self, at, mask):
        self.at, self.mask, self.passed = at, mask, 0

    def feed(self, data):
        k = self.at - self.passed
        self.passed += len(data)
        if 0 <= k < len(data):
            self.acted = True
            data = data[:k] + bytes([data[k] ^ self.mask]) + data[k + 1:]
        return data, None


class Cut(Copy):
    def __init__(self, at, how):
        self.left, self.how = at, how

    def feed(self, data):
        out, self.left = data[:self.left], self.left - len(data[:self.left])
        self.acted = self.left == 0
        return out, self.how if self.acted else None


class OnFrame(Copy):
    """drop, double, swap (with the one after it)"""

    def __init__(self, what, way, k):
        self.what, self.k, self.frames, self.seen, self.kept = what, k, Frames(way), 0, b''

    def feed(self, data):
        if self.acted and not self.kept:
            return data, None
        out = b''
        for frame, _, _ in self.frames.feed(data):
            if self.kept:
                out, self.kept = out + frame + self.kept, b''
                break
            if self.seen == self.k:
                self.acted = True
                if self.what == 'double':
                    out += frame + frame
                elif self.what == 'swap':
                    self.kept = frame
            else:
                out += frame
            self.seen += 1
            if self.acted and not self.kept:
                break
        if self.acted and not self.kept:
            out, self.frames.buffer = out + self.frames.buffer, b''
        return out, None


def change(spec, way):
    """'flip:c2s:17:1' for this direction -> what copies it."""
    what, where, at, *more = spec.split(':') if spec else ('', '', '0')
    if where != way:
        return Copy()
    if what in ('flip', 'flipbyte'):
        mask = int(more[0], 0) if more else 1
        return Flip(way, int(at), mask) if what == 'flip' else FlipByte(int(at), mask)
    if what in ('cut', 'hold'):
        return Cut(int(at), 'hold' if what == 'hold' else more[0] if more else 'fin')
    return OnFrame(what, way, int(at))


class Link(threading.Thread):
    """One connection through the relay: one thread, one poll loop."""

    def __init__(self, relay, client):
        super().__init__(daemon=True)
        self.relay, server = relay, socket.create_connection(('127.0.0.1', relay.target))
        self.ends = {C2S: (client, server), S2C: (server, client)}
        self.changes = {way: change(relay.spec, way) for way in self.ends}
        self.out = {way: b'' for way in self.ends}      # not yet taken by the target
        self.reading, self.finished = set(self.ends), set()
        self.how = None                                 # 'fin' or 'rst' once both ends are to be closed
        for sock in (client, server):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        relay.links.append(self)                        # before it can be over: stop() waits for it
        self.start()

    def acted(self):
        return any(c.acted for c in self.changes.values())

    def run(self):
        try:
            while self.how is None and len(self.finished) < 2:
                if not self.turn():
                    self.how = 'fin'                    # idle after the act
        except OSError:
            self.how = 'rst'                            # one end is gone: so is the other
        self.relay.acted |= self.acted()
        self.close(self.how)

    def turn(self):
        poll, by_fd = select.poll(), {}
        for way, (source, target) in self.ends.items():
            by_fd[source.fileno()] = way
            mask = select.POLLRDHUP if way in self.relay.holding else 0
            if way in self.reading and len(self.out[way]) < 1 << 18:
                mask |= select.POLLIN
            if self.out[S2C if way == C2S else C2S]:
                mask |= select.POLLOUT
            poll.register(source, mask)
        events = poll.poll(IDLE * 1000 if self.acted() and not self.relay.holding else None)
        for fd, mask in events:
            way = by_fd[fd]
            if mask & select.POLLOUT:
                self.write(S2C if way == C2S else C2S)
            if mask & (select.POLLERR | select.POLLHUP) and not mask & select.POLLIN:
                raise ConnectionResetError
            if mask & select.POLLIN and way in self.reading:
                self.read(way)
            elif mask & select.POLLRDHUP and way in self.relay.holding:
                self.how = 'fin'
        return bool(events)

    def read(self, way):
        source, target = self.ends[way]
        data = source.recv(65536)
        if not data:
            self.reading.discard(way)
            return self.write(way)
        if self.relay.record:
            self.relay.captured[way] += data
        data, end = self.changes[way].feed(data)
        self.relay.passed[way] += len(data)
        self.out[way] += data
        if end:
            self.reading.discard(way)
            if end == 'hold':
                self.relay.holding.add(way)
            elif isinstance(self.changes[way], Cut):
                self.flush(way)
                self.how = end
                return
        self.write(way)

    def write(self, way):
        target = self.ends[way][1]
        if self.out[way]:
            try:
                self.out[way] = self.out[way][target.send(self.out[way]):]
            except BlockingIOError:
                return                          # it takes nothing now: poll says when it does
        if not self.out[way] and way not in self.reading and way not in self.finished and way not in self.relay.holding:
            target.shutdown(socket.SHUT_WR)
            self.finished.add(way)

    def flush(self, way):
        target = self.ends[way][1]
        target.settimeout(30)
        target.sendall(self.out[way])

    def close(self, how):
        socks = self.ends[C2S]
        for sock in socks:
            try:
                if how == 'rst':
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                else:
                    sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        for sock in socks if how == 'fin' else ():      # closing with unread bytes would send RST
            sock.settimeout(10)
            try:
                while sock.recv(65536):
                    pass
            except OSError:
                pass
        for sock in socks:
            sock.close()


class Relay:
    def __init__(self, target, spec='', record=False, port=0):
        self.target, self.spec, self.record = target, spec, record
        self.passed, self.captured = {C2S: 0, S2C: 0}, {C2S: bytearray(), S2C: bytearray()}
        self.acted, self.links, self.holding = False, [], set()
        self.listener = socket.create_server(('127.0.0.1', port))
        self.port = self.listener.getsockname()[1]

    def start(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                Link(self, client)
            except OSError:
                client.close()

    def stop(self, seconds=60):
        """Until every connection is over; True if they all were in time."""
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for link in self.links:
            link.join(seconds)
        return not any(link.is_alive() for link in self.links)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def main():
    p = argparse.ArgumentParser()
    p.add_argument('target', type=int)
    for what in ('flip', 'flipbyte', 'cut', 'hold', 'drop', 'double', 'swap'):
        p.add_argument('--' + what)
    p.add_argument('--record')
    o = p.parse_args()
    spec = [w + ':' + getattr(o, w) for w in ('flip', 'flipbyte', 'cut', 'hold', 'drop', 'double', 'swap') if getattr(o, w)]
    relay = Relay(o.target, spec[0] if spec else '', bool(o.record)).start()
    print(relay.port, flush=True)
    sys.stdin.read()
    relay.stop(5)
    if o.record:
        for way in (C2S, S2C):
            with open('%s.%s' % (o.record, way), 'ab') as f:
                f.write(relay.captured[way])


if __name__ == '__main__':
    main()
