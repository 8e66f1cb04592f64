/* SPDX-License-Identifier: MIT
 * The protocol of csrc/net/drive.c, and of loop_wait and loop_interrupt in csrc/net/loop.c, for Spin: two app threads, the
 * sentry, and a world that sends requests. A call of the application may last for ever (not with STOP). With
 *   HOGS     a call may keep the other app threads from serving as long as it lasts,
 *   MESSAGE  somebody calls an app thread for something else (drive_call),
 *   STOP     the world stops the drive, and all threads must end.
 *
 * When nothing can move any more the monitor looks whether all sleep rightly: no request waits that somebody could serve,
 * the loop is looked after, by the sentry only if it must, and no message was overlooked. What moves for ever is a cycle, and
 * a mistake as well: with finitely many requests all must come to rest, the ticks of the sentry included.
 *
 * Left out, for it is a matter of time only: how often the sentry looks before it acts. Here it may act at once; with
 *   TICKS_LAST  not before an app thread that it has called runs. Without this there is one cycle: the sentry takes the drive
 *               before the called thread can, notices it, calls it again, and so on.
 * interrupts and seen_interrupts are only compared with each other, so one flag stands for them.
 *
 * Every step is one sequentially consistent operation. Each of these switches takes one barrier away: the load comes
 * before the store in front of it, as with a store buffer. Spin then finds a thread that sleeps while it is needed.
 *   LEAVE         drive_leave: is_held = 0 | sentry_state
 *   PARK_SENTRY   park_sentry: sentry_state = PARKED | is_held
 *   PARK_APP      sleep_until_called: parked_count + 1 | is_held, has_message, is_stopped, is_held_by_sentry
 *   TAKE          take_by_sentry: is_held_by_sentry = 1 | parked_count (in drive_is_wanted)
 *   WAIT          wait_for_events: is_waiting = 1 | interrupts
 *   INTERRUPT     loop_interrupt: interrupts + 1 | is_waiting
 *   CALL          drive_call: has_message = 1 | the list of the parked
 *   LEAVE_TO      drive_leave_to_sentry: sentry_state = CHOSEN | is_stopped
 * And one that makes no rest: with RESTLESS the sentry never parks. */

#ifndef REQUESTS
#define REQUESTS 3
#endif

mtype = {LOOKS, PARKED, CHOSEN};

bool is_held, is_held_by_sentry, is_stopped, is_hogged;
mtype sentry_state = LOOKS;
bool is_waiting, has_new_interrupt, has_wake_event; /* the last: eventfd, edge triggered */
byte parked_count;
bool is_parked[2], is_called[2], has_message[2];

byte socket_count, pending_count; /* requests: not read yet; read, but not begun */
bool is_stuck[2];                 /* in a call that does not end */
#ifdef TICKS_LAST
bool is_coming[2]; /* back from the list, but has not tried to take the drive yet */
#define COMES(seat, value) is_coming[seat] = value
#else
#define COMES(seat, value) skip
#endif
byte ended_count;

#define CAN_SERVE (!is_hogged && (!is_stuck[0] || !is_stuck[1]))
#define IS_WANTED (is_stopped || (parked_count > 0 && !is_hogged))

/* --- csrc/net/loop.c --- */

inline loop_interrupt()
{
#ifdef INTERRUPT
    if
    :: is_waiting -> has_new_interrupt = true; has_wake_event = true
    :: else -> has_new_interrupt = true
    fi
#else
    has_new_interrupt = true;
    if
    :: is_waiting -> has_wake_event = true
    :: else
    fi
#endif
}

/* Then reads one request, if there is one. */
inline loop_wait()
{
#ifdef WAIT
    if
    :: has_new_interrupt -> is_waiting = true
    :: else -> is_waiting = true; (has_wake_event || socket_count > 0)
    fi;
#else
    is_waiting = true;
    if
    :: has_new_interrupt
    :: else -> (has_wake_event || socket_count > 0)
    fi;
#endif
    atomic { has_wake_event = false; is_waiting = false }
    has_new_interrupt = false;
    atomic {
        if
        :: socket_count > 0 -> socket_count--; pending_count++
        :: else
        fi
    }
}

/* --- csrc/net/drive.c --- */

inline unpark_sentry()
{
    atomic {
        if
        :: sentry_state == PARKED -> sentry_state = LOOKS
        :: else
        fi
    }
}

inline drive_leave()
{
#ifdef LEAVE
    if
    :: sentry_state == PARKED -> is_held = false; unpark_sentry()
    :: else -> is_held = false
    fi
#else
    is_held = false;
    unpark_sentry()
#endif
}

inline release_by_sentry()
{
    is_held_by_sentry = false;
    is_held = false
}

inline release_if_chosen()
{
    atomic {
        if
        :: sentry_state == CHOSEN -> sentry_state = LOOKS; is_held_by_sentry = false; is_held = false
        :: else
        fi
    }
}

inline drive_leave_to_sentry()
{
    is_held_by_sentry = true;
#ifdef LEAVE_TO
    if
    :: is_stopped -> sentry_state = CHOSEN; release_if_chosen()
    :: else -> sentry_state = CHOSEN
    fi
#else
    sentry_state = CHOSEN;
    if
    :: is_stopped -> release_if_chosen()
    :: else
    fi
#endif
}

/* Under the lock, as what follows. */
inline call_seat(seat)
{
    if
    :: is_parked[seat] -> is_parked[seat] = false; parked_count--; is_called[seat] = true; COMES(seat, true)
    :: else
    fi
}

/* Which one does not matter here: any. */
inline call_parked()
{
    atomic {
        if
        :: is_parked[0] -> call_seat(0)
        :: is_parked[1] -> call_seat(1)
        :: else
        fi
    }
}

inline drive_call(seat)
{
#ifdef CALL
    atomic { call_seat(seat) }
    has_message[seat] = true
#else
    has_message[seat] = true;
    atomic { call_seat(seat) }
#endif
}

inline drive_stop()
{
    is_stopped = true;
    atomic { call_seat(0); call_seat(1) }
    unpark_sentry();
    loop_interrupt()
}

inline park()
{
    atomic { is_called[me] = false; is_parked[me] = true; parked_count++; COMES(me, false) }
}

inline unpark()
{
    atomic {
        COMES(me, true);
        if
        :: is_parked[me] -> is_parked[me] = false; parked_count--
        :: else
        fi
    }
}

/* --- the threads --- */

/* What it goes by before it sleeps is loaded one by one. */
#define GO_BACK_IF(condition) if :: condition -> unpark(); goto await :: else fi
#ifdef STOP
#define IF_STOPPED(then) if :: is_stopped -> then :: else fi
#else
#define IF_STOPPED(then) skip
#endif

proctype app_thread(byte me)
{
    bool is_hog;

await:
    IF_STOPPED(goto ended);
    atomic { /* a message has drive_await return; its caller comes back at once */
        has_message[me] = false;
        if
        :: !is_held -> is_held = true; COMES(me, false)
        :: else -> goto sleep
        fi
    }
    do
    :: is_stopped -> drive_leave(); goto ended
    :: !is_stopped && pending_count > 0 && is_hogged -> drive_leave_to_sentry(); goto await
    :: !is_stopped && pending_count > 0 && !is_hogged -> break
    :: !is_stopped && pending_count == 0 -> loop_wait()
    od;
    atomic {
        pending_count--;
#ifdef HOGS
        if
        :: is_hogged = true; is_hog = true
        :: skip
        fi
#endif
    }
    drive_leave();
#ifndef STOP
    if
    :: atomic { is_stuck[me] = true; ended_count++ }; goto stuck
    :: skip
    fi;
#endif
#ifdef HOGS
    atomic {
        if
        :: is_hog -> is_hogged = false; is_hog = false
        :: else
        fi
    }
#endif
    goto await;

sleep:
#ifdef PARK_APP
    if
    :: !is_held || has_message[me] || is_stopped -> goto await
    :: is_held && !has_message[me] && !is_stopped && is_held_by_sentry -> park(); loop_interrupt()
    :: is_held && !has_message[me] && !is_stopped && !is_held_by_sentry -> park()
    fi;
#else
    park();
    GO_BACK_IF(!is_held);
#ifdef MESSAGE
    GO_BACK_IF(has_message[me]);
#endif
    IF_STOPPED(unpark(); goto await);
    if
    :: is_held_by_sentry -> loop_interrupt()
    :: else
    fi;
#endif
    is_called[me];
    goto await;

stuck:
    false;

ended:
    atomic { ended_count++; COMES(me, false) }
}

proctype sentry()
{
watch:
    IF_STOPPED(goto ended);
#ifdef TICKS_LAST
    !is_coming[0] && !is_coming[1];
#endif
#ifdef HOGS
    atomic {
        if
        :: sentry_state == CHOSEN -> sentry_state = LOOKS; goto drive
        :: else
        fi
    }
#endif
    if
#ifdef RESTLESS
    :: is_held && is_waiting -> goto watch
#else
    :: is_held && is_waiting -> goto rest
#endif
    :: is_held && !is_waiting -> goto watch
    :: !is_held
    fi;
    if
    :: parked_count > 0 && !is_hogged -> call_parked(); goto watch
    :: else
    fi;
#ifdef TAKE
    if
    :: IS_WANTED -> goto watch /* the same, to make it short */
    :: else
    fi;
#endif
    atomic {
        if
        :: is_held -> goto watch
        :: else -> is_held = true
        fi
    }
    is_held_by_sentry = true;
#ifdef TAKE
    loop_wait();
#endif

drive:
    do
    :: IS_WANTED -> break
    :: else -> loop_wait()
    od;
    release_by_sentry();
    call_parked();
    goto watch;

rest:
#ifdef PARK_SENTRY
    if
    :: is_stopped || !is_held -> goto watch
    :: else
    fi;
#endif
    atomic {
        if
        :: sentry_state == LOOKS -> sentry_state = PARKED
        :: else -> goto watch
        fi
    }
#ifndef PARK_SENTRY
    IF_STOPPED(goto rise);
    if
    :: !is_held -> goto rise
    :: else
    fi;
#endif
    sentry_state != PARKED;
    goto watch;

rise:
    unpark_sentry();
    goto watch;

ended:
    release_if_chosen();
    ended_count++
}

active proctype world()
{
    byte left = REQUESTS;

    atomic { run app_thread(0); run app_thread(1); run sentry() }
#ifdef STOP
    socket_count = REQUESTS;
    drive_stop()
#else
    do
    :: left > 0 -> atomic { socket_count++; left-- }
    :: left == 0 -> break
    od
#endif
}

#ifdef MESSAGE
active proctype messenger()
{
    drive_call(0)
}
#endif

/* All sleep for ever. */
active proctype monitor()
{
    timeout ->
    atomic {
        if
        :: is_stopped ->
            assert(ended_count == 3 && !is_held)
        :: else ->
            assert(is_held);
            assert(socket_count == 0);
            assert(pending_count == 0 || !CAN_SERVE);
            assert(is_held_by_sentry || sentry_state == PARKED);
            assert(!is_held_by_sentry || !CAN_SERVE);
            assert(!has_message[0] || is_stuck[0] || !is_parked[0])
        fi
    }
}
