/* SPDX-License-Identifier: MIT */
#include "top_screen.h"

#include <curses.h>
#include <stdio.h>
#include <term.h>
#include <unistd.h>

enum { ESCAPE = 27, ESCAPE_DELAY_MS = 25 };

static SCREEN *screen;

/* NULL, or what this kind of terminal is not up to. */
static const char *look_at_kind(void)
{
    bool can_move;
    int found;

    if (setupterm(NULL, STDOUT_FILENO, &found) != OK)
        return "top does not know this kind of terminal ($TERM); --batch needs none";
    can_move = cursor_address != NULL;
    del_curterm(cur_term);
    return can_move ? NULL : "this terminal cannot move its cursor ($TERM); --batch need not";
}

const char *top_screen_open(void)
{
    const char *mistake;

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return "top needs a terminal; --batch prints to whatever standard output is";
    mistake = look_at_kind();
    if (mistake != NULL)
        return mistake;
    screen = newterm(NULL, stdout, stdin);
    if (screen == NULL)
        return "top does not get along with this terminal ($TERM); --batch needs none";
    set_escdelay(ESCAPE_DELAY_MS);
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    curs_set(0);
    return NULL;
}

void top_screen_close(void)
{
    if (screen == NULL)
        return;
    curs_set(1);
    endwin();
    delscreen(screen);
    screen = NULL;
}

void top_screen_begin(void)
{
    erase();
}

int top_screen_height(void)
{
    return getmaxy(stdscr);
}

void top_screen_line(int row, struct slice line, enum top_style style)
{
    int width = getmaxx(stdscr), len = line.len < (size_t)width ? (int)line.len : width;
    chtype attributes = style == TOP_BOLD ? A_BOLD : style == TOP_REVERSE ? A_REVERSE : A_NORMAL;

    if (row < 0 || row >= getmaxy(stdscr))
        return;
    attrset(attributes);
    if (len > 0)
        mvaddnstr(row, 0, line.ptr, len);
    if (style == TOP_REVERSE && len < width)
        mvhline(row, len, ' ' | A_REVERSE, width - len);
    attrset(A_NORMAL);
}

void top_screen_end(void)
{
    refresh();
}

enum top_key top_screen_key(void)
{
    static const struct {
        int code;
        enum top_key key;
    } keys[] = {
        {KEY_UP, TOP_KEY_UP},         {'k', TOP_KEY_UP},      {KEY_DOWN, TOP_KEY_DOWN},
        {'j', TOP_KEY_DOWN},          {'q', TOP_KEY_QUIT},    {'Q', TOP_KEY_QUIT},
        {ESCAPE, TOP_KEY_QUIT},       {'p', TOP_KEY_PAUSE},   {' ', TOP_KEY_PAGE_DOWN},
        {KEY_PPAGE, TOP_KEY_PAGE_UP}, {'b', TOP_KEY_PAGE_UP}, {KEY_NPAGE, TOP_KEY_PAGE_DOWN},
        {'s', TOP_KEY_STACKS},
    };
    int code = getch();

    if (code == ERR)
        return TOP_KEY_NONE;
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        if (keys[i].code == code)
            return keys[i].key;
    }
    return TOP_KEY_OTHER;
}
