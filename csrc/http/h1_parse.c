/* SPDX-License-Identifier: MIT */
#include "h1_parse.h"

#include <assert.h>
#include <llhttp.h>
#include <string.h>

#include "h1_rules.h"

static_assert(sizeof(llhttp_t) <= H1_PARSER_BYTES, "struct h1_parse keeps an llhttp_t");

enum {
    VERSION_PART_BYTES = sizeof(" HTTP/1.1") - 1,
    MOST_SKIPPED_BYTES = 8,   /* empty lines before a request (RFC 9112 2.2) */
    MOST_EXTRA_BYTES = 16384, /* trailers, chunk extensions and zeros before chunk sizes of one request */
    CHUNK_LINE_BYTES = sizeof("0123456789abcdef\r\n\r\n") - 1, /* a size with its line end, and a last empty line */
    CULPRIT_BEFORE_BYTES = 40,
    CULPRIT_BEHIND_BYTES = 24,
};

static llhttp_t *parser_of(struct h1_parse *parse)
{
    return (llhttp_t *)(void *)parse->llhttp;
}

static int refuse(struct h1_parse *parse, enum h1_reason reason)
{
    if (parse->refusal.reason == H1_REASON_NONE)
        parse->refusal = (struct h1_refusal){.reason = reason};
    return -1;
}

/* One value can come in several pieces; they lie one behind the other in memory. */
static void extend(struct slice *slice, const char *at, size_t len)
{
    if (slice->ptr == NULL)
        slice->ptr = at;
    slice->len += len;
}

/* Counts the bytes of this feed before `end`, which llhttp has skipped, as empty lines before the request line: few,
 * and each of CR and LF (RFC 9112 2.2). */
static bool skip(struct h1_parse *parse, const char *end, bool is_last)
{
    for (const char *at = parse->fed_from; at < end; at++) {
        if (*at != (parse->skipped_bytes++ % 2 == 0 ? '\r' : '\n'))
            return refuse(parse, H1_REASON_LINE_MALFORMED) == 0;
        if (parse->skipped_bytes > MOST_SKIPPED_BYTES)
            return refuse(parse, H1_REASON_EMPTY_LINES) == 0;
    }
    return !is_last || parse->skipped_bytes % 2 == 0 || refuse(parse, H1_REASON_LINE_MALFORMED) == 0;
}

static int on_method(llhttp_t *parser, const char *at, size_t len)
{
    struct h1_parse *parse = parser->data;

    if (parse->start == NULL) {
        parse->start = at;
        if (UNLIKELY((at != parse->fed_from || parse->skipped_bytes != 0) && !skip(parse, at, true)))
            return -1;
    }
    extend(&parse->request.method, at, len);
    return 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    struct h1_parse *parse = parser->data;
    struct request *request = &parse->request;

    if (request->target.ptr == NULL && at != request->method.ptr + request->method.len + 1)
        return refuse(parse, H1_REASON_TARGET_SPACE);
    extend(&request->target, at, len);
    if (request->method.len + 1 + request->target.len + VERSION_PART_BYTES > parse->settings->line_limit_bytes)
        return refuse(parse, H1_REASON_LINE_TOO_LONG);
    return 0;
}

/* `at` is behind "HTTP/". llhttp takes other protocols' names too, and more than one space. */
static int on_version(llhttp_t *parser, const char *at, size_t len)
{
    struct h1_parse *parse = parser->data;
    const struct slice *target = &parse->request.target;
    const size_t lead = sizeof(" HTTP/") - 1;

    (void)len;
    if (!parse->is_line_done) {
        if (at != target->ptr + target->len + lead || memcmp(at - lead, " HTTP/", lead) != 0)
            return refuse(parse, H1_REASON_LINE_MALFORMED);
        parse->is_line_done = true;
    }
    return 0;
}

/* How many bytes of the message stand before `at`, in all feeds. */
static int64_t position_of(const struct h1_parse *parse, const char *at)
{
    return parse->fed_before + (at - parse->fed_from);
}

/* What stands between the data of chunks, up to `end`: line ends, sizes, and what is read and dropped, which is bounded
 * (RFC 9112 7.1.1, 7.1.2, 8). */
static int64_t count_extra(const struct h1_parse *parse, int64_t end)
{
    int64_t len = end - parse->chunk_line_at;

    return parse->extra_bytes + (len > CHUNK_LINE_BYTES ? len - CHUNK_LINE_BYTES : 0);
}

static int bound_extra(struct h1_parse *parse, int64_t end)
{
    return count_extra(parse, end) > MOST_EXTRA_BYTES ? refuse(parse, H1_REASON_CHUNK_EXTRAS) : 0;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
    struct h1_parse *parse = parser->data;

    if (parse->is_head_done)
        return 0; /* a trailer: RFC 9110 6.5.1 lets us drop it */
    if (parse->is_in_value || parse->field_count == 0) {
        if (parse->field_count >= parse->settings->field_limit)
            return refuse(parse, H1_REASON_FIELDS_TOO_MANY);
        parse->fields[parse->field_count++] = (struct header){0};
        parse->is_in_value = false;
    }
    extend(&parse->fields[parse->field_count - 1].name, at, len);
    return 0;
}

/* Also called for an empty value, through its end. */
static int on_header_field_complete(llhttp_t *parser)
{
    struct h1_parse *parse = parser->data;

    parse->is_in_value = true;
    return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
    struct h1_parse *parse = parser->data;

    if (parse->is_head_done)
        return 0;
    extend(&parse->fields[parse->field_count - 1].value, at, len);
    return 0;
}

/* llhttp lets DEL through between quotes (RFC 9110 5.6.4). */
static int on_chunk_extension_value(llhttp_t *parser, const char *at, size_t len)
{
    return h1_rules_is_field_value(slice_of(at, len)) ? 0 : refuse(parser->data, H1_REASON_CHUNK_INVALID);
}

/* Methods that llhttp knows and HTTP does not (RTSP's, ICE's), and those that a server of applications cannot serve. */
static bool is_served_method(uint8_t method)
{
    switch (method) {
    case HTTP_CONNECT:
    case HTTP_PRI:
    case HTTP_SOURCE:
    case HTTP_DESCRIBE:
    case HTTP_ANNOUNCE:
    case HTTP_SETUP:
    case HTTP_PLAY:
    case HTTP_PAUSE:
    case HTTP_TEARDOWN:
    case HTTP_GET_PARAMETER:
    case HTTP_SET_PARAMETER:
    case HTTP_REDIRECT:
    case HTTP_RECORD:
    case HTTP_FLUSH:
        return false;
    default:
        return true;
    }
}

static size_t measure_head(const struct h1_parse *parse)
{
    const char *end;

    if (parse->field_count > 0) {
        const struct header *last = &parse->fields[parse->field_count - 1];

        end = last->value.ptr != NULL ? last->value.ptr + last->value.len : last->name.ptr + last->name.len + 1;
    } else {
        end = parse->request.target.ptr + parse->request.target.len + VERSION_PART_BYTES;
    }
    return (size_t)(end - parse->start) + sizeof("\r\n\r\n") - 1;
}

static int check_head(struct h1_parse *parse, const llhttp_t *parser)
{
    if (!parse->is_line_done)
        return refuse(parse, H1_REASON_VERSION_MISSING);
    if (!is_served_method(parser->method))
        return refuse(parse, H1_REASON_METHOD_NOT_SERVED);
    if (parser->http_major != 1)
        return refuse(parse, H1_REASON_VERSION_UNKNOWN);
    parse->head_bytes = measure_head(parse);
    if (parse->head_bytes > parse->settings->head_limit_bytes)
        return refuse(parse, H1_REASON_HEAD_TOO_LARGE);
    return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
    struct h1_parse *parse = parser->data;

    if (check_head(parse, parser) < 0)
        return -1;
    parser->upgrade = 0; /* RFC 9110 7.8: an upgrade may be ignored; the request is served as plain HTTP */
    parse->is_head_done = true;
    parse->is_keep_alive = llhttp_should_keep_alive(parser) != 0;
    parse->is_chunked = (parser->flags & F_CHUNKED) != 0;
    parse->has_length = (parser->flags & F_CONTENT_LENGTH) != 0;
    parse->content_length = parse->has_length ? parser->content_length : 0;
    parse->request.version_minor = parser->http_minor;
    parse->chunk_line_at = position_of(parse, parse->start + parse->head_bytes);
    parse->is_in_chunk_line = parse->is_chunked;
    return h1_rules_apply(parse) ? 0 : -1;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct h1_parse *parse = parser->data;
    int64_t position = position_of(parse, at);
    int status;

    if (parse->is_in_chunk_line) {
        if (bound_extra(parse, position) < 0)
            return -1;
        parse->extra_bytes = count_extra(parse, position);
        parse->is_in_chunk_line = false;
    }
    parse->body_end_at = position + (int64_t)len;
    parse->body_bytes += len;
    status = parse->on_body(parse->body_context, slice_of(at, len));
    if (status == 0)
        return 0;
    return refuse(parse, status == 413 ? H1_REASON_BODY_TOO_LARGE : H1_REASON_BODY_NOT_STORED);
}

/* A chunk that would be too much is refused before any of it comes. */
static int on_chunk_header(llhttp_t *parser)
{
    struct h1_parse *parse = parser->data;
    uint64_t limit = parse->settings->body_limit_bytes;

    if (limit != 0 && (parse->body_bytes > limit || parser->content_length > limit - parse->body_bytes))
        return refuse(parse, H1_REASON_BODY_TOO_LARGE);
    return 0;
}

/* The data of a chunk with its line end; also called for the last chunk, which has none. */
static int on_chunk_complete(llhttp_t *parser)
{
    struct h1_parse *parse = parser->data;

    if (!parse->is_in_chunk_line) {
        parse->chunk_line_at = parse->body_end_at + (int64_t)sizeof("\r\n") - 1;
        parse->is_in_chunk_line = true;
    }
    return 0;
}

static int on_message_complete(llhttp_t *parser)
{
    struct h1_parse *parse = parser->data;

    parse->is_done = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t callbacks = {
    .on_method = on_method,
    .on_url = on_url,
    .on_version = on_version,
    .on_header_field = on_header_field,
    .on_header_field_complete = on_header_field_complete,
    .on_header_value = on_header_value,
    .on_chunk_extension_value = on_chunk_extension_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_chunk_header = on_chunk_header,
    .on_chunk_complete = on_chunk_complete,
    .on_message_complete = on_message_complete,
};

size_t h1_parse_size(const struct h1_settings *settings)
{
    return sizeof(struct h1_parse) + (settings->field_limit + 1) * sizeof(struct header);
}

void h1_parse_init(struct h1_parse *parse, const struct h1_settings *settings, h1_body_fn on_body_bytes,
                   void *body_context)
{
    memset(parse, 0, sizeof(*parse));
    parse->settings = settings;
    parse->on_body = on_body_bytes;
    parse->body_context = body_context;
    llhttp_init(parser_of(parse), HTTP_REQUEST, &callbacks);
    parser_of(parse)->data = parse;
}

/* A word that llhttp does not know as a method: 501 when it could be one (RFC 9110 15.6.2). */
static void refuse_method(struct h1_parse *parse, struct slice bytes)
{
    const char *start = parse->start != NULL ? parse->start : bytes.ptr;
    const char *end = bytes.ptr + bytes.len;
    const char *space;

    if (parse->start == NULL && (unsigned char)*start == 0x16) {
        refuse(parse, H1_REASON_TLS);
        return;
    }
    space = memchr(start, ' ', (size_t)(end - start));
    if (h1_rules_is_token(slice_of(start, (size_t)((space != NULL ? space : end) - start))))
        refuse(parse, H1_REASON_METHOD_UNKNOWN);
    else
        refuse(parse, H1_REASON_LINE_MALFORMED);
}

/* "HTTP/" DIGIT "." DIGIT is a version we do not speak, anything else no version at all. */
static void refuse_version(struct h1_parse *parse, struct slice bytes)
{
    const struct slice *target = &parse->request.target;
    const char *at = target->ptr + target->len;
    size_t left = (size_t)(bytes.ptr + bytes.len - at);

    bool is_well_formed = left >= VERSION_PART_BYTES && memcmp(at, " HTTP/", 6) == 0 && at[6] >= '0' && at[6] <= '9' &&
                          at[7] == '.' && at[8] >= '0' && at[8] <= '9';

    if (is_well_formed && memcmp(at + 6, "1.0", 3) != 0 && memcmp(at + 6, "1.1", 3) != 0)
        refuse(parse, H1_REASON_VERSION_UNKNOWN);
    else
        refuse(parse, H1_REASON_LINE_END);
}

/* RFC 9112 3 (the request line), 5 (fields), 6.1 to 6.3 (the length of the body), 7.1 (chunks). */
static void refuse_for(struct h1_parse *parse, llhttp_errno_t error, struct slice bytes)
{
    bool has_coding = (parser_of(parse)->flags & F_TRANSFER_ENCODING) != 0;
    bool has_length = (parser_of(parse)->flags & F_CONTENT_LENGTH) != 0;

    switch (error) {
    case HPE_INVALID_METHOD:
        refuse_method(parse, bytes);
        return;
    case HPE_INVALID_VERSION:
        refuse_version(parse, bytes);
        return;
    case HPE_PAUSED_H2_UPGRADE:
        refuse(parse, H1_REASON_HTTP2);
        return;
    case HPE_INVALID_URL:
        refuse(parse, H1_REASON_TARGET_CHARACTER);
        return;
    case HPE_INVALID_CONTENT_LENGTH:
        refuse(parse, has_coding ? H1_REASON_LENGTH_AND_CODING : H1_REASON_LENGTH_INVALID);
        return;
    case HPE_UNEXPECTED_CONTENT_LENGTH:
        refuse(parse, has_coding ? H1_REASON_LENGTH_AND_CODING : H1_REASON_LENGTH_TWICE);
        return;
    case HPE_INVALID_TRANSFER_ENCODING:
        refuse(parse, has_length ? H1_REASON_LENGTH_AND_CODING : H1_REASON_CODING_INVALID);
        return;
    case HPE_INVALID_HEADER_TOKEN:
        refuse(parse, H1_REASON_FIELD_CHARACTER);
        return;
    case HPE_INVALID_CHUNK_SIZE:
        refuse(parse, H1_REASON_CHUNK_INVALID);
        return;
    default:
        refuse(parse, parse->is_line_done ? H1_REASON_HEAD_MALFORMED : H1_REASON_LINE_MALFORMED);
    }
}

/* Bounds what has come of a head that is not complete. */
static void bound_unfinished(struct h1_parse *parse, size_t len)
{
    if (parse->start == NULL) {
        skip(parse, parse->fed_from + len, false);
        return;
    }
    if (!parse->is_line_done && parse->fed_bytes > parse->settings->line_limit_bytes)
        refuse(parse, H1_REASON_LINE_TOO_LONG);
    else if (parse->fed_bytes > parse->settings->head_limit_bytes)
        refuse(parse, H1_REASON_HEAD_TOO_LARGE);
}

/* What the parser stumbled over, with a little of what stands before it in its line, but nothing of a body. The request
 * line needs no words: it is shown anyway. */
static struct slice find_culprit(const struct h1_parse *parse, struct slice bytes, const char *at)
{
    const char *end = bytes.ptr + bytes.len, *from = at;
    size_t len;

    if (!parse->is_line_done || at == NULL || at < bytes.ptr || at >= end)
        return slice_of(bytes.ptr, 0);
    if (!parse->is_head_done) {
        while (from > parse->start && at - from < CULPRIT_BEFORE_BYTES && from[-1] != '\n')
            from--;
    }
    len = (size_t)(end - from);
    return slice_of(
        from, len < (size_t)(at - from) + CULPRIT_BEHIND_BYTES ? len : (size_t)(at - from) + CULPRIT_BEHIND_BYTES);
}

static void refuse_for_error(struct h1_parse *parse, llhttp_errno_t error, struct slice bytes)
{
    if (parse->refusal.reason == H1_REASON_NONE) {
        refuse_for(parse, error, bytes);
        parse->refusal.culprit = find_culprit(parse, bytes, llhttp_get_error_pos(parser_of(parse)));
    }
    if (parse->start == NULL) { /* refused at the first word: the log shall show it */
        parse->start = bytes.ptr;
        parse->fed_bytes = bytes.len;
    }
}

/* The whole message is there. */
static enum h1_parse_result end_message(struct h1_parse *parse, const char *end)
{
    return parse->is_in_chunk_line && bound_extra(parse, position_of(parse, end)) < 0 ? H1_REFUSED : H1_MESSAGE_DONE;
}

enum h1_parse_result h1_parse_feed(struct h1_parse *parse, struct slice bytes, size_t *used)
{
    llhttp_t *parser = parser_of(parse);
    llhttp_errno_t error;

    parse->fed_from = bytes.ptr;
    error = llhttp_execute(parser, bytes.ptr, bytes.len);
    *used = bytes.len;
    if (parse->start != NULL && !parse->is_head_done)
        parse->fed_bytes = (size_t)(bytes.ptr + bytes.len - parse->start);
    if (parse->is_done) {
        *used = (size_t)(llhttp_get_error_pos(parser) - bytes.ptr);
        return end_message(parse, bytes.ptr + *used);
    }
    if (error != HPE_OK)
        refuse_for_error(parse, error, bytes);
    else if (!parse->is_head_done)
        bound_unfinished(parse, bytes.len);
    else if (parse->is_in_chunk_line)
        bound_extra(parse, position_of(parse, bytes.ptr + bytes.len));
    parse->fed_before += (int64_t)bytes.len;
    return parse->refusal.reason == H1_REASON_NONE ? H1_NEED_MORE : H1_REFUSED;
}

static void move_slice(struct slice *slice, const char *old_start, size_t len, const char *new_start)
{
    /* Some point to literals instead of the request's bytes. */
    if (slice->ptr >= old_start && slice->ptr <= old_start + len)
        slice->ptr = new_start + (slice->ptr - old_start);
}

void h1_parse_rebase(struct h1_parse *parse, const char *start)
{
    struct request *request = &parse->request;
    const char *old = parse->start;
    size_t len = parse->is_head_done ? parse->head_bytes : parse->fed_bytes;

    if (old == NULL || old == start)
        return;
    move_slice(&request->method, old, len, start);
    move_slice(&request->target, old, len, start);
    move_slice(&request->path, old, len, start);
    move_slice(&request->query, old, len, start);
    move_slice(&request->authority, old, len, start);
    for (size_t i = 0; i < parse->field_count; i++) {
        move_slice(&parse->fields[i].name, old, len, start);
        move_slice(&parse->fields[i].value, old, len, start);
    }
    parse->start = start;
}

void h1_parse_copy(struct h1_parse *to, const struct h1_parse *from, void *body_context)
{
    memcpy(to, from, sizeof(*from) + from->field_count * sizeof(from->fields[0]));
    if (to->is_head_done)
        to->request.headers = to->fields;
    to->body_context = body_context;
    parser_of(to)->data = to;
}

#define TEXT_OF(x) #x
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *h1_parse_version(void)
{
    return VERSION_TEXT(LLHTTP_VERSION_MAJOR, LLHTTP_VERSION_MINOR, LLHTTP_VERSION_PATCH);
}
