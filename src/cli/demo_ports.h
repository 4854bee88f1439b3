/* demo_ports.h - an example whose addresses are taken on this machine moves to free ones: the first
 * thing that a newcomer types must not fail because something else listens on 8080. */
#pragma once

#include "config/config.h"

#include <stdio.h>

/* Gives every listener, the metrics listener and every target whose address is taken a port that is
 * free, and says so on `out`. Returns how many were moved. `arena` holds new names of targets. A
 * configuration that was moved is for being printed (config_write_yaml): its hash and its
 * diagnostics speak of the file. */
uint32_t demo_ports_move(struct config *config, struct arena *arena, FILE *out);
