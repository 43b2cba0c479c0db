/* SPDX-License-Identifier: MIT */
/*
 * criu_wire.c: every byte of a message is looked at before protobuf-c gets it.
 *
 * protobuf-c would notice most of what is refused here, but says only "no"; and what it allocates grows with the number of
 * fields, forty-fold for the shortest ones.
 * Keeps:   (W1) what passes is unpacked without error but for memory: keys, lengths and numbers end within their message,
 *               the fields that we know have their type, stand once unless they may repeat, and none that is required lacks;
 *          (W2) numbers fit into 32 bits, where protobuf would cut them;
 *          (W3) fields that we do not know are measured and skipped, as the format wants it.
 * Costs:   one pass; its depth is that of our own schema.
 */
#include "tree/criu_internal.h"

#include <errno.h>
#include <inttypes.h>

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/* A part of an image, and how far it was read. */
struct span {
	struct criu__reader *r;
	const struct criu__kind *kind;
	const struct criu__image *image;
	size_t at, end;
	size_t field_at; /* where the field began that is being read */
	const char *field;
};

static int bad_field(const struct span *s, const char *what)
{
	if (!s->field)
		return criu__complain(s->r, s->image, s->field_at, "%s", what);
	return criu__complain(s->r, s->image, s->field_at, "field '%s': %s", s->field, what);
}

/* Keys and lengths, of at most 32 bits, have five bytes even if the last ones say nothing; protobuf-c has that bound. */
enum { NUMBER_BYTES = 10, LENGTH_BYTES = 5 };

static int take_varint(struct span *s, unsigned bytes_max, uint64_t *out)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 7 * bytes_max; shift += 7) {
		if (s->at == s->end)
			return bad_field(s, "the message ends within a number");
		uint8_t b = s->image->bytes[s->at++];
		if (shift == 63 && b > 1)
			return bad_field(s, "a number of more than 64 bits");
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*out = v;
			return 0;
		}
	}
	return bad_field(s, "a number of too many bytes");
}

static int skip(struct span *s, uint64_t n)
{
	if (n > s->end - s->at)
		return bad_field(s, "it runs past the end of its message");
	s->at += (size_t)n;
	return 0;
}

/* What is in bytes s->at .. the end of a length-delimited field; s goes on behind it. */
static int take_part(struct span *s, struct span *part)
{
	uint64_t n = 0;
	int rc = take_varint(s, LENGTH_BYTES, &n);

	if (rc < 0)
		return rc;
	*part = *s;
	rc = skip(s, n);
	part->end = s->at;
	return rc;
}

static int skip_unknown(struct span *s, unsigned wire)
{
	struct span part;
	uint64_t v = 0;

	switch (wire) {
	case WIRE_VARINT:
		return take_varint(s, NUMBER_BYTES, &v);
	case WIRE_64:
		return skip(s, 8);
	case WIRE_BYTES:
		return take_part(s, &part);
	case WIRE_32:
		return skip(s, 4);
	default:
		return bad_field(s, "a key of no known wire type");
	}
}

static int take_number(struct span *s)
{
	uint64_t v = 0;
	int rc = take_varint(s, NUMBER_BYTES, &v);

	return rc == 0 && v > UINT32_MAX ? bad_field(s, "a number of more than 32 bits") : rc;
}

/* Repeated numbers may come in one field. */
static int take_packed(struct span *s, uint32_t *count)
{
	struct span part;
	int rc = take_part(s, &part);

	while (rc == 0 && part.at < part.end) {
		if (++*count > s->kind->fields_max)
			return bad_field(s, "there are too many of it");
		rc = take_number(&part);
	}
	return rc;
}

static int check_span(struct span *s, const ProtobufCMessageDescriptor *type);

static int take_known(struct span *s, const ProtobufCFieldDescriptor *f, unsigned wire, uint32_t *count)
{
	struct span part;
	int rc;

	switch (f->type) {
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_BOOL:
		if (wire == WIRE_VARINT)
			return take_number(s);
		if (wire == WIRE_BYTES && f->label == PROTOBUF_C_LABEL_REPEATED)
			return take_packed(s, count);
		return bad_field(s, "it is a number, and something else stands there");
	default:
		if (wire != WIRE_BYTES)
			return bad_field(s, "it is bytes, and something else stands there");
		rc = take_part(s, &part);
		if (rc < 0 || f->type != PROTOBUF_C_TYPE_MESSAGE)
			return rc;
		return check_span(&part, f->descriptor);
	}
}

/* Which known fields have been seen; our schema's numbers are small. */
typedef uint64_t seen_set;

static int take_field(struct span *s, const ProtobufCMessageDescriptor *type, seen_set *seen, uint32_t *count)
{
	uint64_t key = 0;
	int rc;

	s->field_at = s->at;
	s->field = NULL;
	rc = take_varint(s, LENGTH_BYTES, &key);
	if (rc < 0)
		return rc;
	if (++*count > s->kind->fields_max)
		return bad_field(s, "a message with too many fields");
	uint64_t number = key >> 3;
	if (number == 0 || number > 0x1fffffff)
		return bad_field(s, "a key of no possible field");
	const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field(type, (unsigned)number);
	if (!f)
		return skip_unknown(s, key & 7);
	s->field = f->name;
	if ((*seen >> number & 1) && f->label != PROTOBUF_C_LABEL_REPEATED)
		return bad_field(s, "it stands twice");
	*seen |= (seen_set)1 << number;
	return take_known(s, f, key & 7, count);
}

static int check_span(struct span *s, const ProtobufCMessageDescriptor *type)
{
	size_t start = s->at;
	uint32_t count = 0;
	seen_set seen = 0;

	while (s->at < s->end) {
		int rc = take_field(s, type, &seen, &count);
		if (rc < 0)
			return rc;
	}
	for (unsigned k = 0; k < type->n_fields; k++) {
		const ProtobufCFieldDescriptor *f = &type->fields[k];
		if (f->label == PROTOBUF_C_LABEL_REQUIRED && !(seen >> f->id & 1)) {
			s->field = f->name;
			s->field_at = start;
			return bad_field(s, "it is missing");
		}
	}
	return 0;
}

int criu__check_message(struct criu__reader *r, const struct criu__kind *kind, const struct criu__image *i,
			size_t at, size_t len)
{
	struct span s = { .r = r, .kind = kind, .image = i, .at = at, .end = at + len };

	return check_span(&s, kind->entry);
}
