/* SPDX-License-Identifier: MIT */
#include "json_read.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_DEPTH = 32, BLOCK_NODES = 256 };

struct block {
    struct block *next;
    size_t count;
    struct json_node nodes[BLOCK_NODES];
};

struct json_tree {
    struct block *blocks;
    struct json_node *root;
};

struct reader {
    struct json_tree *tree;
    char *at, *end;
    int depth;
};

static struct json_node *new_node(struct json_tree *tree)
{
    struct block *block = tree->blocks;

    if (block == NULL || block->count == BLOCK_NODES) {
        block = malloc(sizeof(*block));
        if (block == NULL)
            return NULL;
        block->count = 0;
        block->next = tree->blocks;
        tree->blocks = block;
    }
    block->nodes[block->count] = (struct json_node){.kind = JSON_NULL};
    return &block->nodes[block->count++];
}

/* --- Text --- */

static void skip_space(struct reader *reader)
{
    while (reader->at < reader->end && memchr(" \t\r\n", *reader->at, 4) != NULL)
        reader->at++;
}

static bool take(struct reader *reader, char byte)
{
    skip_space(reader);
    if (reader->at == reader->end || *reader->at != byte)
        return false;
    reader->at++;
    return true;
}

static bool take_word(struct reader *reader, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(reader->end - reader->at) < len || memcmp(reader->at, word, len) != 0)
        return false;
    reader->at += len;
    return true;
}

static bool read_hex(struct reader *reader, unsigned *code)
{
    *code = 0;
    for (int i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdefABCDEF";
        const char *digit = reader->at < reader->end ? memchr(digits, *reader->at, sizeof(digits) - 1) : NULL;

        if (digit == NULL)
            return false;
        *code = *code * 16 + (unsigned)(digit - digits > 15 ? digit - digits - 6 : digit - digits);
        reader->at++;
    }
    return true;
}

/* In UTF-8, which is never longer than the escape. Halves of characters beyond the first 65,536 become '?'. */
static char *put_code(char *out, unsigned code)
{
    if (code >= 0xd800 && code <= 0xdfff)
        code = '?';
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3f));
    } else {
        *out++ = (char)(0xe0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    }
    return out;
}

/* Behind a backslash. NULL: no escape. */
static char *read_escape(struct reader *reader, char *out)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *letter;
    unsigned code;

    if (reader->at == reader->end)
        return NULL;
    if (*reader->at == 'u') {
        reader->at++;
        return read_hex(reader, &code) ? put_code(out, code) : NULL;
    }
    letter = memchr(letters, *reader->at++, sizeof(letters) - 1);
    if (letter == NULL)
        return NULL;
    *out++ = meanings[letter - letters];
    return out;
}

static bool read_text(struct reader *reader, struct slice *text)
{
    char *from, *out;

    if (!take(reader, '"'))
        return false;
    from = out = reader->at;
    while (reader->at < reader->end) {
        char byte = *reader->at++;

        if (byte == '"') {
            *text = slice_of(from, (size_t)(out - from));
            return true;
        }
        if ((unsigned char)byte < 0x20)
            return false;
        if (byte != '\\')
            *out++ = byte;
        else if ((out = read_escape(reader, out)) == NULL)
            return false;
    }
    return false;
}

/* --- Values --- */

static bool is_digit(const struct reader *reader)
{
    return reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9';
}

static bool skip_digits(struct reader *reader)
{
    if (!is_digit(reader))
        return false;
    while (is_digit(reader))
        reader->at++;
    return true;
}

static bool read_number(struct reader *reader, int64_t *number)
{
    bool is_negative = take_word(reader, "-");
    uint64_t value = 0;

    if (!is_digit(reader))
        return false;
    for (; is_digit(reader); reader->at++)
        value = value < JSON_MOST_NUMBER ? value * 10 + (uint64_t)(*reader->at - '0') : value;
    if (value > JSON_MOST_NUMBER)
        value = JSON_MOST_NUMBER;
    *number = is_negative ? -(int64_t)value : (int64_t)value;
    if (take_word(reader, ".") && !skip_digits(reader))
        return false;
    if (!take_word(reader, "e") && !take_word(reader, "E"))
        return true;
    if (!take_word(reader, "+"))
        (void)take_word(reader, "-");
    return skip_digits(reader);
}

static struct json_node *read_value(struct reader *reader);

/* What stands between the brackets. */
static bool read_members(struct reader *reader, struct json_node *parent, char closing)
{
    struct json_node **link = &parent->first;

    if (take(reader, closing))
        return true;
    do {
        struct slice name = {.ptr = NULL};

        if (closing == '}' && (!read_text(reader, &name) || !take(reader, ':')))
            return false;
        *link = read_value(reader);
        if (*link == NULL)
            return false;
        (*link)->name = name;
        link = &(*link)->next;
    } while (take(reader, ','));
    return take(reader, closing);
}

static bool read_into(struct reader *reader, struct json_node *node)
{
    static const struct {
        const char *word;
        enum json_kind kind;
    } words[] = {{"null", JSON_NULL}, {"false", JSON_FALSE}, {"true", JSON_TRUE}};

    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        node->kind = words[i].kind;
        if (take_word(reader, words[i].word))
            return true;
    }
    if (take_word(reader, "[")) {
        node->kind = JSON_ARRAY;
        return read_members(reader, node, ']');
    }
    if (take_word(reader, "{")) {
        node->kind = JSON_OBJECT;
        return read_members(reader, node, '}');
    }
    node->kind = JSON_NUMBER;
    if (read_number(reader, &node->number))
        return true;
    node->kind = JSON_TEXT;
    return read_text(reader, &node->text);
}

static struct json_node *read_value(struct reader *reader)
{
    struct json_node *node = new_node(reader->tree);
    bool is_read;

    skip_space(reader);
    if (node == NULL || reader->depth == MOST_DEPTH)
        return NULL;
    reader->depth++;
    is_read = read_into(reader, node);
    reader->depth--;
    return is_read ? node : NULL;
}

/* --- Public --- */

struct json_tree *json_tree_read(char *text, size_t len)
{
    struct json_tree *tree = calloc(1, sizeof(*tree));
    struct reader reader = {.tree = tree, .at = text, .end = text + len};

    if (tree == NULL)
        return NULL;
    tree->root = read_value(&reader);
    skip_space(&reader);
    if (tree->root != NULL && reader.at == reader.end)
        return tree;
    json_tree_free(tree);
    return NULL;
}

void json_tree_free(struct json_tree *tree)
{
    struct block *block, *next;

    if (tree == NULL)
        return;
    for (block = tree->blocks; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    free(tree);
}

const struct json_node *json_tree_root(const struct json_tree *tree)
{
    return tree != NULL ? tree->root : NULL;
}

const struct json_node *json_member(const struct json_node *node, const char *name)
{
    if (node == NULL || node->kind != JSON_OBJECT)
        return NULL;
    for (const struct json_node *member = node->first; member != NULL; member = member->next) {
        if (slice_equal(member->name, slice_of_string(name)))
            return member;
    }
    return NULL;
}

int64_t json_member_number(const struct json_node *node, const char *name)
{
    const struct json_node *member = json_member(node, name);

    return member != NULL ? member->number : 0;
}

bool json_has_number(const struct json_node *node, const char *name)
{
    const struct json_node *member = json_member(node, name);

    return member != NULL && member->kind == JSON_NUMBER;
}

struct slice json_member_text(const struct json_node *node, const char *name)
{
    const struct json_node *member = json_member(node, name);

    return member != NULL ? member->text : slice_of("", 0);
}

bool json_member_flag(const struct json_node *node, const char *name)
{
    const struct json_node *member = json_member(node, name);

    return member != NULL && member->kind == JSON_TRUE;
}

const struct json_node *json_first_of(const struct json_node *node, const char *name)
{
    const struct json_node *member = json_member(node, name);

    return member != NULL ? member->first : NULL;
}
