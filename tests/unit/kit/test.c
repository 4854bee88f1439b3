/* test.c - runs every registered test of one program and prints TAP (https://testanything.org),
 * which Meson reads. A failed claim does not end a test and a failed test does not end the
 * program: one run shows all that is wrong. */
#include "test.h"

#include <signal.h>

struct test *test_first, **test_last = &test_first;
bool test_has_failed;
const char *test_skip_reason;

int main(void)
{
    int count = 0, failed = 0;
    (void)signal(SIGPIPE, SIG_IGN); /* as the program does: a peer may be gone */
    for (struct test *test = test_first; test != NULL; test = test->next) {
        count++;
    }
    printf("1..%d\n", count);
    count = 0;
    for (struct test *test = test_first; test != NULL; test = test->next) {
        test_has_failed = false;
        test_skip_reason = NULL;
        test->run();
        failed += test_has_failed;
        printf("%s %d - %s", test_has_failed ? "not ok" : "ok", ++count, test->name);
        printf(test_skip_reason == NULL ? "\n" : " # SKIP %s\n", test_skip_reason);
        fflush(stdout);
    }
    return failed > 0;
}
