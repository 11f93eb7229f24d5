/* rows.h - the techniques by name, for the table in copy.c alone. */
#pragma once
#include "zcp/local/copy.h"
/* `to` has its whole length from here on: a mapping reaches no further than its file; and what is written beyond its end grows it, for which XFS takes room that holes do not have. 0 or -errno */
int copying_size(struct copying *);
extern const struct copier copier_reflink, copier_range, copier_readwrite, copier_mmap;
