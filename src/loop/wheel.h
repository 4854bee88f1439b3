/* wheel.h - the loop's timer wheel, for loop.c alone; timers are set through loop.h.
 * Setting and stopping a timer costs the same however many there are, which matters because each
 * read of each connection moves a deadline. */
#pragma once

#include "loop/loop.h"

/* An empty wheel that starts at loop->now_ms. */
void wheel_init(struct loop *loop);
/* Fires what is due at loop->now_ms. */
void wheel_advance(struct loop *loop);
/* Milliseconds until the wheel has work, at most one day; -1: no timer is set. */
int wheel_wait_ms(const struct loop *loop);
