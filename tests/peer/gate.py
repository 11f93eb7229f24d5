"""gate.py - a relay on loopback that stops the contents at known places and lets a test act there: no moment is left to chance."""
import socket
import threading

HOLD = 1 << 20


class Gate:
    """way 'down' or 'up'; every HOLD bytes of it: act(n), n = 1, 2 ... in the middle of the copying, which waits for it.
    change(offset, bytes) -> bytes alters what passes on a connection. Small buffers on its own side keep the sender near."""

    def __init__(self, target, way, act=None, change=None, port=0):
        self.target, self.way, self.act, self.change = target, way, act, change
        self.passed, self.n, self.links = 0, 0, []
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(('127.0.0.1', port))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket()
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            server.connect(('127.0.0.1', self.target))
            running = [client, server]
            for a, b, way in ((client, server, 'up'), (server, client, 'down')):
                thread = threading.Thread(target=self.pump, args=(a, b, way, running), daemon=True)
                self.links.append(thread)
                thread.start()

    def pump(self, a, b, way, running):
        at = 0
        try:
            while True:
                data = a.recv(32768)
                if not data:
                    break
                if way == self.way and self.change:
                    data = self.change(at, data)
                at += len(data)
                b.sendall(data)
                if way == self.way:
                    self.passed += len(data)
                    while self.passed >= (self.n + 1) * HOLD:
                        self.n += 1
                        if self.act:
                            self.act(self.n)
        except OSError:                 # one end is gone: the other learns it
            try:
                a.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        try:
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        running.remove(a)               # one operation: the interpreter lets one thread at a time
        if not running:                 # the later of the two: a close over unread bytes resets, as a real end would
            a.close()
            b.close()

    def stop(self):
        """Until every connection is over; True if they all were in time."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for link in self.links:
            link.join(60)
        return not any(link.is_alive() for link in self.links)


def main():
    """gate.py TARGET_PORT down|up PORT_FILE touch FILE... | flip: each MiB the files are rewritten by a byte; or damage all the way."""
    import os
    import sys

    def touch(_):
        for path in sys.argv[5:]:
            fd = os.open(path, os.O_WRONLY)
            os.pwrite(fd, os.urandom(1), 0)
            os.close(fd)

    def flip(at, data):
        return data if at < 5000 else bytes([data[0] ^ 1]) + data[1:]

    gate = Gate(int(sys.argv[1]), sys.argv[2], touch if sys.argv[4] == 'touch' else None, flip if sys.argv[4] == 'flip' else None)
    with open(sys.argv[3], 'w') as f:
        print(gate.port, file=f)
    threading.Event().wait()


if __name__ == '__main__':
    main()
