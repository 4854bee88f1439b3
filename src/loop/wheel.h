/* wheel.h - the loop's timer wheel, for loop.c alone; timers are set through loop.h. */
#pragma once

#include "loop/loop.h"

void wheel_init(struct loop *loop);
/* Fires what is due at loop->now_ms. */
void wheel_advance(struct loop *loop);
/* Milliseconds until the wheel has work, at most one day; -1: no timer is set. */
int wheel_wait_ms(const struct loop *loop);
