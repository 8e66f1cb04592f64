/* SPDX-License-Identifier: MIT */
#include "sent.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "h1_request_id.h"

static void check_body(const struct request_body *body, struct slice expected)
{
    char *bytes = malloc(expected.len + 1);

    check(bytes != NULL && body->length == expected.len, "a body is not as long as what was sent");
    if (body->file_fd >= 0)
        /* Behind it, the file may hold what else was passed from worker to worker. */
        check(pread(body->file_fd, bytes, expected.len, 0) == (ssize_t)expected.len, "the file is not the body");
    else if (expected.len > 0)
        memcpy(bytes, body->memory, expected.len);
    check(slice_equal(slice_of(bytes, expected.len), expected), "a body is not what was sent");
    free(bytes);
}

/* Some may have been dropped, none changed or made up; but for the id, which is there once. */
static void check_fields(const struct request *request, const struct reference *expected, struct slice id_name)
{
    size_t next = 0, id_count = 0;

    for (size_t i = 0; i < request->header_count; i++) {
        const struct header *field = &request->headers[i];

        if (id_name.len > 0 && slice_equal_nocase(field->name, id_name)) {
            check(h1_request_id_is_sane(field->value), "the id of a request is none");
            id_count++;
            continue;
        }
        while (next < expected->field_count && (!slice_equal(field->name, expected->fields[next].name) ||
                                                !slice_equal(field->value, expected->fields[next].value)))
            next++;
        check(next++ < expected->field_count, "a field is not what was sent");
    }
    check(id_count == (id_name.len > 0), "a request has not one id");
}

static bool consists_of(const char *text, const char *characters)
{
    return text[strspn(text, characters)] == '\0';
}

/* Whatever a proxy says. */
static void check_endpoints(const struct endpoints *endpoints)
{
    check(consists_of(endpoints->remote_address, "0123456789abcdef.:"), "an address that is none");
    check(consists_of(endpoints->remote_port, "0123456789"), "a port that is none");
    check(strcmp(endpoints->scheme, "http") == 0 || strcmp(endpoints->scheme, "https") == 0, "a scheme that is none");
}

void sent_check(const struct exchange *exchange, const struct reference *expected, struct slice id_name)
{
    check(slice_equal(exchange->request->method, expected->method), "not the method that was sent");
    check(slice_equal(exchange->request->target, expected->target), "not the target that was sent");
    check_fields(exchange->request, expected, id_name);
    check_body(&exchange->body, buf_slice(&expected->body));
    check_endpoints(exchange->endpoints);
}
