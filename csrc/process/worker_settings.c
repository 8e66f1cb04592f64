/* SPDX-License-Identifier: MIT */
#include "worker_settings.h"

#include "cidr.h"
#include "config.h"

/* The words of --underscores-in-headers. */
enum { UNDERSCORES_DROP, UNDERSCORES_REFUSE };

struct h1_settings worker_settings(const struct config *config, bool shows_queue)
{
    return (struct h1_settings){
        .line_limit_bytes = (size_t)config->limit_request_line_bytes,
        .head_limit_bytes = (size_t)config->limit_request_head_bytes,
        .field_limit = (size_t)config->limit_request_fields,
        .body_limit_bytes = (uint64_t)config->limit_request_body_bytes,
        .body_memory_bytes = (size_t)config->body_memory_bytes,
        .body_temp_path = config->body_temp_path,
        .body_rate_bytes = (uint64_t)config->body_min_rate_bytes,
        .send_rate_bytes = (uint64_t)config->send_min_rate_bytes,
        .response_memory_bytes = (size_t)config->response_memory_bytes,
        .response_file_bytes = (uint64_t)config->response_file_bytes,
        .head_timeout_us = config->head_timeout_ms * 1000,
        .body_timeout_us = config->body_timeout_ms * 1000,
        .send_timeout_us = config->send_timeout_ms * 1000,
        .keep_alive_us = config->keep_alive_ms * 1000,
        .queue_limit = config->queue_limit,
        .queue_timeout_us = config->queue_timeout_ms * 1000,
        .request_timeout_us = config->request_timeout_ms * 1000,
        .thread_count = (int)config->threads,
        .without = config->debug_without,              /* the words have the order of the bits */
        .forwarded_fields = config->forwarded_headers, /* likewise */
        .wants_proxy_header = config->proxy_protocol,
        .refuses_underscores = config->underscores_in_headers == UNDERSCORES_REFUSE,
        .request_id_header =
            config->request_id_header != NULL ? slice_of_string(config->request_id_header) : slice_of(NULL, 0),
        .has_server_timing = config->server_timing,
        .strips_hop_by_hop = config->strip_hop_by_hop,
        .wants_arrival_times = config->server_timing || shows_queue,
    };
}

bool worker_settings_trust(const struct config *config, struct cidr_list *trusted)
{
    const struct config_list *texts = &config->forwarded_allow_ips;

    for (size_t i = 0; i < texts->count; i++) {
        struct slice wrong;

        if (cidr_list_add(trusted, slice_of_string(texts->items[i]), &wrong) != CIDR_DONE)
            return false;
    }
    return true;
}
