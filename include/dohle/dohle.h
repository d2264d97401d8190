// SPDX-License-Identifier: MIT
/*
 * Everything in one include.
 */
#ifndef DOHLE_DOHLE_H
#define DOHLE_DOHLE_H

#include <dohle/admin.h>
#include <dohle/config.h>
#include <dohle/consumer.h>
#include <dohle/embedded.h>
#include <dohle/error.h>
#include <dohle/log.h>
#include <dohle/producer.h>
#include <dohle/record.h>
#include <dohle/types.h>
#include <dohle/version.h>

#endif
