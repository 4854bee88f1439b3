/* direct.h - recv(2) and send(2) as the data path calls them: without libc's cancellation points,
 * which cost two locked instructions around each call and stand for something that no thread of
 * this program does. Results and errno are those of recv and send. */
#pragma once

#include "base/platform.h"

#include <sys/types.h>

/* recv without flags. */
MUST_USE ssize_t direct_recv(int fd, void *at, size_t bytes);
/* send with MSG_NOSIGNAL. */
MUST_USE ssize_t direct_send(int fd, const void *at, size_t bytes);
