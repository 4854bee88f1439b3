/* main.c - the program: a verb and its words. All it does stands in cli/cli.c; see cli/verb.h. */
#include "cli/verb.h"

int main(int argc, char **argv)
{
    return (int)cli_run(argc, argv);
}
