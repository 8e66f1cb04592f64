/* SPDX-License-Identifier: MIT
 * Whole lines out of a stream: where the bytes are cut must not matter, nothing may be lost, no line may be split. */
#include "unit.h"

#include "line_tail.h"

/* Everything that came out, piece after piece. */
struct collected {
    struct buf bytes;
    size_t piece_count;
};

static void collect(struct collected *collected, struct line_piece *piece)
{
    if (piece->lines.len > 0) {
        assert_int_equal(piece->lines.ptr[piece->lines.len - 1], '\n');
        assert_int_equal(buf_append(&collected->bytes, piece->lines), 0);
        collected->piece_count++;
    }
    buf_fini(&piece->owned);
}

static void add(struct line_tail *tail, struct slice bytes, struct collected *collected)
{
    struct line_piece piece;

    assert_int_equal(line_tail_add(tail, bytes, &piece), 0);
    collect(collected, &piece);
}

static void finish(struct line_tail *tail, struct collected *collected)
{
    struct line_piece piece;

    line_tail_finish(tail, &piece);
    collect(collected, &piece);
}

static void expect(struct collected *collected, struct slice expected)
{
    assert_int_equal(collected->bytes.len, expected.len);
    assert_memory_equal(collected->bytes.ptr, expected.ptr, expected.len);
    buf_fini(&collected->bytes);
}

static void passes_whole_lines_without_copying(void **state)
{
    static const char text[] = "one\ntwo\nthr";
    struct line_tail tail;
    struct line_piece piece;

    (void)state;
    line_tail_init(&tail);
    assert_int_equal(line_tail_add(&tail, slice_of_string(text), &piece), 0);
    assert_ptr_equal(piece.lines.ptr, text);
    assert_int_equal(piece.lines.len, 8);
    assert_null(piece.owned.ptr);
    assert_int_equal(tail.pending.len, 3);
    line_tail_fini(&tail);
}

static void gives_the_same_wherever_it_is_cut(void **state)
{
    static const char text[] = "a\n\nlong line here\nunfinished";
    size_t len = sizeof(text) - 1;

    (void)state;
    for (size_t first = 0; first <= len; first++) {
        for (size_t second = first; second <= len; second++) {
            struct collected collected = {.piece_count = 0};
            struct line_tail tail;

            line_tail_init(&tail);
            add(&tail, slice_of(text, first), &collected);
            add(&tail, slice_of(text + first, second - first), &collected);
            add(&tail, slice_of(text + second, len - second), &collected);
            finish(&tail, &collected);
            finish(&tail, &collected);
            line_tail_fini(&tail);
            expect(&collected, SLICE("a\n\nlong line here\nunfinished\n"));
        }
    }
}

static void keeps_an_unfinished_line_back(void **state)
{
    struct collected collected = {.piece_count = 0};
    struct line_tail tail;

    (void)state;
    line_tail_init(&tail);
    add(&tail, SLICE("waiting "), &collected);
    add(&tail, SLICE("for "), &collected);
    assert_int_equal(collected.piece_count, 0);
    add(&tail, SLICE("more\nand"), &collected);
    assert_int_equal(collected.piece_count, 1);
    line_tail_fini(&tail);
    expect(&collected, SLICE("waiting for more\n"));
}

static void lets_no_line_grow_without_bound(void **state)
{
    struct collected collected = {.piece_count = 0};
    struct line_tail tail;
    size_t added = 0, kept;

    (void)state;
    line_tail_init(&tail);
    while (collected.piece_count < 3) {
        add(&tail, SLICE("0123456789abcdef"), &collected);
        added += 16;
        assert_true(tail.pending.len <= LINE_TAIL_LIMIT_BYTES);
    }
    kept = tail.pending.len;
    assert_int_equal(collected.bytes.len + kept, added + 3);
    assert_true(collected.bytes.len > 3 * LINE_TAIL_LIMIT_BYTES);
    line_tail_fini(&tail);
    buf_fini(&collected.bytes);
}

static void has_nothing_to_finish_when_nothing_came(void **state)
{
    struct line_tail tail;
    struct line_piece piece;

    (void)state;
    line_tail_init(&tail);
    assert_int_equal(line_tail_add(&tail, slice_of(NULL, 0), &piece), 0);
    assert_int_equal(piece.lines.len, 0);
    buf_fini(&piece.owned);
    line_tail_finish(&tail, &piece);
    assert_int_equal(piece.lines.len, 0);
    assert_null(piece.owned.ptr);
    line_tail_fini(&tail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_whole_lines_without_copying),      cmocka_unit_test(gives_the_same_wherever_it_is_cut),
        cmocka_unit_test(keeps_an_unfinished_line_back),           cmocka_unit_test(lets_no_line_grow_without_bound),
        cmocka_unit_test(has_nothing_to_finish_when_nothing_came),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
