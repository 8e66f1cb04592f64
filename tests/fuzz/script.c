/* SPDX-License-Identifier: MIT */
#include "script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fd.h"

enum operation {
    FIRST_OPERATION = 0x80,
    SEAT = 0x80,
    HALF_CLOSE = 0x84,
    CLOSE,
    RECEIVE,
    RECEIVE_LITTLE,
    PAUSE,
    PASS_TIME,
    SEND_MANY = 0x8d,
    SEND_BYTE,
    DRAIN,
    BE_BUSY,
    BE_FREE,
    SHED,
    END_TURN,
    LAST_OPERATION = END_TURN,
};

enum { LITTLE_BYTES = 700, UNIT_BYTES = 256, PIECE_BYTES = 32768 };

int64_t script_now_us;

static void check(bool is_right, const char *what)
{
    if (is_right)
        return;
    perror(what);
    abort();
}

/* --- Clients --- */

static void connect_client(struct script *script)
{
    struct client *client = &script->clients[script->client_count];
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    socklen_t len = sizeof(name);

    if (script->client_count == SCRIPT_MOST_CLIENTS)
        return;
    *client = (struct client){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    check(client->fd >= 0, "socket");
    /* Without a name of one's own choice the kernel gives one. */
    check(bind(client->fd, (struct sockaddr *)&name, sizeof(sa_family_t)) == 0, "bind");
    check(getsockname(client->fd, (struct sockaddr *)&name, &len) == 0, "getsockname");
    client->name_len = len - sizeof(sa_family_t);
    check(client->name_len <= sizeof(client->name), "the name of a socket");
    memcpy(client->name, name.sun_path, client->name_len);
    len = sizeof(name);
    check(getsockname(script->listener_fd, (struct sockaddr *)&name, &len) == 0, "getsockname");
    if (connect(client->fd, (struct sockaddr *)&name, len) < 0) {
        fd_close(&client->fd); /* the backlog is full: nobody accepts any more */
        return;
    }
    script->seats[script->seat] = client;
    script->client_count++;
}

/* The client that acts; NULL: none. */
static struct client *acting(const struct script *script)
{
    struct client *client = script->seats[script->seat];

    return client != NULL && client->fd >= 0 ? client : NULL;
}

static bool receive(struct client *client, size_t limit)
{
    char piece[PIECE_BYTES];
    bool has_received = false;

    while (client != NULL && client->fd >= 0 && !client->is_at_end && limit > 0) {
        ssize_t got = recv(client->fd, piece, limit < sizeof(piece) ? limit : sizeof(piece), 0);

        if (got < 0 && errno == EAGAIN)
            break;
        has_received = true;
        if (got <= 0) {
            client->is_at_end = true;
            break;
        }
        check(buf_append(&client->received, slice_of(piece, (size_t)got)) == 0, "memory");
        limit -= (size_t)got;
    }
    return has_received;
}

bool script_receive_all(struct script *script)
{
    bool has_received = false;

    for (size_t i = 0; i < script->client_count; i++)
        has_received |= receive(&script->clients[i], SIZE_MAX);
    return has_received;
}

static void send_bytes(struct client *client, struct slice bytes)
{
    ssize_t sent;

    if (client == NULL || bytes.len == 0)
        return;
    sent = send(client->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
    if (sent > 0)
        check(buf_append(&client->sent, slice_of(bytes.ptr, (size_t)sent)) == 0, "memory");
}

/* --- The script --- */

static bool is_operation(uint8_t byte)
{
    return byte >= FIRST_OPERATION && byte <= LAST_OPERATION && byte != SEND_MANY && byte != SEND_BYTE;
}

static int next_byte(struct script *script)
{
    return script->at < script->end ? *script->at++ : 0;
}

/* Bytes up to the next operation are sent in one piece. */
static void play_bytes(struct script *script)
{
    struct buf bytes = {0};
    static char many[255 * UNIT_BYTES];

    while (script->at < script->end && !is_operation(*script->at)) {
        int byte = next_byte(script);
        char literal = (char)byte;
        size_t count = 1;

        if (byte == SEND_MANY) {
            count = (size_t)next_byte(script) * UNIT_BYTES;
            memset(many, 'm', count);
        } else if (byte == SEND_BYTE) {
            literal = (char)next_byte(script);
        }
        check(buf_append(&bytes, slice_of(byte == SEND_MANY ? many : &literal, count)) == 0, "memory");
    }
    send_bytes(acting(script), buf_slice(&bytes));
    buf_fini(&bytes);
}

static void pass_time(struct script *script, unsigned which)
{
    static const int64_t spans_us[] = {100000, 1000000, 4000000, 20000000};

    script_now_us += spans_us[which];
    script->has_time_passed = true;
}

static void take_seat(struct script *script, unsigned seat)
{
    script->seat = seat;
    if (acting(script) == NULL)
        connect_client(script);
}

static void play_operation(struct script *script, unsigned byte)
{
    struct client *client = acting(script);

    if (byte < HALF_CLOSE)
        take_seat(script, byte - SEAT);
    else if (byte >= PASS_TIME && byte < SEND_MANY)
        pass_time(script, byte - PASS_TIME);
    else if (byte == HALF_CLOSE && client != NULL)
        shutdown(client->fd, SHUT_WR);
    else if (byte == RECEIVE || byte == RECEIVE_LITTLE)
        receive(client, byte == RECEIVE ? SIZE_MAX : LITTLE_BYTES);
    else if (byte == CLOSE && client != NULL) {
        client->has_closed = true;
        fd_close(&client->fd);
    } else if (byte == DRAIN && !script->is_drained) {
        script->is_drained = true;
        script->on_drain();
    } else if (byte == BE_BUSY || byte == BE_FREE) {
        script->is_busy = byte == BE_BUSY;
    } else if (byte == SHED) {
        script->on_shed(next_byte(script));
    }
}

bool script_play(struct script *script)
{
    if (script->at == script->end)
        return false;
    if (is_operation(*script->at))
        play_operation(script, *script->at++);
    else
        play_bytes(script);
    return true;
}

bool script_ends_turn(struct script *script)
{
    if (script->at == script->end)
        return true;
    if (*script->at != END_TURN)
        return false;
    script->at++;
    return true;
}

void script_begin(struct script *script, const uint8_t *data, size_t size, int listener_fd)
{
    *script = (struct script){.at = data, .end = data + size, .listener_fd = listener_fd};
    take_seat(script, 0);
}

/* --- What the server has to do with them --- */

struct client *script_find_peer(struct script *script, int server_fd)
{
    struct sockaddr_un name;
    socklen_t len = sizeof(name);

    check(getpeername(server_fd, (struct sockaddr *)&name, &len) == 0, "getpeername");
    len -= sizeof(sa_family_t);
    for (size_t i = script->client_count; i-- > 0;) { /* the last of a name: they may be given again */
        if (script->clients[i].name_len == len && memcmp(script->clients[i].name, name.sun_path, len) == 0)
            return &script->clients[i];
    }
    check(false, "a request of nobody");
    return NULL;
}

struct answer *script_add_answer(struct client *client)
{
    struct answer *answer;

    client->answers = realloc(client->answers, (client->answer_count + 1) * sizeof(*answer));
    check(client->answers != NULL, "memory");
    answer = &client->answers[client->answer_count++];
    *answer = (struct answer){0};
    return answer;
}

void script_end(struct script *script)
{
    for (size_t i = 0; i < script->client_count; i++) {
        struct client *client = &script->clients[i];

        fd_close(&client->fd);
        buf_fini(&client->sent);
        buf_fini(&client->received);
        for (size_t k = 0; k < client->answer_count; k++)
            buf_fini(&client->answers[k].body);
        free(client->answers);
    }
}
