/* SPDX-License-Identifier: MIT */
/*
 * model.h: the backend that answers from memory.
 */
#ifndef SETTID_TESTS_MODEL_H
#define SETTID_TESTS_MODEL_H

#include "backend.h"

#include <pidns.h>

extern const struct case_backend case_model;
extern uint32_t case_model_features; /* what its worlds are made with: pidns_profile(), at first the latest */

#endif
