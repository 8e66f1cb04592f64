/* SPDX-License-Identifier: MIT */
#include "h1_forwarded.h"

#include "h1_rules.h"
#include "text.h"

/* One entry of a list of hops: the client that a proxy saw, and how. */
struct hop {
    bool has_node;  /* it names a node, if only as unknown */
    bool is_broken; /* what it names is no node */
    uint16_t port;
    struct ip_address address; /* without bytes: not known */
    struct slice scheme, host; /* of Forwarded */
};

/* What comes out of one kind of fields. */
struct account {
    bool is_there;
    const struct header *last; /* of the fields with clients */
    bool has_hop;
    struct hop hop; /* the chosen one */
    struct h1_forwarded told;
};

/* --- Nodes --- */

static bool parse_port(struct slice text, uint16_t *port)
{
    uint64_t value;

    if (text.len > 5 || !text_parse_u64(text, &value) || value > UINT16_MAX)
        return false;
    *port = (uint16_t)value;
    return true;
}

/* "_" and letters, digits, '.', '_', '-' (RFC 7239 6.3). */
static bool is_obfuscated(struct slice text)
{
    if (text.len < 2 || text.ptr[0] != '_')
        return false;
    for (size_t i = 1; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

/* "[" IPv6 "]", with ":port" or not. */
static bool parse_bracketed(struct slice text, struct hop *hop)
{
    const char *end = memchr(text.ptr, ']', text.len);
    size_t len;

    if (end == NULL)
        return false;
    len = (size_t)(end - text.ptr) + 1;
    if (!ip_address_parse(slice_of(text.ptr + 1, len - 2), &hop->address) ||
        memchr(text.ptr, ':', len) == NULL) /* an IPv4 address has no brackets */
        return false;
    if (len == text.len)
        return true;
    return text.ptr[len] == ':' && parse_port(slice_of(text.ptr + len + 1, text.len - len - 1), &hop->port);
}

/* A node of RFC 7239 6, or with `is_bare` one of X-Forwarded-For, where IPv6 needs no brackets. */
static bool parse_node(struct slice text, bool is_bare, struct hop *hop)
{
    const char *colon = text.len > 0 ? memchr(text.ptr, ':', text.len) : NULL;
    struct slice name = slice_of(text.ptr, colon != NULL ? (size_t)(colon - text.ptr) : text.len);
    struct slice port = colon != NULL ? slice_of(colon + 1, text.len - name.len - 1) : slice_of(NULL, 0);

    if (text.len > 0 && text.ptr[0] == '[')
        return parse_bracketed(text, hop);
    if (is_bare && memchr(port.ptr != NULL ? port.ptr : "", ':', port.len) != NULL)
        return ip_address_parse(text, &hop->address);
    if (colon != NULL && !parse_port(port, &hop->port) && !(!is_bare && is_obfuscated(port)))
        return false;
    if (slice_equal_nocase(name, SLICE("unknown")) || (!is_bare && is_obfuscated(name)))
        return true;
    return ip_address_parse(name, &hop->address);
}

/* Hops come from left to right. The chosen one is the last that no trusted proxy stands for; when all are trusted, the
 * first. What a client has put to the left of it does not matter. */
static void choose_hop(const struct h1_settings *settings, struct account *account, const struct hop *hop)
{
    bool is_trusted =
        hop->has_node && !hop->is_broken && hop->address.len != 0 && cidr_list_holds(settings->trusted, &hop->address);

    if (!is_trusted || !account->has_hop)
        account->hop = *hop;
    account->has_hop = true;
}

/* --- X-Forwarded-* --- */

static void read_x_for(const struct h1_settings *settings, struct slice list, struct account *account)
{
    while (list.len > 0) {
        const char *comma = memchr(list.ptr, ',', list.len);
        size_t len = comma != NULL ? (size_t)(comma - list.ptr) : list.len;
        struct slice text = slice_trim(slice_of(list.ptr, len));
        struct hop hop = {.has_node = true};

        if (text.len > 0) {
            hop.is_broken = !parse_node(text, true, &hop);
            choose_hop(settings, account, &hop);
        }
        len += comma != NULL;
        list = slice_of(list.ptr + len, list.len - len);
    }
}

static enum h1_reason read_scheme(struct slice text, enum h1_scheme *scheme)
{
    if (slice_equal_nocase(text, SLICE("https")))
        *scheme = H1_SCHEME_HTTPS;
    else if (slice_equal_nocase(text, SLICE("http")))
        *scheme = H1_SCHEME_HTTP;
    else
        return H1_REASON_FORWARDED_SCHEME;
    return H1_REASON_NONE;
}

/* A comma is valid in a host (RFC 3986 3.2.2), but here it parts what several proxies have said, and nobody can say
 * which of them is meant. */
static enum h1_reason read_host(struct slice text, struct slice *host)
{
    if (!h1_rules_is_authority(text) || memchr(text.ptr, ',', text.len) != NULL)
        return H1_REASON_FORWARDED_HOST;
    *host = text;
    return H1_REASON_NONE;
}

static enum h1_reason read_x_field(const struct h1_settings *settings, const struct header *field,
                                   struct account *account)
{
    unsigned wanted = settings->forwarded_fields;

    if (field->id == HEADER_X_FORWARDED_FOR && (wanted & H1_X_FORWARDED_FOR) != 0) {
        account->is_there = true;
        account->last = field;
        read_x_for(settings, field->value, account);
    } else if (field->id == HEADER_X_FORWARDED_PROTO && (wanted & H1_X_FORWARDED_PROTO) != 0) {
        if (account->told.scheme != H1_SCHEME_UNTOLD)
            return H1_REASON_FORWARDED_TWICE;
        account->is_there = true;
        return read_scheme(field->value, &account->told.scheme);
    } else if (field->id == HEADER_X_FORWARDED_HOST && (wanted & H1_X_FORWARDED_HOST) != 0) {
        if (account->told.host.len > 0)
            return H1_REASON_FORWARDED_TWICE;
        account->is_there = true;
        return read_host(field->value, &account->told.host);
    }
    return H1_REASON_NONE;
}

static enum h1_reason take_client(struct account *account)
{
    const struct hop *hop = &account->hop;

    if (!account->has_hop || !hop->has_node)
        return H1_REASON_NONE;
    if (hop->is_broken)
        return H1_REASON_FORWARDED_CLIENT;
    account->told.has_client = true;
    account->told.client = hop->address;
    account->told.port = hop->address.len != 0 ? hop->port : 0;
    return H1_REASON_NONE;
}

/* --- Forwarded (RFC 7239 4) --- */

/* A token or a quoted string at the start of `rest`, which is cut off it. *has_escapes: some quoted character is
 * written with a backslash, so that the value is not what stands there. */
static bool cut_value(struct slice *rest, struct slice *value, bool *has_escapes)
{
    size_t len = 0;

    *has_escapes = false;
    if (rest->len > 0 && rest->ptr[0] == '"') {
        for (len = 1; len < rest->len && rest->ptr[len] != '"'; len++) {
            if (rest->ptr[len] == '\\') {
                *has_escapes = true;
                len++;
            }
        }
        if (len >= rest->len)
            return false;
        *value = slice_of(rest->ptr + 1, len - 1);
        len++;
    } else {
        while (len < rest->len && h1_rules_is_token(slice_of(rest->ptr + len, 1)))
            len++;
        if (len == 0)
            return false;
        *value = slice_of(rest->ptr, len);
    }
    *rest = slice_of(rest->ptr + len, rest->len - len);
    return true;
}

/* Where the value of a parameter goes; NULL: nowhere. */
static struct slice *place_for(struct slice name, struct slice *node, struct hop *hop)
{
    if (slice_equal_nocase(name, SLICE("for")))
        return node;
    if (slice_equal_nocase(name, SLICE("proto")))
        return &hop->scheme;
    return slice_equal_nocase(name, SLICE("host")) ? &hop->host : NULL;
}

/* name "=" value, without white space. */
static bool cut_pair(struct slice *rest, struct slice *node, struct hop *hop)
{
    struct slice name, value, *place;
    bool has_escapes;

    if (rest->len == 0 || rest->ptr[0] == '"' || !cut_value(rest, &name, &has_escapes) || rest->len == 0 ||
        rest->ptr[0] != '=')
        return false;
    *rest = slice_of(rest->ptr + 1, rest->len - 1);
    if (!cut_value(rest, &value, &has_escapes))
        return false;
    place = place_for(name, node, hop);
    if (place == NULL)
        return true;
    if (place->ptr != NULL || has_escapes || value.len == 0) /* once only, and none of them needs a backslash */
        return false;
    *place = value;
    return true;
}

static bool is_at(const struct slice *rest, char c)
{
    return rest->len > 0 && rest->ptr[0] == c;
}

/* Pairs parted by ';', up to a comma or the end; any of them may be left out. Semicolons alone are the word of a proxy
 * that says nothing; without them there is no element (RFC 9110 5.6.1). */
static bool cut_element(struct slice *rest, struct hop *hop, bool *is_empty)
{
    struct slice node = {0};

    *is_empty = true;
    while (rest->len > 0 && !is_at(rest, ',') && !is_at(rest, ' ') && !is_at(rest, '\t')) {
        *is_empty = false;
        if (!is_at(rest, ';') && !cut_pair(rest, &node, hop))
            return false;
        if (!is_at(rest, ';'))
            break;
        *rest = slice_of(rest->ptr + 1, rest->len - 1);
    }
    *rest = slice_trim_start(*rest);
    if (node.ptr != NULL) {
        hop->has_node = true;
        hop->is_broken = !parse_node(node, false, hop);
    }
    return rest->len == 0 || rest->ptr[0] == ',';
}

static enum h1_reason read_list(const struct h1_settings *settings, struct slice rest, struct account *account)
{
    while (rest.len > 0) {
        struct hop hop = {0};
        bool is_empty;

        rest = slice_trim_start(rest);
        if (!cut_element(&rest, &hop, &is_empty))
            return H1_REASON_FORWARDED_MALFORMED;
        if (!is_empty)
            choose_hop(settings, account, &hop);
        if (rest.len > 0)
            rest = slice_of(rest.ptr + 1, rest.len - 1);
    }
    return H1_REASON_NONE;
}

/* The scheme and the host are those of the hop that the client is of. */
static enum h1_reason take_hop(struct account *account)
{
    const struct hop *hop = &account->hop;
    enum h1_reason reason = take_client(account);

    if (reason == H1_REASON_NONE && hop->scheme.ptr != NULL)
        reason = read_scheme(hop->scheme, &account->told.scheme);
    if (reason == H1_REASON_NONE && hop->host.ptr != NULL)
        reason = read_host(hop->host, &account->told.host);
    return reason;
}

/* --- Both --- */

/* Ports may be left out of X-Forwarded-For. */
static bool agree(const struct h1_forwarded *a, const struct h1_forwarded *b)
{
    return a->has_client == b->has_client && ip_address_equal(&a->client, &b->client) && a->scheme == b->scheme &&
           slice_equal_nocase(a->host, b->host);
}

static enum h1_reason read_field(const struct h1_settings *settings, const struct header *field, struct account *x,
                                 struct account *list)
{
    if (field->id != HEADER_FORWARDED)
        return read_x_field(settings, field, x);
    if ((settings->forwarded_fields & H1_FORWARDED) == 0)
        return H1_REASON_NONE;
    list->is_there = true;
    list->last = field;
    return read_list(settings, field->value, list);
}

/* Both kinds in one request must say the same: a proxy sets one kind, and the other may be the client's. */
static enum h1_reason conclude(struct account *x, struct account *list, const struct header **culprit)
{
    enum h1_reason reason = take_client(x);

    *culprit = x->last;
    if (reason != H1_REASON_NONE)
        return reason;
    *culprit = list->last;
    reason = take_hop(list);
    if (reason == H1_REASON_NONE && x->is_there && list->is_there && !agree(&x->told, &list->told))
        return H1_REASON_FORWARDED_DISAGREE;
    return reason;
}

enum h1_reason h1_forwarded_read(const struct h1_settings *settings, const struct request *request,
                                 struct h1_forwarded *told, const struct header **culprit)
{
    struct account x = {0}, list = {0};
    enum h1_reason reason;

    for (size_t i = 0; i < request->header_count; i++) {
        *culprit = &request->headers[i];
        reason = read_field(settings, *culprit, &x, &list);
        if (reason != H1_REASON_NONE)
            return reason;
    }
    reason = conclude(&x, &list, culprit);
    if (reason == H1_REASON_NONE)
        *told = list.is_there ? list.told : x.told;
    return reason;
}
