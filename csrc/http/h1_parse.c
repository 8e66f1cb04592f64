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
    MOST_EXTRA_BYTES = 16384, /* trailers and chunk extensions of one request */
};

static llhttp_t *parser_of(struct h1_parse *parse)
{
    return (llhttp_t *)(void *)parse->llhttp;
}

static int refuse(struct h1_parse *parse, int status, const char *reason)
{
    if (parse->refusal.status == 0)
        parse->refusal = (struct h1_refusal){.status = status, .reason = reason};
    return -1;
}

/* One value can come in several pieces; they lie one behind the other in memory. */
static void extend(struct slice *slice, const char *at, size_t len)
{
    if (slice->ptr == NULL)
        slice->ptr = at;
    slice->len += len;
}

static int on_method(llhttp_t *parser, const char *at, size_t len)
{
    struct h1_parse *parse = parser->data;

    if (parse->start == NULL) {
        parse->start = at;
        parse->skipped_bytes += (uint32_t)(at - parse->fed_from);
        if (parse->skipped_bytes > MOST_SKIPPED_BYTES)
            return refuse(parse, 400, "too many empty lines before the request line");
    }
    extend(&parse->request.method, at, len);
    return 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    struct h1_parse *parse = parser->data;
    struct request *request = &parse->request;

    if (request->target.ptr == NULL && at != request->method.ptr + request->method.len + 1)
        return refuse(parse, 400, "more than one space before the request target");
    extend(&request->target, at, len);
    if (request->method.len + 1 + request->target.len + VERSION_PART_BYTES > parse->settings->line_limit_bytes)
        return refuse(parse, 414, "request line is longer than limit-request-line");
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
            return refuse(parse, 400, "malformed request line");
        parse->is_line_done = true;
    }
    return 0;
}

static int count_extra(struct h1_parse *parse, size_t len)
{
    parse->extra_bytes += (uint32_t)len;
    if (len > MOST_EXTRA_BYTES || parse->extra_bytes > MOST_EXTRA_BYTES)
        return refuse(parse, 431, "too many bytes in trailers and chunk extensions");
    return 0;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
    struct h1_parse *parse = parser->data;

    if (parse->is_head_done)
        return count_extra(parse, len); /* a trailer: RFC 9110 6.5.1 lets us drop it */
    if (parse->is_in_value || parse->field_count == 0) {
        if (parse->field_count >= parse->settings->field_limit)
            return refuse(parse, 431, "more fields than limit-request-fields");
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
    return parse->is_head_done ? count_extra(parse, sizeof(": \r\n") - 1) : 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
    struct h1_parse *parse = parser->data;

    if (parse->is_head_done)
        return count_extra(parse, len);
    extend(&parse->fields[parse->field_count - 1].value, at, len);
    return 0;
}

static int on_chunk_extension(llhttp_t *parser, const char *at, size_t len)
{
    (void)at;
    return count_extra(parser->data, len);
}

/* The character before a name or a value: counted once, in however many pieces they come. */
static int on_chunk_extension_complete(llhttp_t *parser)
{
    return count_extra(parser->data, 1);
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
        return refuse(parse, 400, "request line without a version");
    if (!is_served_method(parser->method))
        return refuse(parse, 501, "method is not served");
    if (parser->http_major != 1)
        return refuse(parse, 505, "HTTP version is not 1.0 or 1.1");
    parse->head_bytes = measure_head(parse);
    if (parse->head_bytes > parse->settings->head_limit_bytes)
        return refuse(parse, 431, "request head is larger than limit-request-head");
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
    return h1_rules_apply(parse) ? 0 : -1;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct h1_parse *parse = parser->data;
    int status = parse->on_body(parse->body_context, slice_of(at, len));

    if (status == 413)
        return refuse(parse, status, "request body is larger than limit-request-body");
    return status == 0 ? 0 : refuse(parse, status, "request body cannot be stored");
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
    .on_chunk_extension_name = on_chunk_extension,
    .on_chunk_extension_value = on_chunk_extension,
    .on_chunk_extension_name_complete = on_chunk_extension_complete,
    .on_chunk_extension_value_complete = on_chunk_extension_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

size_t h1_parse_size(const struct h1_settings *settings)
{
    return sizeof(struct h1_parse) + settings->field_limit * sizeof(struct header);
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
        refuse(parse, 400, "TLS on a port that speaks plain HTTP");
        return;
    }
    space = memchr(start, ' ', (size_t)(end - start));
    if (h1_rules_is_token(slice_of(start, (size_t)((space != NULL ? space : end) - start))))
        refuse(parse, 501, "unknown method");
    else
        refuse(parse, 400, "malformed request line");
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
        refuse(parse, 505, "HTTP version is not 1.0 or 1.1");
    else
        refuse(parse, 400, "malformed end of the request line");
}

static void refuse_for(struct h1_parse *parse, llhttp_errno_t error, struct slice bytes)
{
    switch (error) {
    case HPE_INVALID_METHOD:
        refuse_method(parse, bytes);
        return;
    case HPE_INVALID_VERSION:
        refuse_version(parse, bytes);
        return;
    case HPE_PAUSED_H2_UPGRADE:
        refuse(parse, 505, "HTTP/2 is not spoken");
        return;
    case HPE_INVALID_URL:
        refuse(parse, 400, "invalid character in the request target");
        return;
    case HPE_INVALID_CONTENT_LENGTH:
        refuse(parse, 400, "invalid Content-Length");
        return;
    case HPE_UNEXPECTED_CONTENT_LENGTH:
        refuse(parse, 400, "two Content-Length fields, or both Transfer-Encoding and Content-Length");
        return;
    case HPE_INVALID_TRANSFER_ENCODING:
        refuse(parse, 400, "invalid Transfer-Encoding");
        return;
    case HPE_INVALID_HEADER_TOKEN:
        refuse(parse, 400, "invalid character in a field");
        return;
    case HPE_INVALID_CHUNK_SIZE:
        refuse(parse, 400, "invalid chunk");
        return;
    default:
        refuse(parse, 400, parse->is_line_done ? "malformed request" : "malformed request line");
    }
}

/* Bounds what has come of a head that is not complete. */
static void bound_unfinished(struct h1_parse *parse, size_t len)
{
    if (parse->start == NULL) {
        parse->skipped_bytes += (uint32_t)len;
        if (len > MOST_SKIPPED_BYTES || parse->skipped_bytes > MOST_SKIPPED_BYTES)
            refuse(parse, 400, "too many empty lines before the request line");
        return;
    }
    if (!parse->is_line_done && parse->fed_bytes > parse->settings->line_limit_bytes)
        refuse(parse, 414, "request line is longer than limit-request-line");
    else if (parse->fed_bytes > parse->settings->head_limit_bytes)
        refuse(parse, 431, "request head is larger than limit-request-head");
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
        return H1_MESSAGE_DONE;
    }
    if (error != HPE_OK) {
        refuse_for(parse, error, bytes);
        if (parse->start == NULL) { /* refused at the first word: the log shall show it */
            parse->start = bytes.ptr;
            parse->fed_bytes = bytes.len;
        }
    } else if (!parse->is_head_done)
        bound_unfinished(parse, bytes.len);
    return parse->refusal.status == 0 ? H1_NEED_MORE : H1_REFUSED;
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
