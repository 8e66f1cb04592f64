/* SPDX-License-Identifier: MIT */
#include "routes.h"

#include "exchange.h"
#include "h1_head.h"
#include "text.h"

enum { LENGTH_BYTES = 20 };

static const char PLAIN_TEXT[] = "text/plain; charset=utf-8";

static const struct route *find_route(const struct route *routes, size_t count, struct slice path)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(path, slice_of_string(routes[i].path)))
            return &routes[i];
    }
    return NULL;
}

static bool is_among(struct slice method, const char *methods)
{
    struct slice left = slice_of_string(methods);

    while (left.len > 0) {
        const char *comma = memchr(left.ptr, ',', left.len);
        size_t len = comma != NULL ? (size_t)(comma - left.ptr) : left.len;

        if (slice_equal(method, slice_trim(slice_of(left.ptr, len))))
            return true;
        len += comma != NULL;
        left = slice_of(left.ptr + len, left.len - len);
    }
    return false;
}

static enum head_error add_fields(struct exchange *exchange, const struct answer *answer, const char *allow)
{
    const struct slice name = SLICE("Content-Length");
    char length[LENGTH_BYTES]; /* a HEAD request's response has it as well */
    enum head_error error = exchange_add_header(exchange, SLICE("Content-Type"), slice_of_string(answer->content_type));

    if (error == HEAD_OK)
        error = exchange_add_header(exchange, name, slice_of(length, text_format_u64(length, answer->text->len)));
    if (error == HEAD_OK)
        error = exchange_add_header(exchange, SLICE("Cache-Control"), SLICE("no-store"));
    if (error == HEAD_OK && allow != NULL)
        error = exchange_add_header(exchange, SLICE("Allow"), slice_of_string(allow));
    return error;
}

static void send_answer(struct exchange *exchange, const struct answer *answer, const char *allow)
{
    struct slice block = buf_slice(answer->text);

    if (exchange_begin_head(exchange, answer->status, slice_of_string(h1_head_reason(answer->status))) != HEAD_OK ||
        add_fields(exchange, answer, allow) != HEAD_OK) {
        exchange_fail(exchange);
        return;
    }
    if (!exchange_buffer_body(exchange, &block, 1))
        (void)exchange_write(exchange, &block, 1, true);
}

int routes_say(struct answer *answer, int status, const char *line)
{
    answer->status = status;
    return buf_append(answer->text, slice_of_string(line));
}

void routes_serve(const struct route *routes, size_t count, void *context, struct buf *text, struct exchange *exchange)
{
    const struct route *route = find_route(routes, count, exchange->request->path);
    struct answer answer = {.status = 200, .content_type = PLAIN_TEXT, .text = text};
    const char *allow = NULL;
    int result;

    text->len = 0;
    if (route == NULL) {
        result = routes_say(&answer, 404, "not found\n");
    } else if (!is_among(exchange->request->method, route->methods)) {
        allow = route->methods;
        result = routes_say(&answer, 405, "method not allowed\n");
    } else {
        result = route->make(context, exchange, &answer);
    }
    if (result < 0)
        exchange_fail(exchange);
    else
        send_answer(exchange, &answer, allow);
}
