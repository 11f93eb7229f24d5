/* filter.c - see filter.h */
#include "common/filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/io.h"

/* Calls that may be younger than libseccomp. */
static const struct { const char *name; int number; } young[] = {
	{ "openat2", SYS_openat2 }, { "landlock_create_ruleset", 444 }, { "landlock_add_rule", 445 }, { "landlock_restrict_self", 446 },
};

static int number(const char *name)
{
	int n = seccomp_syscall_resolve_name(name);

	for (size_t i = 0; n == __NR_SCMP_ERROR && i < sizeof young / sizeof *young; i++)
		if (strcmp(name, young[i].name) == 0)
			n = young[i].number;
	return n;
}

static int allow(scmp_filter_ctx ctx, const char *const *names)
{
	int r = 0;

	for (; names && *names && r == 0; names++)
		if (number(*names) != __NR_SCMP_ERROR)
			r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, number(*names), 0);
	return r;
}

static int narrow(scmp_filter_ctx ctx, const struct filter_narrow *n)
{
	int r = 0;

	for (; n && n->name && r == 0; n++) {
		struct scmp_arg_cmp cmp[] = {
			{ n->is.arg, SCMP_CMP_MASKED_EQ, n->is.mask, n->is.value },
			{ n->and_is.arg, SCMP_CMP_MASKED_EQ, n->and_is.mask, n->and_is.value },
		};
		if (number(n->name) != __NR_SCMP_ERROR)
			r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, number(n->name), n->and_is.mask ? 2 : 1, cmp);
	}
	return r;
}

static int narrower(scmp_filter_ctx ctx, const struct filter_narrower *n)
{
	struct scmp_arg_cmp cmp[3];
	int                 r = 0;

	for (; n && n->name && r == 0; n++) {
		for (int i = 0; i < 3; i++)
			cmp[i] = (struct scmp_arg_cmp){ n->is[i].arg, SCMP_CMP_MASKED_EQ, n->is[i].mask, n->is[i].value };
		if (number(n->name) != __NR_SCMP_ERROR)
			r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, number(n->name), 3, cmp);
	}
	return r;
}

static int fill(scmp_filter_ctx ctx, const struct filter_lists *l)
{
	int r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	for (int i = 0; i < FILTER_LISTS && r == 0; i++)
		r = allow(ctx, l->allowed[i]);
	for (int i = 0; i < FILTER_LISTS && r == 0; i++)
		r = narrow(ctx, l->narrow[i]);
	if (r == 0)
		r = narrower(ctx, l->narrower);
	for (const struct filter_fail *f = l->failing; f && f->name && r == 0; f++)
		if (number(f->name) != __NR_SCMP_ERROR)
			r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO((unsigned)f->err), number(f->name), 0);
	return r;
}

/* The finished program by way of a file in memory: libseccomp writes it to a descriptor. */
static int export_code(struct filter *f, scmp_filter_ctx ctx)
{
	struct stat  st;
	CLEAN_FD int fd = memfd_create("filter", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	int r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	f->code = malloc((size_t)st.st_size);
	if (!f->code)
		return -ENOMEM;
	f->len = (unsigned short)((size_t)st.st_size / sizeof *f->code);
	ssize_t n = io_pread_full(fd, f->code, (size_t)st.st_size, 0);
	return n == st.st_size ? 0 : n < 0 ? (int)n : -EIO;
}

int filter_supported(void)
{
	uint32_t kill = SECCOMP_RET_KILL_PROCESS;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &kill) < 0 ? -errno : 0;
}

int filter_make(const struct filter_lists *l, struct filter *f)
{
	*f = (struct filter){ 0 };
	scmp_filter_ctx ctx = seccomp_init(l->otherwise == FILTER_KILL ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO((unsigned)l->otherwise));
	if (!ctx)
		return -ENOMEM;
	int r = fill(ctx, l);
	if (r == 0)
		r = export_code(f, ctx);
	seccomp_release(ctx);
	if (r < 0)
		filter_clear(f);
	return r;
}

int filter_enter(const struct filter *f)
{
	struct sock_fprog prog = { f->len, f->code };

	if (!f->code)
		return 0;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0 ? -errno : 0;
}

void filter_clear(struct filter *f)
{
	free(f->code);
	*f = (struct filter){ 0 };
}
