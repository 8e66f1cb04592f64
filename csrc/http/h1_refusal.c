/* SPDX-License-Identifier: MIT */
#include "h1_refusal.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>

#include "clock.h"
#include "h1_driver.h"
#include "h1_head.h"
#include "h1_request_id.h"
#include "h1_server_priv.h"
#include "log.h"
#include "text.h"

enum { ANSWER_BYTES = 512 + H1_REQUEST_ID_FIELD_BYTES, SHOWN_BYTES = 200, CLIENT_BYTES = 80, RETRY_AFTER_S = 10 };

static void send_answer(const struct h1_refusal *refusal, const struct h1_parse *parse, const char *id_field,
                        int socket_fd)
{
    bool is_head_request = parse != NULL && slice_equal(parse->request.method, SLICE("HEAD"));
    const char *reason = h1_reason_text(refusal->reason);
    const char *text = is_head_request ? "" : reason, *end = is_head_request ? "" : "\n";
    int status = h1_reason_status(refusal->reason);
    char answer[ANSWER_BYTES], retry_after[40] = "";
    int len;

    if (status == 503) /* no memory, no room on the disk: it may be over soon */
        snprintf(retry_after, sizeof(retry_after), "Retry-After: %d\r\n",
                 refusal->retry_after_s > 0 ? refusal->retry_after_s : RETRY_AFTER_S);
    len = snprintf(answer, sizeof(answer),
                   "HTTP/1.1 %d %s\r\n"
                   "Date: %.*s\r\n"
                   "Server: clutch\r\n"
                   "Content-Type: text/plain; charset=utf-8\r\n"
                   "Content-Length: %zu\r\n"
                   "%s%s"
                   "Connection: close\r\n"
                   "\r\n"
                   "%s%s",
                   status, h1_head_reason(status), CLOCK_HTTP_DATE_BYTES, clock_http_date(), strlen(reason) + 1,
                   retry_after, id_field, text, end);

    (void)!send(socket_fd, answer, (size_t)len, MSG_NOSIGNAL);
}

/* The request line as far as it has come, escaped. */
static void show_line(char shown[SHOWN_BYTES], const struct h1_parse *parse)
{
    const char *line_end;
    size_t len;

    shown[0] = '\0';
    if (parse == NULL || parse->start == NULL)
        return;
    len = parse->is_head_done ? parse->head_bytes : parse->fed_bytes;
    line_end = memchr(parse->start, '\r', len);
    text_escape(shown, SHOWN_BYTES, slice_of(parse->start, line_end != NULL ? (size_t)(line_end - parse->start) : len));
}

/* The client as a trusted proxy has named it, or else whoever the connection is of. */
static void show_client(char shown[CLIENT_BYTES], const struct endpoints *endpoints, const struct h1_parse *parse)
{
    const struct h1_forwarded *told = parse != NULL ? &parse->forwarded : NULL;
    char address[CIDR_TEXT_BYTES];

    if (told != NULL && told->has_client && told->client.len > 0) {
        ip_address_format(&told->client, address);
        if (told->port != 0)
            snprintf(shown, CLIENT_BYTES, "%s:%u", address, (unsigned)told->port);
        else
            snprintf(shown, CLIENT_BYTES, "%s", address);
    } else if (endpoints->remote_address[0] != '\0') {
        snprintf(shown, CLIENT_BYTES, "%s:%s", endpoints->remote_address, endpoints->remote_port);
    } else {
        snprintf(shown, CLIENT_BYTES, "a unix socket client");
    }
}

static void log_refusal(const struct h1_refusal *refusal, const struct endpoints *endpoints,
                        const struct h1_parse *parse, struct slice id)
{
    const struct log_report report = {.level = LOG_LEVEL_INFO, .about = {.request_id = id}};
    char line[SHOWN_BYTES], culprit[SHOWN_BYTES] = "", client[CLIENT_BYTES], request[H1_REQUEST_ID_SHOWN_BYTES];

    show_line(line, parse);
    if (refusal->culprit.len > 0)
        text_escape(culprit, sizeof(culprit), refusal->culprit);
    show_client(client, endpoints, parse);
    h1_request_id_show(request, id);
    log_report(&report, "refused %d (%s) of %s: \"%s\"%s%s%s%s", h1_reason_status(refusal->reason),
               h1_reason_text(refusal->reason), client, line, culprit[0] != '\0' ? ", at \"" : "", culprit,
               culprit[0] != '\0' ? "\"" : "", request);
}

static void log_left_out(uint64_t left_out)
{
    if (left_out > 0)
        log_info("refused %" PRIu64 " more requests (at most %d lines a second tell of them)", left_out,
                 H1_LOG_LIMIT_LINES);
}

void h1_refusal_answer(struct h1_driver *driver, const struct h1_refusal *refusal, const struct endpoints *endpoints,
                       const struct h1_parse *parse, int socket_fd)
{
    struct h1_server *server = driver->server;
    const struct slice id_name = server->settings->request_id_header;
    struct slice id = id_name.len > 0 ? h1_request_id_of_refused(&driver->request_ids, parse) : slice_of(NULL, 0);
    char id_field[H1_REQUEST_ID_FIELD_BYTES];
    uint64_t left_out = 0;

    if (server->observer->on_refusal != NULL)
        server->observer->on_refusal(server->observer->context, refusal->reason);
    if (log_is_enabled(LOG_LEVEL_INFO) && (h1_server_lacks(server, H1_WITHOUT_LOG_LIMIT) ||
                                           h1_log_limit_allows(&server->refusal_limit, clock_now_us(), &left_out))) {
        log_left_out(left_out);
        log_refusal(refusal, endpoints, parse, id);
    }
    h1_request_id_format_field(id_field, id_name, id);
    send_answer(refusal, parse, id_field, socket_fd);
}

static void tell(struct deadline *deadline)
{
    struct h1_server *server = CONTAINER_OF(deadline, struct h1_server, refusal_tell);

    log_left_out(h1_log_limit_take(&server->refusal_limit));
    h1_log_limit_tell_events();
}

void h1_refusal_tell_later(struct h1_server *server)
{
    if (!list_has_node(&server->refusal_tell.node) &&
        (h1_log_limit_has_more(&server->refusal_limit) || h1_log_limit_has_more_events()))
        deadline_set(&server->loop, &server->refusal_tells, &server->refusal_tell);
}

void h1_refusal_init(struct h1_server *server)
{
    h1_log_limit_init(&server->refusal_limit);
    deadline_queue_init(&server->loop, &server->refusal_tells, H1_LOG_LIMIT_PERIOD_US, tell);
}

void h1_refusal_fini(struct h1_server *server)
{
    log_left_out(h1_log_limit_take(&server->refusal_limit));
    h1_log_limit_tell_events();
}
