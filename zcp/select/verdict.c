/* verdict.c - see verdict.h */
#include "zcp/select/verdict.h"

#include <stddef.h>

bool verdict_looks(const struct options *o)
{
	return o->archive || o->update || o->ignore_existing || o->existing || o->checksum || o->size_only;
}

bool verdict_size(const struct options *o, uint64_t size)
{
	return size < o->min_size || size > o->max_size;
}

bool verdict_same_time(const struct meta *source, const struct found *there)
{
	return source->mtime == there->meta.mtime && (source->mtime_ns == there->meta.mtime_ns || there->coarse);
}

bool verdict_stands(const struct options *o, const struct meta *source, const struct found *there)
{
	return o->archive && there && there->meta.type == 'f' && there->meta.size == source->size && verdict_same_time(source, there);
}

static bool newer(const struct meta *there, const struct meta *source)
{
	return there->mtime > source->mtime || (there->mtime == source->mtime && there->mtime_ns > source->mtime_ns);
}

enum verdict verdict_same(const struct options *o, const struct meta *source, const struct found *there)
{
	bool modes = o->keep_meta || o->acls;   /* a list and a mode are one */
	bool differs = (modes && (source->mode ^ there->meta.mode) & 0777) || (o->keep_meta && !verdict_same_time(source, there));
	return differs ? VERDICT_META : VERDICT_SAME;
}

enum verdict verdict_of(const struct options *o, const struct meta *source, const struct found *there)
{
	if (!there)
		return o->existing ? VERDICT_LEFT : VERDICT_COPY;
	if (o->ignore_existing || (o->update && there->meta.type == 'f' && newer(&there->meta, source)))
		return VERDICT_LEFT;
	if (there->meta.type != 'f' || there->meta.size != source->size || o->ignore_times)
		return VERDICT_COPY;
	if (o->checksum)
		return VERDICT_CHECK;
	bool same = o->size_only || ((o->archive || o->update) && verdict_same_time(source, there));
	return same ? verdict_same(o, source, there) : VERDICT_COPY;
}
