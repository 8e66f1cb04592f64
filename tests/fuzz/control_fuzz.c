/* SPDX-License-Identifier: MIT
 * Answers of a control socket: whatever a server says, it is refused, or shown as lines of printable ASCII. The byte
 * 0xfe separates two answers, of which the second is the newer one. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "check.h"
#include "json_read.h"
#include "stacks_view.h"
#include "status_view.h"

enum { SEPARATOR = 0xfe, MOST_DEPTH = 32 };

struct answer {
    char *text;
    size_t len;
    struct json_tree *tree;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_slice(const struct answer *answer, struct slice slice)
{
    check(slice.len == 0 || (slice.ptr >= answer->text && slice.ptr + slice.len <= answer->text + answer->len),
          "text that lies elsewhere");
}

static void check_node(const struct answer *answer, const struct json_node *node, int depth)
{
    check(depth <= MOST_DEPTH, "nested too deeply");
    check_slice(answer, node->name);
    check_slice(answer, node->text);
    check(node->number == 0 || node->kind == JSON_NUMBER, "a number of another kind");
    check(node->number <= JSON_MOST_NUMBER && node->number >= -JSON_MOST_NUMBER, "a number without bounds");
    check(node->text.len == 0 || node->kind == JSON_TEXT, "a text of another kind");
    check(node->first == NULL || node->kind == JSON_ARRAY || node->kind == JSON_OBJECT, "members of another kind");
    for (const struct json_node *member = node->first; member != NULL; member = member->next)
        check_node(answer, member, depth + 1);
}

/* In memory that is exactly as large. */
static struct answer read_answer(const uint8_t *data, size_t size)
{
    struct answer answer = {.text = malloc(size > 0 ? size : 1), .len = size};

    check(answer.text != NULL, "out of memory");
    if (size > 0)
        memcpy(answer.text, data, size);
    answer.tree = json_tree_read(answer.text, size);
    if (answer.tree != NULL)
        check_node(&answer, json_tree_root(answer.tree), 1);
    return answer;
}

static void free_answer(struct answer *answer)
{
    json_tree_free(answer->tree);
    free(answer->text);
}

static void check_shown(struct buf *text)
{
    for (size_t i = 0; i < text->len; i++)
        check(text->ptr[i] == '\n' || (text->ptr[i] >= ' ' && text->ptr[i] <= '~'), "more than letters are shown");
    check(text->len == 0 || text->ptr[text->len - 1] == '\n', "a line without an end");
    text->len = 0;
}

/* Also where they are not of one server: the clients look, but nothing may depend on it. */
static void show(const struct json_node *now, const struct json_node *before)
{
    const struct status_samples samples = {.now = now, .before = before};
    struct buf text;

    buf_init(&text);
    check(status_view_all(&samples, &text) == 0, "out of memory");
    check_shown(&text);
    check(status_view_running(&samples, 1, &text) == 0, "out of memory");
    check_shown(&text);
    check(stacks_view_all(now, &text) == 0, "out of memory");
    check_shown(&text);
    buf_fini(&text);
    (void)status_view_are_of_one(now, before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *separator = size > 0 ? memchr(data, SEPARATOR, size) : NULL;
    size_t len = separator != NULL ? (size_t)(separator - data) : 0, rest = separator != NULL ? len + 1 : 0;
    struct answer before = read_answer(data, len), now = read_answer(data + rest, size - rest);

    if (now.tree != NULL) {
        show(json_tree_root(now.tree), NULL);
        show(json_tree_root(now.tree), json_tree_root(before.tree));
    }
    free_answer(&before);
    free_answer(&now);
    return 0;
}
