/* SPDX-License-Identifier: MIT
 * Reads JSON (RFC 8259) into a tree, in the memory of the text itself. */
#ifndef CLUTCH_JSON_READ_H
#define CLUTCH_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attrs.h"
#include "slice.h"

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_TEXT, JSON_ARRAY, JSON_OBJECT };

/* Whole numbers up to here mean the same to all who read JSON (RFC 8259 section 6). Sums and differences of hundreds of
 * them fit into 64 bits. */
#define JSON_MOST_NUMBER ((int64_t)1 << 53)

struct json_node {
    enum json_kind kind;
    struct slice name;       /* in an object */
    struct slice text;       /* of JSON_TEXT: any bytes */
    int64_t number;          /* of JSON_NUMBER: its whole part, up to JSON_MOST_NUMBER on either side of 0 */
    struct json_node *first; /* of an array or object; NULL: empty */
    struct json_node *next;  /* its neighbour */
};

struct json_tree;

/* Returns a tree owned by the caller, or NULL: no JSON, nested too deeply (32), or no memory. Changes the text, which
 * must outlive the tree. Names that occur twice: the first counts. */
struct json_tree *json_tree_read(char *text, size_t len) MUST_CHECK;
void json_tree_free(struct json_tree *);

/* The value at the top. */
const struct json_node *json_tree_root(const struct json_tree *);

/* Members of an object. All of them take NULL, and other kinds of values, for an object without members. */
const struct json_node *json_member(const struct json_node *, const char *name);
/* 0, no text, false where there is none of the kind. */
int64_t json_member_number(const struct json_node *, const char *name);
struct slice json_member_text(const struct json_node *, const char *name);
bool json_member_flag(const struct json_node *, const char *name);
/* Whether there is a number, since null stands for one that is not known. */
bool json_has_number(const struct json_node *, const char *name);
/* The first element of an array, or member of an object, of this name; NULL. */
const struct json_node *json_first_of(const struct json_node *, const char *name);

#endif
