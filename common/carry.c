/* carry.c - see carry.h */
#include "common/carry.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "common/unix_socket.h"

int place_boot_id(char out[static PLACE_BOOT_ID])
{
	char         id[PLACE_BOOT_ID];
	CLEAN_FD int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	ssize_t n = io_pread_full(fd, id, sizeof id, 0);
	if (n < 0)
		return (int)n;
	if (n != sizeof id)
		return -ENODATA;
	memcpy(out, id, sizeof id);
	return 0;
}

int place_here(struct place *here, int sock, const char boot_id[static PLACE_BOOT_ID], const uint8_t e_i[static 32],
               const uint8_t e_r[static 32])
{
	static const char        label[] = "zcp1 place";
	crypto_hash_sha512_state st;
	uint8_t                  hash[crypto_hash_sha512_BYTES];
	struct place             p;
	char                     path[UNIX_PATH_BYTES + 1];
	size_t                   named = 0;
	int                      r = net_addrs(sock, &p.own, &p.peer);

	if (r < 0)
		return r;
	if (!net_is_loopback(&p.own) || !net_is_loopback(&p.peer))
		return -EADDRNOTAVAIL;
	/* a Unix socket has one name, the listening side's: a relay between two of them has another one at each end, but for mount namespaces (find_place()) */
	if (p.own.local && !(named = unix_name(sock, false, path)) && !(named = unix_name(sock, true, path)))
		return -EADDRNOTAVAIL;
	crypto_hash_sha512_init(&st);
	crypto_hash_sha512_update(&st, (const uint8_t *)label, sizeof label - 1);
	crypto_hash_sha512_update(&st, (const uint8_t *)boot_id, PLACE_BOOT_ID);
	crypto_hash_sha512_update(&st, e_i, 32);
	crypto_hash_sha512_update(&st, e_r, 32);
	crypto_hash_sha512_update(&st, (const uint8_t *)path, named);
	crypto_hash_sha512_final(&st, hash);
	memcpy(p.proof, hash, PLACE_PROOF);
	*here = p;
	return 0;
}

static bool same_addr(const struct net_addr *a, const struct net_addr *b)
{
	return !memcmp(a->ip, b->ip, sizeof a->ip) && a->port == b->port;
}

bool place_mirrors(const struct place *here, const struct place *there)
{
	if (!here || !there)
		return false;
	if (!net_is_loopback(&here->own) || !net_is_loopback(&here->peer))
		return false;
	return same_addr(&here->own, &there->peer) && same_addr(&here->peer, &there->own) &&
	       sodium_memcmp(here->proof, there->proof, PLACE_PROOF) == 0;
}

static bool wants_raw(enum carry_wish wish)
{
	return wish == WISH_PLAIN || wish == WISH_NETWORK;
}

static enum carry_reason why_sealed(const struct carry_facts *f)
{
	if (f->wish != WISH_AUTO && !wants_raw(f->wish))
		return BECAUSE_ENCRYPT;
	/* a client that takes any plaintext it can get was stopped by the daemon alone */
	if (wants_raw(f->wish) || (!f->network_named && !f->daemon_allows_auto))
		return BECAUSE_DAEMON_SEALS;
	return f->one_machine ? BECAUSE_DAEMON_SEALS : BECAUSE_NOT_ONE_MACHINE;
}

enum carry carry_decide(const struct carry_facts *f, enum carry_reason *why)
{
	bool client_wants = wants_raw(f->wish) || (f->wish == WISH_AUTO && f->one_machine);
	bool by_machine = f->daemon_allows_auto && f->one_machine;

	if (!client_wants || !(f->network_named || by_machine)) {
		*why = why_sealed(f);
		return CARRY_SEALED;
	}
	/* --plaintext where the network is named is granted by name: only so may it go without tags */
	if (by_machine && !(f->wish == WISH_PLAIN && f->network_named))
		*why = BECAUSE_ONE_MACHINE;
	else
		*why = f->wish == WISH_NETWORK ? BECAUSE_CONFIGURED : BECAUSE_NETWORK;
	return CARRY_RAW;
}

static const char *sealed_words(enum carry_reason why)
{
	switch (why) {
	case BECAUSE_ENCRYPT:         return "encrypted: it was asked for";
	case BECAUSE_NOT_ONE_MACHINE: return "encrypted: the two ends are not proved to be one machine";
	case BECAUSE_POURED:          return "encrypted: what goes into a pipe or a device is verified first";
	case BECAUSE_DAEMON_SEALS:    return "encrypted: zcpd does not allow plaintext from here";
	default:                      return "encrypted";
	}
}

static const char *raw_words(enum carry_reason why)
{
	switch (why) {
	case BECAUSE_ONE_MACHINE:     return "plaintext: both ends are proved to be one machine";
	case BECAUSE_NETWORK:         return "plaintext: both ends allow it on this network";
	case BECAUSE_CONFIGURED:      return "plaintext: zcp's configuration and zcpd allow it on this network";
	case BECAUSE_INTEGRITY_NONE:  return "plaintext, not verified: both ends allow it on this network";
	default:                      return "plaintext";
	}
}

const char *carry_words(enum carry carry, enum carry_reason why)
{
	if (carry == CARRY_RAW)
		return raw_words(why);
	return carry == CARRY_SEALED ? sealed_words(why) : "undecided: nothing may travel";
}
