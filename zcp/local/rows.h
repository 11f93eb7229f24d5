/* rows.h - the techniques by name, for the table in copy.c alone. */
#pragma once
#include "zcp/local/copy.h"
extern const struct copier copier_reflink, copier_range, copier_readwrite, copier_mmap;
