/* SPDX-License-Identifier: MIT */
#include "check.h"
#include "fuzz_app.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { DECLARED_BYTES = 100, LARGE_BYTES = 40000, FILE_BYTES = 50000, CYCLE_BYTES = 1009, MOST_LETTERS = 24 };

struct app {
    struct exchange *exchange;
    struct answer answer;
    int status;
    bool is_begun, declares, has_failed, is_gone;
    bool is_ended; /* nothing more is to be handed over */
};

/* Bytes of which every place is told from its neighbours. */
static char pattern[LARGE_BYTES + FILE_BYTES + CYCLE_BYTES];
static int pattern_fd;

void fuzz_app_prepare(void)
{
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = (char)('a' + i % CYCLE_BYTES * 7 % 26);
    pattern_fd = memfd_create("fuzz", MFD_CLOEXEC);
    check(pattern_fd >= 0 && write(pattern_fd, pattern, FILE_BYTES) == FILE_BYTES, "a file");
}

static void begin(struct app *app)
{
    struct exchange *exchange = app->exchange;

    if (app->is_begun)
        return;
    app->is_begun = true;
    app->answer.status = app->status;
    check(exchange_begin_head(exchange, app->status, SLICE("Fine")) == HEAD_OK, "a head was refused");
    if (!app->declares)
        return;
    check(exchange_add_header(exchange, SLICE("Content-Length"), SLICE("100")) == HEAD_OK, "a length was refused");
    app->answer.has_length = true;
    app->answer.declared_bytes = DECLARED_BYTES;
}

static bool may_have_body(const struct app *app)
{
    return !app->answer.is_head_request && app->status == 200;
}

/* `bytes` have been handed over, with this result. */
static void account(struct app *app, struct slice bytes, enum exchange_result result, bool is_last)
{
    struct answer *answer = &app->answer;

    check(buf_append(&answer->body, bytes) == 0, "out of memory");
    app->is_gone |= result == EXCHANGE_GONE;
    if (!may_have_body(app))
        app->is_ended = answer->is_whole = true;
    else if (answer->has_length)
        app->is_ended = answer->is_whole = answer->body.len >= answer->declared_bytes;
    else
        app->is_ended = answer->is_whole = is_last;
    check(result != EXCHANGE_FULL || app->is_ended, "an answer is full too early");
}

static void write_block(struct app *app, size_t len, bool is_last)
{
    struct slice block = slice_of(pattern + app->answer.body.len % CYCLE_BYTES, len);

    begin(app);
    if (!app->is_ended)
        account(app, block, exchange_write(app->exchange, &block, 1, is_last), is_last);
    else
        check(exchange_write(app->exchange, &block, 1, is_last) != EXCHANGE_OK, "more than the end was taken");
}

static void write_file(struct app *app)
{
    struct slice bytes = slice_of(pattern, FILE_BYTES);

    begin(app);
    if (!app->is_ended)
        account(app, bytes, exchange_write_file(app->exchange, pattern_fd, 0, FILE_BYTES), true);
}

static void write_small(struct app *app)
{
    struct slice block = slice_of(pattern, DECLARED_BYTES);

    begin(app);
    if (exchange_buffer_body(app->exchange, &block, 1))
        account(app, block, EXCHANGE_OK, true);
}

/* What the server answers when an application has left nothing to send. */
static void expect_error(struct app *app)
{
    app->answer.status = 500;
    app->answer.has_length = false;
    app->answer.body.len = 0;
    check(buf_append(&app->answer.body, SLICE("Internal Server Error\n")) == 0, "out of memory");
    app->answer.is_whole = true;
}

static void fail(struct app *app)
{
    app->has_failed = true;
    if (!app->exchange->is_head_sent)
        expect_error(app);
    exchange_fail(app->exchange);
}

static void choose_status(struct app *app, char letter)
{
    static const int statuses[] = {200, 304, 204, 205};

    if (!app->is_begun)
        app->status = statuses[letter - '2'];
}

static void obey(struct app *app, char letter, const struct fuzz_app_breaks *breaks)
{
    switch (letter) {
    case '2':
    case '3':
    case '4':
    case '5':
        choose_status(app, letter);
        break;
    case 'd':
        app->declares = true;
        break;
    case 's':
        write_small(app);
        break;
    case 'c':
        write_block(app, 40, false);
        break;
    case 'C':
        write_block(app, 3000, false);
        break;
    case 'l':
        write_block(app, LARGE_BYTES, false);
        break;
    case 'e':
        write_block(app, 0, true);
        break;
    case 'F':
        write_file(app);
        break;
    case 'f':
        fail(app);
        break;
    case 'p':
        breaks->play();
        break;
    case 'w':
        breaks->watch();
        break;
    case 'g':
        (void)exchange_is_client_gone(app->exchange);
        break;
    case 'x':
        begin(app);
        if (!app->exchange->is_head_sent)
            check(exchange_add_header(app->exchange, SLICE("X-Field"), SLICE("v")) == HEAD_OK, "a field was refused");
        break;
    default:
        break;
    }
}

struct answer fuzz_app_serve(struct exchange *exchange, const struct fuzz_app_breaks *breaks)
{
    const struct request *request = exchange->request;
    struct app app = {
        .exchange = exchange,
        .status = 200,
        .answer = {.is_head_request = slice_equal(request->method, SLICE("HEAD")),
                   .is_version_1_0 = request->version_minor == 0},
    };

    for (size_t i = 1; i < request->path.len && i < MOST_LETTERS && !app.has_failed; i++)
        obey(&app, request->path.ptr[i], breaks);
    if (!exchange->is_head_sent)
        expect_error(&app);
    if (app.is_gone)
        app.answer.is_whole = false;
    return app.answer;
}
