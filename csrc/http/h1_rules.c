/* SPDX-License-Identifier: MIT */
#include "h1_rules.h"

#include <stddef.h>

#include "cidr.h"
#include "trace_parent.h"

enum { CHAR_TOKEN = 1, CHAR_HOST = 2, CHAR_BAD_VALUE = 4, CHAR_BAD_TARGET = 8 };

/* The classes of every byte, from their definitions; made once. */
static uint8_t classes[256];

static void mark(const char *characters, uint8_t class)
{
    for (; *characters != '\0'; characters++)
        classes[(unsigned char)*characters] |= class;
}

__attribute__((constructor)) static void make_classes(void)
{
    static const char letters_digits[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

    mark(letters_digits, CHAR_TOKEN | CHAR_HOST);
    mark("!#$%&'*+-.^_`|~", CHAR_TOKEN);
    mark("-._~!$&'()*+,;=", CHAR_HOST);
    mark("#\"<>", CHAR_BAD_TARGET);
    for (int byte = 0; byte <= 0x20; byte++)
        classes[byte] |= CHAR_BAD_TARGET | (byte == '\t' || byte == ' ' ? 0 : CHAR_BAD_VALUE);
    classes[0x7f] |= CHAR_BAD_VALUE | CHAR_BAD_TARGET;
    for (int byte = 0x80; byte <= 0xff; byte++)
        classes[byte] |= CHAR_BAD_TARGET;
}

/* Whether every byte has (wanted = class) or no byte has (wanted = 0) the class. */
static bool all_bytes(struct slice text, uint8_t class, uint8_t wanted)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((classes[(unsigned char)text.ptr[i]] & class) != wanted)
            return false;
    }
    return true;
}

bool h1_rules_is_token(struct slice text)
{
    return text.len > 0 && all_bytes(text, CHAR_TOKEN, CHAR_TOKEN);
}

bool h1_rules_is_field_value(struct slice text)
{
    return all_bytes(text, CHAR_BAD_VALUE, 0);
}

/* RFC 3986 3.2.3: it may be empty; there is none beyond 65535. */
static bool is_port(struct slice text)
{
    unsigned port = 0;

    if (text.len > 5)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text.ptr[i] - '0');
    }
    return port <= UINT16_MAX;
}

static struct slice rest_from(struct slice text, size_t offset)
{
    return slice_of(text.ptr + offset, text.len - offset);
}

/* "[" IPv6address "]" [":" port]; no zone (RFC 9844), no address of a future version. */
static bool is_bracketed_authority(struct slice text)
{
    const char *end = memchr(text.ptr, ']', text.len);
    struct ip_address address;
    size_t len;

    if (end == NULL)
        return false;
    len = (size_t)(end - text.ptr) + 1;
    if (memchr(text.ptr, ':', len) == NULL || !ip_address_parse(slice_of(text.ptr + 1, len - 2), &address))
        return false;
    return len == text.len || (text.ptr[len] == ':' && is_port(rest_from(text, len + 1)));
}

static bool is_hex_digit(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* A name with escapes, RFC 3986 2.1, 3.2.2: "%" and two digits; none of a NUL, as in paths. */
static bool is_escaped_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        if ((classes[(unsigned char)name.ptr[i]] & CHAR_HOST) != 0)
            continue;
        if (name.ptr[i] != '%' || name.len - i < 3 || !is_hex_digit(name.ptr[i + 1]) ||
            !is_hex_digit(name.ptr[i + 2]) || memcmp(name.ptr + i + 1, "00", 2) == 0)
            return false;
        i += 2;
    }
    return true;
}

bool h1_rules_is_authority(struct slice text)
{
    const char *colon;
    struct slice host;
    size_t host_len;

    if (text.len == 0)
        return false;
    if (text.ptr[0] == '[')
        return is_bracketed_authority(text);
    colon = memchr(text.ptr, ':', text.len);
    host_len = colon != NULL ? (size_t)(colon - text.ptr) : text.len;
    host = slice_of(text.ptr, host_len);
    if (host_len == 0 || (!all_bytes(host, CHAR_HOST, CHAR_HOST) && !is_escaped_name(host)))
        return false;
    return colon == NULL || is_port(rest_from(text, host_len + 1));
}

static bool refuse(struct h1_parse *parse, enum h1_reason reason)
{
    parse->refusal = (struct h1_refusal){.reason = reason};
    return false;
}

/* Name and value lie in one piece of memory; an empty value may lie anywhere. */
static bool refuse_field(struct h1_parse *parse, enum h1_reason reason, const struct header *field)
{
    const struct slice *value = &field->value;
    const char *name = field->name.ptr, *end = value->len > 0 ? value->ptr + value->len : name + field->name.len + 1;

    parse->refusal = (struct h1_refusal){.reason = reason, .culprit = slice_of(name, (size_t)(end - name))};
    return false;
}

/* No file system and no C string survives a NUL; what cannot be meant is refused before it is decoded. */
static bool has_nul_escape(struct slice path)
{
    for (size_t i = 0; i + 2 < path.len; i++) {
        if (path.ptr[i] == '%' && path.ptr[i + 1] == '0' && path.ptr[i + 2] == '0')
            return true;
    }
    return false;
}

/* "/path?query" into its two halves. */
static void split_query(struct request *request, struct slice text)
{
    const char *mark_at = text.len > 0 ? memchr(text.ptr, '?', text.len) : NULL;
    size_t path_len = mark_at != NULL ? (size_t)(mark_at - text.ptr) : text.len;

    request->path = slice_of(text.ptr, path_len);
    request->query = mark_at != NULL ? rest_from(text, path_len + 1) : slice_of(text.ptr + text.len, 0);
    if (path_len == 0)
        request->path = SLICE("/");
}

/* absolute-form, RFC 9112 3.2.2: http://authority/path?query */
static bool split_absolute_form(struct h1_parse *parse, struct slice target)
{
    struct request *request = &parse->request;
    size_t scheme_len = 0, end;

    if (target.len > 7 && strncasecmp(target.ptr, "http://", 7) == 0)
        scheme_len = 7;
    else if (target.len > 8 && strncasecmp(target.ptr, "https://", 8) == 0)
        scheme_len = 8;
    if (scheme_len == 0)
        return refuse(parse, H1_REASON_TARGET_FORM);
    for (end = scheme_len; end < target.len && target.ptr[end] != '/' && target.ptr[end] != '?'; end++)
        ;
    request->authority = slice_of(target.ptr + scheme_len, end - scheme_len);
    request->has_other_host = true;
    if (!h1_rules_is_authority(request->authority))
        return refuse(parse, H1_REASON_TARGET_HOST);
    split_query(request, rest_from(target, end));
    return true;
}

/* The four forms of a request target, RFC 9112 3.2. */
static bool split_target(struct h1_parse *parse)
{
    struct request *request = &parse->request;
    struct slice target = request->target;

    if (!all_bytes(target, CHAR_BAD_TARGET, 0))
        return refuse(parse, H1_REASON_TARGET_CHARACTER);
    if (target.len > 0 && target.ptr[0] == '/') {
        split_query(request, target);
    } else if (slice_equal(target, SLICE("*"))) {
        if (!slice_equal(request->method, SLICE("OPTIONS")))
            return refuse(parse, H1_REASON_TARGET_ASTERISK);
        request->path = target;
        request->query = slice_of(target.ptr + 1, 0);
    } else if (!split_absolute_form(parse, target)) {
        return false;
    }
    if (has_nul_escape(request->path))
        return refuse(parse, H1_REASON_TARGET_NUL);
    return true;
}

struct field_counts {
    unsigned host, transfer_encoding, content_length, forwarded;
};

static bool check_expect(struct h1_parse *parse, const struct header *field)
{
    if (parse->request.version_minor == 0)
        return true; /* RFC 9110 10.1.1: ignored */
    if (!slice_equal_nocase(field->value, SLICE("100-continue")))
        return refuse_field(parse, H1_REASON_EXPECTATION, field);
    parse->expects_continue = true;
    return true;
}

/* RFC 9112 9.3: "close" counts whatever else is said. llhttp reads a tab behind it as a part of the word, and lets
 * "keep-alive" win in HTTP/1.0. */
static bool says_close(struct slice list)
{
    while (list.len > 0) {
        const char *comma = memchr(list.ptr, ',', list.len);
        size_t len = comma != NULL ? (size_t)(comma - list.ptr) : list.len;

        if (slice_equal_nocase(slice_trim(slice_of(list.ptr, len)), SLICE("close")))
            return true;
        list = rest_from(list, len + (comma != NULL));
    }
    return false;
}

static bool check_known_field(struct h1_parse *parse, const struct header *field, struct field_counts *counts)
{
    switch (field->id) {
    case HEADER_HOST: /* RFC 9112 3.2, RFC 9110 7.2 */
        if (++counts->host > 1)
            return refuse_field(parse, H1_REASON_HOST_TWICE, field);
        if (!h1_rules_is_authority(field->value))
            return refuse_field(parse, H1_REASON_HOST_INVALID, field);
        if (!parse->request.has_other_host)
            parse->request.authority = field->value;
        return true;
    case HEADER_TRANSFER_ENCODING: /* RFC 9112 6.1: chunked, once, last; and nothing else is understood here */
        if (++counts->transfer_encoding > 1)
            return refuse_field(parse, H1_REASON_CODING_TWICE, field);
        if (!slice_equal_nocase(field->value, SLICE("chunked")))
            return refuse_field(parse, H1_REASON_CODING_UNKNOWN, field);
        return true;
    case HEADER_CONTENT_LENGTH: /* RFC 9112 6.3; its digits are llhttp's affair (RFC 9110 8.6) */
        if (++counts->content_length > 1)
            return refuse_field(parse, H1_REASON_LENGTH_TWICE, field);
        return true;
    case HEADER_CONNECTION:
        parse->is_keep_alive &= !says_close(field->value);
        return true;
    case HEADER_FORWARDED:
    case HEADER_X_FORWARDED_FOR:
    case HEADER_X_FORWARDED_PROTO:
    case HEADER_X_FORWARDED_HOST:
        counts->forwarded++;
        return true;
    case HEADER_EXPECT:
        return check_expect(parse, field);
    default:
        return true;
    }
}

/* A trace is passed on if the field is valid and came once (Trace Context 3.2). */
static bool is_good_trace(const struct h1_parse *parse, const struct header *field)
{
    struct trace_parent trace;
    size_t count = 0;

    for (size_t i = 0; i < parse->field_count; i++)
        count += slice_equal_nocase(parse->fields[i].name, field->name);
    return count == 1 && trace_parent_parse(field->value, &trace);
}

/* Gives ids, checks what has a rule, and keeps what an application may see: a name with '_' would pose as the one with
 * '-' (CVE-2015-0219), and Proxy as a variable that HTTP clients obey (CVE-2016-5385). */
static bool check_fields(struct h1_parse *parse, struct field_counts *counts)
{
    size_t kept = 0;

    for (size_t i = 0; i < parse->field_count; i++) {
        struct header *field = &parse->fields[i];

        field->value = slice_trim_end(field->value);
        field->id = known_header_find(field->name);
        if (!h1_rules_is_field_value(field->value)) /* RFC 9110 5.5 */
            return refuse_field(parse, H1_REASON_FIELD_CONTROL, field);
        if (field->id != HEADER_UNKNOWN) {
            if (!check_known_field(parse, field, counts))
                return false;
            if (field->id == HEADER_PROXY || (field->id == HEADER_TRACEPARENT && !is_good_trace(parse, field)))
                continue;
        } else if (memchr(field->name.ptr, '_', field->name.len) != NULL) {
            if (parse->settings->refuses_underscores)
                return refuse_field(parse, H1_REASON_FIELD_UNDERSCORE, field);
            continue;
        }
        if (kept != i)
            parse->fields[kept] = *field;
        kept++;
    }
    parse->request.headers = parse->fields;
    parse->request.header_count = kept;
    return true;
}

static bool check_framing(struct h1_parse *parse, const struct field_counts *counts)
{
    if (parse->request.version_minor == 1 && counts->host == 0)
        return refuse(parse, H1_REASON_HOST_MISSING); /* RFC 9112 3.2 */
    if (counts->transfer_encoding > 0 && parse->request.version_minor == 0)
        return refuse(parse, H1_REASON_CODING_IN_1_0); /* RFC 9112 6.1 */
    if (counts->transfer_encoding > 0 && counts->content_length > 0)
        return refuse(parse, H1_REASON_LENGTH_AND_CODING); /* RFC 9112 6.1, 6.3 */
    /* What the parser obeys is what was checked here. */
    if ((counts->transfer_encoding > 0) != parse->is_chunked)
        return refuse(parse, H1_REASON_CODING_INVALID);
    if ((counts->content_length > 0) != parse->has_length)
        return refuse(parse, H1_REASON_LENGTH_INVALID);
    if (parse->settings->body_limit_bytes != 0 && parse->content_length > parse->settings->body_limit_bytes)
        return refuse(parse, H1_REASON_BODY_TOO_LARGE);
    return true;
}

/* What a trusted peer says of the client; the host it names is the one that was asked for. */
static bool take_forwarded(struct h1_parse *parse)
{
    const struct header *culprit = NULL;
    enum h1_reason reason = h1_forwarded_read(parse->settings, &parse->request, &parse->forwarded, &culprit);

    if (reason != H1_REASON_NONE)
        return refuse_field(parse, reason, culprit);
    if (parse->forwarded.host.len > 0) {
        parse->request.authority = parse->forwarded.host;
        parse->request.has_other_host = true;
    }
    return true;
}

bool h1_rules_apply(struct h1_parse *parse)
{
    struct field_counts counts = {0};

    if (!split_target(parse) || !check_fields(parse, &counts) || !check_framing(parse, &counts))
        return false;
    return LIKELY(counts.forwarded == 0 || !parse->is_peer_trusted) || take_forwarded(parse);
}
