/* SPDX-License-Identifier: MIT */
#include "h1_refusal.h"

#include <stdio.h>
#include <sys/socket.h>

#include "clock.h"
#include "h1_head.h"
#include "log.h"
#include "text.h"

enum { ANSWER_BYTES = 512, SHOWN_BYTES = 200 };

void h1_refusal_send(const struct h1_refusal *refusal, const struct h1_parse *parse, int socket_fd)
{
    bool is_head_request = parse != NULL && slice_equal(parse->request.method, SLICE("HEAD"));
    const char *text = is_head_request ? "" : refusal->reason, *end = is_head_request ? "" : "\n";
    char answer[ANSWER_BYTES], retry_after[40] = "";
    int len;

    if (refusal->retry_after_s > 0)
        snprintf(retry_after, sizeof(retry_after), "Retry-After: %d\r\n", refusal->retry_after_s);
    len = snprintf(answer, sizeof(answer),
                   "HTTP/1.1 %d %s\r\n"
                   "Date: %.*s\r\n"
                   "Server: clutch\r\n"
                   "Content-Type: text/plain; charset=utf-8\r\n"
                   "Content-Length: %zu\r\n"
                   "%s"
                   "Connection: close\r\n"
                   "\r\n"
                   "%s%s",
                   refusal->status, h1_head_reason(refusal->status), CLOCK_HTTP_DATE_BYTES, clock_http_date(),
                   strlen(refusal->reason) + 1, retry_after, text, end);

    (void)!send(socket_fd, answer, (size_t)len, MSG_NOSIGNAL);
}

void h1_refusal_log(const struct h1_refusal *refusal, const struct endpoints *endpoints, const struct h1_parse *parse)
{
    char shown[SHOWN_BYTES] = "";

    if (!log_is_enabled(LOG_LEVEL_INFO))
        return;
    if (parse != NULL && parse->start != NULL) {
        size_t len = parse->is_head_done ? parse->head_bytes : parse->fed_bytes;
        const char *line_end = memchr(parse->start, '\r', len);

        text_escape(shown, sizeof(shown),
                    slice_of(parse->start, line_end != NULL ? (size_t)(line_end - parse->start) : len));
    }
    if (endpoints->remote_address[0] != '\0')
        log_info("refused %d (%s) of %s:%s: \"%s\"", refusal->status, refusal->reason, endpoints->remote_address,
                 endpoints->remote_port, shown);
    else
        log_info("refused %d (%s) of a unix socket client: \"%s\"", refusal->status, refusal->reason, shown);
}
