/* extras_same.c - has a file what another one has besides its bytes? See extras.h */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/extras.h"

/* An item as it stands in an ext: tag, length, value. */
struct item { const uint8_t *p; size_t len; };

static int by_bytes(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	size_t             least = x->len < y->len ? x->len : y->len;
	int                c = memcmp(x->p, y->p, least);

	return c ? c : (x->len > y->len) - (x->len < y->len);
}

static bool counts(uint8_t tag, unsigned kinds)
{
	return (tag == EXTRA_XATTR && kinds & EXTRAS_XATTRS) || ((tag == EXTRA_ACL || tag == EXTRA_DEFAULT_ACL) && kinds & EXTRAS_ACLS);
}

/* Those that count; v has room for as many as there can be. */
static size_t items_of(struct wire_str ext, unsigned kinds, struct item *v)
{
	struct wire_str value;
	const uint8_t  *at = ext.p;
	size_t          n = 0;
	uint8_t         tag;

	while (wire_extra_next(&ext, &tag, &value) > 0) {
		if (counts(tag, kinds))
			v[n++] = (struct item){ at, (size_t)(ext.p - at) };
		at = ext.p;
	}
	return n;
}

int extras_digest(struct wire_str ext, unsigned kinds, const uint8_t key[static WIRE_KEY_BYTES], uint8_t out[static WIRE_DIGEST_BYTES])
{
	CLEAN_PTR struct item   *v = malloc((ext.len / 3 + 1) * sizeof *v);
	crypto_generichash_state h;

	if (!v)
		return -ENOMEM;
	size_t n = items_of(ext, kinds, v);
	qsort(v, n, sizeof *v, by_bytes);
	crypto_generichash_init(&h, key, WIRE_KEY_BYTES, WIRE_DIGEST_BYTES);
	for (size_t i = 0; i < n; i++)
		crypto_generichash_update(&h, v[i].p, v[i].len);
	crypto_generichash_final(&h, out, WIRE_DIGEST_BYTES);
	return 0;
}

bool extras_owned(const struct extras *e, const struct stat *st)
{
	uint32_t uid, gid;

	if (!(e->kinds & EXTRAS_OWNER))
		return true;
	return extras_owner(e, &uid, &gid) && uid == st->st_uid && gid == st->st_gid;
}

static int same_digests(int fd, bool dir, const struct extras *e, unsigned kinds, uint8_t own[static WIRE_EXT_MAX])
{
	static const uint8_t  key[WIRE_KEY_BYTES] = { 0 };      /* both sides are here: nothing is to be kept from anybody */
	uint8_t               here[WIRE_DIGEST_BYTES] = { 0 }, there[WIRE_DIGEST_BYTES] = { 0 };
	size_t                used = 0;
	int                   r = extras_read(fd, dir, kinds, own, &used);
	const struct wire_str has = { own, used };

	if (r == 0)
		r = extras_digest(has, kinds, key, here);
	if (r == 0)
		r = extras_digest(e->ext, kinds, key, there);
	return r < 0 ? r : memcmp(here, there, sizeof here) == 0;
}

int extras_same(int fd, const struct extras *e)
{
	const unsigned kinds = e->kinds & (EXTRAS_XATTRS | EXTRAS_ACLS);
	struct stat    st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!kinds || !extras_owned(e, &st))
		return extras_owned(e, &st);
	uint8_t *own = malloc(WIRE_EXT_MAX);
	int      r = own ? same_digests(fd, S_ISDIR(st.st_mode), e, kinds, own) : -ENOMEM;
	free(own);
	return r;
}
