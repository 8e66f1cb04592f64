/* SPDX-License-Identifier: MIT */
#include "trace_parent.h"

/* VERSION-TRACE_ID-SPAN_ID-FLAGS */
enum {
    VERSION_DIGITS = 2,
    TRACE_AT = VERSION_DIGITS + 1,
    TRACE_DIGITS = 32,
    SPAN_AT = TRACE_AT + TRACE_DIGITS + 1,
    SPAN_DIGITS = 16,
    FLAGS_AT = SPAN_AT + SPAN_DIGITS + 1,
    FLAGS_DIGITS = 2,
    ALL_BYTES = FLAGS_AT + FLAGS_DIGITS,
};

static bool are_digits(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
            return false;
    }
    return true;
}

static bool are_zeros(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '0')
            return false;
    }
    return true;
}

bool trace_parent_parse(struct slice value, struct trace_parent *trace)
{
    struct slice version;
    struct trace_parent found;

    if (value.len < ALL_BYTES || value.ptr[TRACE_AT - 1] != '-' || value.ptr[SPAN_AT - 1] != '-' ||
        value.ptr[FLAGS_AT - 1] != '-')
        return false;
    version = slice_of(value.ptr, VERSION_DIGITS);
    found = (struct trace_parent){
        .trace_id = slice_of(value.ptr + TRACE_AT, TRACE_DIGITS),
        .span_id = slice_of(value.ptr + SPAN_AT, SPAN_DIGITS),
        .flags = slice_of(value.ptr + FLAGS_AT, FLAGS_DIGITS),
    };
    if (!are_digits(version) || slice_equal(version, SLICE("ff")) || !are_digits(found.trace_id) ||
        are_zeros(found.trace_id) || !are_digits(found.span_id) || are_zeros(found.span_id) || !are_digits(found.flags))
        return false;
    if (value.len > ALL_BYTES && (are_zeros(version) || value.ptr[ALL_BYTES] != '-'))
        return false;
    *trace = found;
    return true;
}
