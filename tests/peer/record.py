"""record.py - suites, the key schedule, sealed records and raw chunks' tags of zcp-wire(7), one direction each.

PRK_0 = HMAC-SHA512(k, "zcp1 dir" || h);  K(label, alg) = HMAC-SHA512(PRK_e, label || 0 || alg || 0), cut to alg's key length;
after 65,536 records PRK_{e+1} = HMAC-SHA512(PRK_e, "zcp1 rekey") and both counters start at 0 again.
Proof: selftest.py (worked example, the epoch's border), peer.bats (transfers with the C programs in all suites).
"""
import hashlib
import hmac
from collections import namedtuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

import aegis

CONTENTS, SKIPPED, LENGTH = 1 << 31, 1 << 30, 0x00ffffff
EPOCH_RECORDS, RAW_CHUNK = 1 << 16, 256 * 1024


class RecordError(Exception):
    """Forged, cut or out of order."""


class _Library:
    """AES-GCM and ChaCha20-Poly1305 in the shape of aegis.py."""

    def __init__(self, algorithm):
        self.algorithm = algorithm

    def encrypt(self, key, nonce, plain, ad):
        return self.algorithm(key).encrypt(nonce, plain, ad)

    def decrypt(self, key, nonce, sealed, ad):
        return self.algorithm(key).decrypt(nonce, sealed, ad)

    def mac(self, key, nonce, ad):
        return self.encrypt(key, nonce, b'', ad)


Suite = namedtuple('Suite', 'id name key nonce tag mac aead')
SUITES = [                              # best first
    Suite(1, 'aegis128l', 16, 16, 32, 'aegis128l', aegis.AEGIS128L),
    Suite(2, 'aegis256', 32, 32, 32, 'aegis128l', aegis.AEGIS256),
    Suite(3, 'aes256gcm', 32, 12, 16, 'chacha20poly1305', _Library(AESGCM)),
    Suite(4, 'chacha20poly1305', 32, 12, 16, 'chacha20poly1305', _Library(ChaCha20Poly1305)),
]
BY_NAME = {s.name: s for s in SUITES}
BY_ID = {s.id: s for s in SUITES}


def hmac512(key, data):
    return hmac.new(key, data, hashlib.sha512).digest()


class Seal:
    """One direction's keys and counters. seal() and open() are never used on the same object by an honest peer."""

    def __init__(self, suite, k, h):
        self.suite, self.mac = suite, BY_NAME[suite.mac]
        self.epoch = 0
        self._keys(hmac512(k, b'zcp1 dir' + h))

    def derive(self, label, alg):
        return hmac512(self.prk, label.encode() + b'\0' + alg.name.encode() + b'\0')[:alg.key]

    def _keys(self, prk):
        self.prk = prk
        self.record_key, self.raw_key = self.derive('record', self.suite), self.derive('rawmac', self.mac)
        self.n_record = self.n_raw = 0

    def _record_nonce(self):
        n = self.n_record.to_bytes(8, 'little').ljust(self.suite.nonce, b'\0')
        self.n_record += 1
        return n

    def _maybe_rekey(self):
        if self.n_record == EPOCH_RECORDS:
            self.epoch += 1
            self._keys(hmac512(self.prk, b'zcp1 rekey'))

    def skip(self):
        """A counter was spent on a record that is never sent."""
        self.n_record += 1
        self._maybe_rekey()

    def seal(self, plain, contents=False, word=None, skipped=False):
        """The whole record, word first. word: a misbehaving peer's own."""
        if word is None:
            word = len(plain) + self.suite.tag | (CONTENTS if contents else 0)
        if skipped:
            self.skip()
            word |= SKIPPED
        ad = word.to_bytes(4, 'little')
        out = ad + self.suite.aead.encrypt(self.record_key, self._record_nonce(), plain, ad)
        self._maybe_rekey()
        return out

    def open(self, ad, sealed):
        if int.from_bytes(ad, 'little') & SKIPPED:
            self.skip()
        try:
            plain = self.suite.aead.decrypt(self.record_key, self._record_nonce(), sealed, ad)
        except (InvalidTag, aegis.TagError):
            raise RecordError('a record is not the peer\'s') from None
        self._maybe_rekey()
        return plain

    def raw_tag(self, chunk):
        nonce = self.n_raw.to_bytes(8, 'little').ljust(self.mac.nonce, b'\0')
        self.n_raw += 1
        return self.mac.aead.mac(self.raw_key, nonce, chunk)

    def raw_tags(self, data):
        return b''.join(self.raw_tag(data[i:i + RAW_CHUNK]) for i in range(0, len(data), RAW_CHUNK))
