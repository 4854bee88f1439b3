/* platform.h - what differs between compilers and builds, kept in one place.
 * Function bodies elsewhere contain no #if: they use the names defined here. */
#pragma once

#include <assert.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A result that may not be ignored. */
#define MUST_USE __attribute__((warn_unused_result))
#define NO_RETURN __attribute__((noreturn))
/* For what is called where a call would cost more than the work. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define PRINTF_LIKE(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
#define LIKELY(claim) __builtin_expect(!!(claim), 1)
#define UNLIKELY(claim) __builtin_expect(!!(claim), 0)
#define CACHE_LINE_BYTES 64
#define CACHE_ALIGNED __attribute__((aligned(CACHE_LINE_BYTES)))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Tells the processor that this is a spinning loop. */
#if defined(__x86_64__)
#define CPU_RELAX() __builtin_ia32_pause()
#else
#define CPU_RELAX() ((void)0)
#endif

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#ifndef HAS_ASAN
#define HAS_ASAN 0
#endif

/* Sanitizers map more memory than a process with a limit on it may have. */
#if defined(__SANITIZE_THREAD__)
#define HAS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#endif
#ifndef HAS_TSAN
#define HAS_TSAN 0
#endif

#if HAS_ASAN
#include <sanitizer/asan_interface.h>
#define MEMORY_POISON(at, bytes) __asan_poison_memory_region((at), (bytes))
#define MEMORY_UNPOISON(at, bytes) __asan_unpoison_memory_region((at), (bytes))
#else
#define MEMORY_POISON(at, bytes) ((void)(at), (void)(bytes))
#define MEMORY_UNPOISON(at, bytes) ((void)(at), (void)(bytes))
#endif
