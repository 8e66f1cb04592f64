/* SPDX-License-Identifier: MIT
 * A server on a loopback port with a gateway that is a C function, and a client in a thread of its own. */
#ifndef CLUTCH_FAKE_GATEWAY_H
#define CLUTCH_FAKE_GATEWAY_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "exchange.h"
#include "h1_server.h"
#include "listener.h"
#include "loopback.h"

typedef void (*fake_serve_fn)(struct exchange *);
struct fake;
typedef void (*fake_client_fn)(struct fake *);

struct fake {
    struct h1_settings settings;
    fake_serve_fn serve;
    fake_client_fn client;
    const char *first; /* sent before the server looks: NULL, or what the client begins with, however late it is */
    struct listener listener;
    struct h1_server *server;
    int stop_fd;      /* eventfd: the client is through */
    int client_fd;    /* connected before the client starts */
    struct buf input; /* what the client has received */
    int begun, ended, last_status;
};

static void fake_count_begin(void *context, int thread, const struct exchange *exchange)
{
    (void)thread;
    (void)exchange;
    ((struct fake *)context)->begun++;
}

static void fake_count_end(void *context, int thread, const struct exchange *exchange, const struct h1_summary *summary)
{
    struct fake *fake = context;

    (void)thread;
    (void)exchange;
    fake->ended++;
    fake->last_status = summary->status;
}

static void fake_on_stop(void *context, int fd)
{
    uint64_t count;
    struct fake *fake = context;

    (void)!read(fd, &count, sizeof(count));
    h1_server_drain(fake->server);
}

static void fake_send(struct fake *fake, const char *text)
{
    size_t len = strlen(text);

    while (len > 0) {
        ssize_t sent = send(fake->client_fd, text, len, MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        text += sent;
        len -= (size_t)sent;
    }
}

/* How often `text` stands in what has been received. */
static size_t fake_count(const struct fake *fake, const char *text)
{
    struct slice left = buf_slice(&fake->input);
    size_t found = 0;
    const char *at;

    while (left.len > 0 && (at = memmem(left.ptr, left.len, text, strlen(text))) != NULL) {
        found++;
        at += strlen(text);
        left = slice_of(at, (size_t)(left.ptr + left.len - at));
    }
    return found;
}

/* Receives until `text` has been seen so often, or the connection ends. Returns whether it was seen. */
static bool fake_receive_times(struct fake *fake, const char *text, size_t times)
{
    while (fake_count(fake, text) < times) {
        char piece[65536];
        ssize_t got = recv(fake->client_fd, piece, sizeof(piece), 0);

        if (got <= 0 || buf_append(&fake->input, slice_of(piece, (size_t)got)) < 0)
            return false;
    }
    return true;
}

static bool fake_receive_until(struct fake *fake, const char *text)
{
    return fake_receive_times(fake, text, 1);
}

/* Receives until the server closes the connection. */
static inline void fake_receive_all(struct fake *fake)
{
    fake_receive_until(fake, "never sent \x01");
}

static void *fake_run_client(void *context)
{
    struct fake *fake = context;
    uint64_t one = 1;

    fake->client(fake);
    (void)!write(fake->stop_fd, &one, sizeof(one));
    return NULL;
}

/* Serves one client from its first byte to its last; afterwards fake->input is what it got. */
static inline void fake_run(struct fake *fake)
{
    struct h1_observer observer = {.context = fake, .on_begin = fake_count_begin, .on_end = fake_count_end};
    struct h1_place place = {.listeners = &fake->listener, .listener_count = 1};
    struct h1_driver *driver;
    struct exchange *exchange;
    char error[200];
    pthread_t thread;

    if (fake->settings.field_limit == 0)
        fake->settings = patient_settings;
    assert_int_equal(listener_open(&fake->listener, "127.0.0.1:0", 16, error, sizeof(error)), 0);
    fake->server = h1_server_new(&fake->settings, &place, &observer);
    assert_non_null(fake->server);
    driver = h1_driver_new(fake->server, 0);
    assert_non_null(driver);
    fake->stop_fd = eventfd(0, EFD_NONBLOCK);
    assert_int_equal(h1_server_watch(fake->server, fake->stop_fd, fake_on_stop, fake), 0);
    fake->client_fd = loopback_connect(&fake->listener);
    if (fake->first != NULL)
        fake_send(fake, fake->first);
    pthread_create(&thread, NULL, fake_run_client, fake);
    while ((exchange = h1_server_next(fake->server, driver)) != NULL) {
        fake->serve(exchange);
        h1_server_finish(fake->server, driver);
    }
    pthread_join(thread, NULL);
    close(fake->client_fd);
    close(fake->stop_fd);
    h1_driver_free(driver);
    h1_server_free(fake->server);
    listener_close(&fake->listener);
    assert_int_equal(buf_append(&fake->input, slice_of("", 1)), 0); /* a NUL, for the string functions */
}

static void fake_fini(struct fake *fake)
{
    buf_fini(&fake->input);
}

#endif
