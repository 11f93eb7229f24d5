"""noise.py - Noise_XX_25519_ChaChaPoly_SHA512, written from the Noise Protocol Framework, revision 34, and from nothing else.

The names are the specification's: CipherState and SymmetricState (5.1, 5.2), HandshakeState (5.3), the XX pattern (7.5),
25519, ChaChaPoly and SHA512 (12). Proof: selftest.py, the published cacophony vector.
"""
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

NAME = b'Noise_XX_25519_ChaChaPoly_SHA512'
XX = (('e',), ('e', 'ee', 's', 'es'), ('s', 'se'))
HASHLEN, DHLEN, TAG = 64, 32, 16


class NoiseError(Exception):
    """A message that is not the peer's, or not this message's turn."""


def public(secret):
    key = X25519PrivateKey.from_private_bytes(secret).public_key()
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def dh(secret, point, lenient=False):
    """A point of low order gives zeros and is refused. lenient: a scripted peer that goes on with the zeros."""
    try:
        return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(point))
    except ValueError:
        if lenient:
            return bytes(DHLEN)
        raise NoiseError('a point of low order') from None


def sha512(*parts):
    return hashlib.sha512(b''.join(parts)).digest()


def mac(key, *parts):
    return hmac.new(key, b''.join(parts), hashlib.sha512).digest()


def hkdf(chaining_key, material):
    temp = mac(chaining_key, material)
    one = mac(temp, b'\x01')
    return one, mac(temp, one, b'\x02')


class CipherState:
    def __init__(self, key=None):
        self.k, self.n = key, 0

    def _nonce(self):
        nonce = bytes(4) + self.n.to_bytes(8, 'little')
        self.n += 1
        return nonce

    def encrypt(self, ad, plain):
        return plain if self.k is None else ChaCha20Poly1305(self.k).encrypt(self._nonce(), plain, ad)

    def decrypt(self, ad, sealed):
        if self.k is None:
            return sealed
        try:
            return ChaCha20Poly1305(self.k).decrypt(self._nonce(), sealed, ad)
        except InvalidTag:
            raise NoiseError('a tag is wrong') from None


class SymmetricState:
    def __init__(self, name):
        self.h = name.ljust(HASHLEN, b'\0') if len(name) <= HASHLEN else sha512(name)
        self.ck = self.h
        self.cipher = CipherState()

    def mix_key(self, material):
        self.ck, temp = hkdf(self.ck, material)
        self.cipher = CipherState(temp[:32])

    def mix_hash(self, data):
        self.h = sha512(self.h, data)

    def encrypt_and_hash(self, plain):
        sealed = self.cipher.encrypt(self.h, plain)
        self.mix_hash(sealed)
        return sealed

    def decrypt_and_hash(self, sealed):
        plain = self.cipher.decrypt(self.h, sealed)
        self.mix_hash(sealed)
        return plain

    def split(self):
        one, two = hkdf(self.ck, b'')
        return one[:32], two[:32]


class Noise:
    """One side of XX. write() and read() in turn, then split()."""

    def __init__(self, initiator, prologue, static, ephemeral=None, lenient=False):
        self.initiator, self.s, self.e, self.lenient = initiator, static, ephemeral, lenient
        self.s_public = public(static)          # a misbehaving peer may put another one here,
        self.e_public = None                    # and here
        self.zeros = ()                         # tokens whose secret is zeros, because of a point of low order
        self.rs = self.re = None
        self.step = 0
        self.state = SymmetricState(NAME)
        self.state.mix_hash(prologue)

    def _turn(self, writing):
        if self.step >= len(XX) or (self.step % 2 == 0) != (self.initiator == writing):
            raise NoiseError('not this message\'s turn')
        self.step += 1
        return XX[self.step - 1]

    def _mix_dh(self, token):
        """ee, es, se: the first letter is the initiator's key, the second the responder's."""
        if token in self.zeros:
            return self.state.mix_key(bytes(DHLEN))
        mine, theirs = token if self.initiator else token[::-1]
        secret = self.e if mine == 'e' else self.s
        point = self.re if theirs == 'e' else self.rs
        return self.state.mix_key(dh(secret, point, self.lenient))

    def write(self, payload=b''):
        out = b''
        for token in self._turn(True):
            if token == 'e':
                self.e = self.e or os.urandom(32)
                self.e_public = self.e_public or public(self.e)
                out += self.e_public
                self.state.mix_hash(self.e_public)
            elif token == 's':
                out += self.state.encrypt_and_hash(self.s_public)
            else:
                self._mix_dh(token)
        return out + self.state.encrypt_and_hash(payload)

    def read(self, message):
        for token in self._turn(False):
            if token == 'e':
                self.re, message = message[:DHLEN], message[DHLEN:]
                if len(self.re) != DHLEN:
                    raise NoiseError('a message is too short')
                self.state.mix_hash(self.re)
            elif token == 's':
                size = DHLEN + (TAG if self.state.cipher.k else 0)
                if len(message) < size:
                    raise NoiseError('a message is too short')
                self.rs, message = self.state.decrypt_and_hash(message[:size]), message[size:]
            else:
                self._mix_dh(token)
        return self.state.decrypt_and_hash(message)

    def split(self):
        """(initiator-to-responder key, responder-to-initiator key, handshake hash)"""
        if self.step != len(XX):
            raise NoiseError('the handshake is not over')
        return (*self.state.split(), self.state.h)


# points of order 1, 2, 4 and 8 on the curve and its twist, and their spellings above the prime (cr.yp.to/ecdh.html, "validate")
LOW_ORDER = [bytes.fromhex(x) for x in (
    '00' * 32, '01' + '00' * 31, 'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157', 'ec' + 'ff' * 30 + '7f', 'ed' + 'ff' * 30 + '7f', 'ee' + 'ff' * 30 + '7f')]
