/* main.c - the program: a verb and its words; see cli/verbs.def for the verbs, cli/cli.c for more. */
#include "cli/verb.h"

int main(int argc, char **argv)
{
    return (int)cli_run(argc, argv);
}
